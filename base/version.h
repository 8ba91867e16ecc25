// The release that these programs are of.
#pragma once

namespace heddle {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace heddle
