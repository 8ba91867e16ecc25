// The release of heddlectl.
#pragma once

namespace heddle::cli {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace heddle::cli
