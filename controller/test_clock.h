// A clock that a test moves.
#pragma once

#include "absl/time/time.h"
#include "base/clock.h"

namespace heddle::controller {

class TestClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace heddle::controller
