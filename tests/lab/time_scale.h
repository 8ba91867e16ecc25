// How patient the lab is.
#pragma once

#include "absl/time/time.h"

namespace heddle::lab {

// `limit` times HEDDLE_TIME_SCALE (1 if it is not set), for a machine that is slower than the one
// the limits are meant for. Everything in tests/lab that waits for a result applies it, so a test
// states its limits as they are on a usual machine. Throws LabError if the variable is not a
// number of at least 1.
absl::Duration Scaled(absl::Duration limit);

}  // namespace heddle::lab
