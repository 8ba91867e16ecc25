// The controllers that --controller names. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::cli {

inline constexpr int kDefaultControllerPort = 7411;

// "host", "host:port", "[v6]:port", separated by commas; the port defaults to 7411.
// InvalidArgument: nothing is named, or a port is none.
absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text);

}  // namespace heddle::cli
