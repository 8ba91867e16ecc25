// The store's key layout. One network per store today; `net/_/` leaves room for more.
//
//   net/_/config                    NetworkRecord
//   net/_/node/<node id>            LeaseRecord
//   net/_/subnet/<base>-<length>    SubnetRecord: uniqueness by key
//   net/_/cert/<serial>             CertificateRecord
//   net/_/address/<address>         AddressRecord
//   meta/restore                    RestoreRecord
//   meta/settled                    SettledRecord
//   meta/token/<id>                 TokenRecord
//
// What is under `meta/` is of this store alone and in no backup.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle::controller {

inline constexpr char kNetworkPrefix[] = "net/_/";
inline constexpr char kConfigKey[] = "net/_/config";
inline constexpr char kNodePrefix[] = "net/_/node/";
inline constexpr char kSubnetPrefix[] = "net/_/subnet/";
inline constexpr char kCertificatePrefix[] = "net/_/cert/";
inline constexpr char kAddressPrefix[] = "net/_/address/";
inline constexpr char kTokenPrefix[] = "meta/token/";
inline constexpr char kMetaPrefix[] = "meta/";
inline constexpr char kRestoreKey[] = "meta/restore";
inline constexpr char kSettledKey[] = "meta/settled";

std::string NodeKey(absl::string_view node_id);
std::string SubnetKey(const Prefix& subnet);
std::string CertificateKey(absl::string_view serial);
std::string TokenKey(absl::string_view id);
std::string AddressKey(const Ip& address);
// What follows kNodePrefix, else nothing. Not checked to be a valid node id.
std::optional<std::string> NodeIdOfKey(absl::string_view key);
// The subnet of a key that SubnetKey made, else nothing.
std::optional<Prefix> SubnetOfKey(absl::string_view key);
// The address of a key that AddressKey made, else nothing.
std::optional<Ip> AddressOfKey(absl::string_view key);
// The serial of a key of CertificateKey's, and the id of one of TokenKey's; nothing when it is not
// spelled as those are: lower-case hexadecimal digits.
std::optional<std::string> SerialOfKey(absl::string_view key);
std::optional<std::string> TokenIdOfKey(absl::string_view key);

// As identity::Certificate::serial is spelled: at most 20 bytes (RFC 5280), no leading zero.
bool IsSerial(absl::string_view text);
bool IsTokenId(absl::string_view text);

}  // namespace heddle::controller
