#include "node/backend/vtep_mac.h"

#include <xxhash.h>

#include "absl/strings/str_cat.h"

namespace heddle::node {

Mac DeriveVtepMac(absl::string_view node_id, std::uint32_t vni, absl::string_view mac_prefix) {
  std::uint64_t digest = XXH3_64bits_withSeed(node_id.data(), node_id.size(), vni);
  Mac mac;
  // Byte by byte, so that hosts of either endianness derive the same.
  for (auto& byte : mac.bytes) {
    byte = digest & 0xFF;
    digest >>= 8;
  }
  constexpr std::uint8_t kMulticast = 0x01, kLocallyAdministered = 0x02;
  mac.bytes[0] = (mac.bytes[0] & ~kMulticast) | kLocallyAdministered;

  const std::string derived = mac.ToString();
  if (mac_prefix.size() >= derived.size()) return mac;
  const auto replaced = Mac::Parse(absl::StrCat(mac_prefix, derived.substr(mac_prefix.size())));
  return replaced.ok() && !replaced->is_multicast() ? *replaced : mac;
}

}  // namespace heddle::node
