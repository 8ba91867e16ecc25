#include "tests/lab/time_scale.h"

#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "tests/lab/error.h"

namespace heddle::lab {
namespace {

double TimeScale() {
  const char* text = std::getenv("HEDDLE_TIME_SCALE");
  if (text == nullptr) return 1;
  double scale = 0;
  if (!absl::SimpleAtod(text, &scale) || !(scale >= 1)) {
    throw LabError("HEDDLE_TIME_SCALE is '" + std::string(text) + "', not a number of at least 1");
  }
  return scale;
}

}  // namespace

absl::Duration Scaled(absl::Duration limit) {
  static const double scale = TimeScale();
  return limit * scale;
}

}  // namespace heddle::lab
