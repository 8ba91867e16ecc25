#include "base/mac.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace heddle {

absl::StatusOr<Mac> Mac::Parse(absl::string_view text) {
  std::string digits;
  bool shape_ok = text.size() == 17;
  for (size_t i = 0; shape_ok && i < text.size(); ++i) {
    const bool separator = i % 3 == 2;
    const char c = text[i];
    shape_ok = separator ? (c == ':' || c == '-') : absl::ascii_isxdigit(c);
    if (!separator) digits.push_back(c);
  }
  if (!shape_ok) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not an Ethernet address such as 0e:2a:00:00:00:01"));
  }
  return FromBytes(absl::HexStringToBytes(digits));
}

absl::StatusOr<Mac> Mac::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 6) {
    return absl::InvalidArgumentError(
        absl::StrCat("an Ethernet address has 6 bytes, not ", bytes.size()));
  }
  Mac mac;
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  return mac;
}

std::string Mac::ToString() const {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                         bytes[4], bytes[5]);
}

std::string Mac::ToBytes() const { return std::string(bytes.begin(), bytes.end()); }

}  // namespace heddle
