// A stream between a simulated node and a simulated controller: two queues of serialised messages,
// kept in order, that can break at any moment. Each end learns of the break by itself, later.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"

namespace heddle::simulation {

struct Wire {
  std::deque<std::string> to_node, to_controller;
  bool node_open = true;        // the node still uses it
  bool controller_open = true;  // the controller still uses it
  bool cut = false;             // nothing passes any more
};
using WirePtr = std::shared_ptr<Wire>;

class SimClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

}  // namespace heddle::simulation
