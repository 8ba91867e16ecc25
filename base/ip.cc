#include "base/ip.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace heddle {
namespace {

// Mask of the low `bits` bits.
absl::uint128 LowMask(int bits) {
  return bits >= 128 ? absl::Uint128Max() : (absl::uint128(1) << bits) - 1;
}

}  // namespace

int ToAddressFamily(Family family) { return family == Family::kV4 ? AF_INET : AF_INET6; }

absl::string_view FamilyName(Family family) { return family == Family::kV4 ? "IPv4" : "IPv6"; }

Ip::Ip(Family family, absl::uint128 number)
    : family_(family), number_(number & LowMask(BitsOf(family))) {}

absl::StatusOr<Ip> Ip::Parse(absl::string_view text) {
  const std::string copy(text);
  unsigned char bytes[16];
  for (Family family : kFamilies) {
    if (inet_pton(ToAddressFamily(family), copy.c_str(), bytes) == 1 &&
        copy.size() == text.size() && copy.find('\0') == std::string::npos) {
      return FromBytes(absl::string_view(reinterpret_cast<char*>(bytes), BitsOf(family) / 8));
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not an IPv4 or IPv6 address"));
}

absl::StatusOr<Ip> Ip::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("an address has 4 or 16 bytes, not ", bytes.size()));
  }
  absl::uint128 number = 0;
  for (char byte : bytes) number = (number << 8) | static_cast<unsigned char>(byte);
  return Ip(bytes.size() == 4 ? Family::kV4 : Family::kV6, number);
}

bool Ip::is_link_local() const {
  return family_ == Family::kV4 ? (number_ >> 16) == 0xA9FE : (number_ >> 118) == (0xFE80 >> 6);
}

bool Ip::is_loopback() const {
  return family_ == Family::kV4 ? (number_ >> 24) == 127 : number_ == 1;
}

bool Ip::is_multicast() const {
  return family_ == Family::kV4 ? (number_ >> 28) == 0xE : (number_ >> 120) == 0xFF;
}

std::string Ip::ToBytes() const {
  std::string bytes(BitsOf(family_) / 8, '\0');
  absl::uint128 rest = number_;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, rest >>= 8) {
    *byte = static_cast<char>(absl::Uint128Low64(rest) & 0xFF);
  }
  return bytes;
}

std::string Ip::ToString() const {
  // inet_ntop prints with sprintf, and the keys of all subnets are made of this.
  if (family_ == Family::kV4) {
    const auto n = static_cast<std::uint32_t>(absl::Uint128Low64(number_));
    return absl::StrCat(n >> 24, ".", n >> 16 & 0xff, ".", n >> 8 & 0xff, ".", n & 0xff);
  }
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(ToAddressFamily(family_), ToBytes().data(), text, sizeof(text));
}

Prefix::Prefix(Ip address, int length) : length_(std::clamp(length, 0, BitsOf(address.family()))) {
  base_ = Ip(address.family(), address.number() & ~LowMask(BitsOf(address.family()) - length_));
}

absl::StatusOr<Prefix> Prefix::Parse(absl::string_view text) {
  const auto slash = text.find('/');
  const bool has_length = slash != absl::string_view::npos;
  const absl::string_view digits = has_length ? text.substr(slash + 1) : "";
  auto address = Ip::Parse(text.substr(0, slash));
  int length = address.ok() ? BitsOf(address->family()) : 0;
  // SimpleAtoi would also take signs and blanks.
  const bool length_ok =
      !has_length ||
      (digits.size() <= 3 &&
       std::all_of(digits.begin(), digits.end(), [](char c) { return '0' <= c && c <= '9'; }) &&
       absl::SimpleAtoi(digits, &length) && address.ok() && length <= BitsOf(address->family()));
  if (!address.ok() || !length_ok) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a prefix such as 10.1.0.0/16 or fd00::/48"));
  }
  return Prefix(*address, length);
}

Ip Prefix::last() const {
  return Ip(family(), base_.number() | LowMask(BitsOf(family()) - length_));
}

Ip Prefix::at(absl::uint128 n) const { return Ip(family(), base_.number() + n); }

bool Prefix::Contains(const Ip& ip) const {
  return ip.family() == family() && Prefix(ip, length_).base_ == base_;
}

bool Prefix::Contains(const Prefix& other) const {
  return other.length_ >= length_ && Contains(other.base_);
}

std::string Prefix::ToString() const { return absl::StrCat(base_.ToString(), "/", length_); }

std::ostream& operator<<(std::ostream& out, const Ip& ip) { return out << ip.ToString(); }
std::ostream& operator<<(std::ostream& out, const Prefix& prefix) {
  return out << prefix.ToString();
}

}  // namespace heddle
