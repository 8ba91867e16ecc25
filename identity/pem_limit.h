// How much this project reads of what is to be PEM, from whomever it comes.
#pragma once

#include <cstddef>

namespace heddle::identity {

// More than this of PEM is not read.
inline constexpr std::size_t kMaxPemBytes = 64 << 10;

}  // namespace heddle::identity
