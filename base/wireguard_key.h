// A Curve25519 key as WireGuard has it: 32 bytes, in text base64. Public and pre-shared keys; a
// private one is held by node/dataplane alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle {

struct WireguardKey {
  std::array<std::uint8_t, 32> bytes{};

  // 44 characters of base64; InvalidArgument otherwise, without the text, which may be a secret.
  static absl::StatusOr<WireguardKey> Parse(absl::string_view base64);
  // Exactly 32 bytes; InvalidArgument otherwise.
  static absl::StatusOr<WireguardKey> FromBytes(absl::string_view bytes);

  std::string ToBase64() const;
  std::string ToBytes() const;
  bool is_zero() const { return *this == WireguardKey{}; }

  friend bool operator==(const WireguardKey& a, const WireguardKey& b) {
    return a.bytes == b.bytes;
  }
  friend bool operator!=(const WireguardKey& a, const WireguardKey& b) { return !(a == b); }
  friend bool operator<(const WireguardKey& a, const WireguardKey& b) { return a.bytes < b.bytes; }
  template <typename H>
  friend H AbslHashValue(H h, const WireguardKey& k) {
    return H::combine(std::move(h), k.bytes);
  }
};

}  // namespace heddle
