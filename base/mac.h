// A 48-bit Ethernet address as a plain value.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle {

struct Mac {
  std::array<std::uint8_t, 6> bytes{};

  // "aa:bb:cc:dd:ee:ff" (or with '-'), any letter case; InvalidArgument otherwise.
  static absl::StatusOr<Mac> Parse(absl::string_view text);
  // Exactly six bytes; InvalidArgument otherwise.
  static absl::StatusOr<Mac> FromBytes(absl::string_view bytes);

  std::string ToString() const;  // lower case, with colons
  std::string ToBytes() const;
  bool is_zero() const { return *this == Mac{}; }
  bool is_multicast() const { return bytes[0] & 1; }

  friend bool operator==(const Mac& a, const Mac& b) { return a.bytes == b.bytes; }
  friend bool operator!=(const Mac& a, const Mac& b) { return !(a == b); }
  friend bool operator<(const Mac& a, const Mac& b) { return a.bytes < b.bytes; }
  template <typename H>
  friend H AbslHashValue(H h, const Mac& m) {
    return H::combine(std::move(h), m.bytes);
  }
};

inline std::ostream& operator<<(std::ostream& out, const Mac& mac) { return out << mac.ToString(); }

}  // namespace heddle
