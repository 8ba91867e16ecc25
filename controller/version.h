// The release that this controller is of.
#pragma once

namespace heddle::controller {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace heddle::controller
