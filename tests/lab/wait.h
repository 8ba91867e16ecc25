// Waiting for a condition, with a limit.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace heddle::lab {

// Tries `condition` every few milliseconds until it holds, or `limit` (Scaled) has passed: then a
// failure that says what was waited for. Tries at least once.
testing::AssertionResult Within(absl::Duration limit, const std::string& what,
                                const std::function<bool()>& condition);

// The same for a condition that can say what is still wrong; "" means that it holds.
testing::AssertionResult Within(absl::Duration limit, const std::string& what,
                                const std::function<std::string()>& what_is_wrong);

}  // namespace heddle::lab
