// Whether a healed cluster is of one mind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/chaos/observer.h"
#include "tests/chaos/world.h"

namespace heddle::chaos {

// Within `limit` all controllers have the same leader, position, leases and set of peers, every
// real node and observer is attached and has applied all, each host's present address is announced,
// and each real kernel has a route to every other node's subnet and to nothing else. Each
// controller gets one of the observers.
testing::AssertionResult Converges(World* world,
                                   const std::vector<std::unique_ptr<Observer>>& observers,
                                   absl::Duration limit);

}  // namespace heddle::chaos
