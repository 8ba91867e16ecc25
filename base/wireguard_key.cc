#include "base/wireguard_key.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace heddle {

absl::StatusOr<WireguardKey> WireguardKey::Parse(absl::string_view base64) {
  std::string bytes;
  if (base64.size() != 44 || !absl::Base64Unescape(base64, &bytes)) {
    return absl::InvalidArgumentError("not a key: 44 characters of base64 are expected");
  }
  return FromBytes(bytes);
}

absl::StatusOr<WireguardKey> WireguardKey::FromBytes(absl::string_view bytes) {
  WireguardKey key;
  if (bytes.size() != key.bytes.size()) {
    return absl::InvalidArgumentError(absl::StrCat("a key has 32 bytes, not ", bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

std::string WireguardKey::ToBase64() const { return absl::Base64Escape(ToBytes()); }

std::string WireguardKey::ToBytes() const { return std::string(bytes.begin(), bytes.end()); }

}  // namespace heddle
