// Time as an argument: code that needs "now" is given a Clock, or better, the time itself.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace heddle {

// Thread-safe. Now() is wall time and may step; lease expiry uses it because a lease outlives a
// process. Durations inside one process are better measured with std::chrono::steady_clock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace heddle
