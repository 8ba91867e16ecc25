// JSON text to a tree, for files that people write: a key given twice is an error, letter case
// aside, and so is anything too large or too deep. Part of net_conf.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::controller {

inline constexpr std::size_t kJsonLimitBytes = 1 << 20;
inline constexpr std::size_t kJsonLimitDepth = 16;

// InvalidArgument says what is wrong, and at which line and column where the text is not JSON.
absl::StatusOr<nlohmann::json> ParseStrictJson(absl::string_view text);

}  // namespace heddle::controller
