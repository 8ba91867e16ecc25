#include "controller/keys.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxSerialDigits = 40;
constexpr std::size_t kTokenIdDigits = 16;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c)) &&
           !absl::ascii_isupper(static_cast<unsigned char>(c));
  });
}

}  // namespace

std::string NodeKey(absl::string_view node_id) { return absl::StrCat(kNodePrefix, node_id); }

std::string SubnetKey(const Prefix& subnet) {
  return absl::StrCat(kSubnetPrefix, subnet.base().ToString(), "-", subnet.length());
}

std::optional<std::string> NodeIdOfKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kNodePrefix)) return std::nullopt;
  return std::string(key);
}

std::optional<Prefix> SubnetOfKey(absl::string_view key) {
  absl::string_view name = key;
  if (!absl::ConsumePrefix(&name, kSubnetPrefix)) return std::nullopt;
  const auto dash = name.rfind('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  const auto base = Ip::Parse(name.substr(0, dash));
  int length = 0;
  if (!base.ok() || !absl::SimpleAtoi(name.substr(dash + 1), &length)) return std::nullopt;
  const Prefix subnet(*base, length);
  // Only the one spelling that SubnetKey gives: two keys never mean the same subnet.
  if (SubnetKey(subnet) != key) return std::nullopt;
  return subnet;
}

std::string CertificateKey(absl::string_view serial) {
  return absl::StrCat(kCertificatePrefix, serial);
}

std::string TokenKey(absl::string_view id) { return absl::StrCat(kTokenPrefix, id); }

std::string AddressKey(const Ip& address) {
  return absl::StrCat(kAddressPrefix, address.ToString());
}

std::optional<Ip> AddressOfKey(absl::string_view key) {
  absl::string_view name = key;
  if (!absl::ConsumePrefix(&name, kAddressPrefix)) return std::nullopt;
  const auto address = Ip::Parse(name);
  if (!address.ok() || AddressKey(*address) != key) return std::nullopt;
  return *address;
}

std::optional<std::string> SerialOfKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kCertificatePrefix) || !IsSerial(key)) return std::nullopt;
  return std::string(key);
}

std::optional<std::string> TokenIdOfKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kTokenPrefix) || !IsTokenId(key)) return std::nullopt;
  return std::string(key);
}

bool IsSerial(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxSerialDigits && text.front() != '0' &&
         IsLowerHex(text);
}

bool IsTokenId(absl::string_view text) { return text.size() == kTokenIdDigits && IsLowerHex(text); }

}  // namespace heddle::controller
