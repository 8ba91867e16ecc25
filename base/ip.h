// IPv4 and IPv6 addresses and prefixes as plain values, one code path for both families.
//
// All types here are immutable values: copy freely, compare, hash, order. Nothing throws; parsing
// returns InvalidArgument with the text that was refused.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle {

enum class Family : std::uint8_t { kV4 = 0, kV6 = 1 };
inline constexpr std::array<Family, 2> kFamilies = {Family::kV4, Family::kV6};

// Bits of an address of the family: 32 or 128.
inline constexpr int BitsOf(Family family) { return family == Family::kV4 ? 32 : 128; }
// AF_INET or AF_INET6, for the kernel's interfaces.
int ToAddressFamily(Family family);
// "IPv4" or "IPv6", for messages.
absl::string_view FamilyName(Family family);

// An optional value per address family.
template <typename T>
class PerFamily {
 public:
  std::optional<T>& operator[](Family family) { return values_[static_cast<int>(family)]; }
  const std::optional<T>& operator[](Family family) const {
    return values_[static_cast<int>(family)];
  }
  bool empty() const { return !values_[0] && !values_[1]; }
  // Calls f(family, value) for each value present, IPv4 first.
  template <typename F>
  void ForEach(F&& f) const {
    for (Family family : kFamilies) {
      if ((*this)[family]) f(family, *(*this)[family]);
    }
  }
  friend bool operator==(const PerFamily& a, const PerFamily& b) { return a.values_ == b.values_; }
  friend bool operator!=(const PerFamily& a, const PerFamily& b) { return !(a == b); }
  template <typename H>
  friend H AbslHashValue(H h, const PerFamily& p) {
    return H::combine(std::move(h), p.values_[0], p.values_[1]);
  }

 private:
  std::array<std::optional<T>, 2> values_;
};

// One address. The number of an IPv4 address stands in the low 32 bits.
class Ip {
 public:
  Ip() = default;  // 0.0.0.0
  Ip(Family family, absl::uint128 number);

  static absl::StatusOr<Ip> Parse(absl::string_view text);
  // `bytes` in network order, 4 or 16 of them; anything else is InvalidArgument.
  static absl::StatusOr<Ip> FromBytes(absl::string_view bytes);

  Family family() const { return family_; }
  absl::uint128 number() const { return number_; }
  bool is_zero() const { return number_ == 0; }
  bool is_link_local() const;  // 169.254.0.0/16, fe80::/10
  bool is_loopback() const;    // 127.0.0.0/8, ::1
  bool is_multicast() const;   // 224.0.0.0/4, ff00::/8

  std::string ToString() const;  // canonical text (RFC 5952 for IPv6)
  std::string ToBytes() const;   // 4 or 16 bytes, network order

  friend bool operator==(const Ip& a, const Ip& b) {
    return a.family_ == b.family_ && a.number_ == b.number_;
  }
  friend bool operator!=(const Ip& a, const Ip& b) { return !(a == b); }
  friend bool operator<(const Ip& a, const Ip& b) {
    return std::make_pair(a.family_, a.number_) < std::make_pair(b.family_, b.number_);
  }
  template <typename H>
  friend H AbslHashValue(H h, const Ip& ip) {
    return H::combine(std::move(h), ip.family_, ip.number_);
  }

 private:
  Family family_ = Family::kV4;
  absl::uint128 number_ = 0;
};

// A CIDR prefix; host bits are always zero (a parsed 10.3.7.9/16 becomes 10.3.0.0/16).
class Prefix {
 public:
  Prefix() = default;  // 0.0.0.0/0
  // `length` is clamped to the family's bits; host bits of `address` are cleared.
  Prefix(Ip address, int length);

  // "a.b.c.d/len" or "x::/len"; an address without a length is a host prefix.
  static absl::StatusOr<Prefix> Parse(absl::string_view text);

  Family family() const { return base_.family(); }
  const Ip& base() const { return base_; }
  int length() const { return length_; }
  Ip last() const;               // highest address inside
  Ip at(absl::uint128 n) const;  // base + n, wrapping inside the family
  bool Contains(const Ip& ip) const;
  bool Contains(const Prefix& other) const;
  bool Overlaps(const Prefix& other) const { return Contains(other) || other.Contains(*this); }

  std::string ToString() const;

  friend bool operator==(const Prefix& a, const Prefix& b) {
    return a.base_ == b.base_ && a.length_ == b.length_;
  }
  friend bool operator!=(const Prefix& a, const Prefix& b) { return !(a == b); }
  friend bool operator<(const Prefix& a, const Prefix& b) {
    return std::make_pair(a.base_, a.length_) < std::make_pair(b.base_, b.length_);
  }
  template <typename H>
  friend H AbslHashValue(H h, const Prefix& p) {
    return H::combine(std::move(h), p.base_, p.length_);
  }

 private:
  Ip base_;
  int length_ = 0;
};

std::ostream& operator<<(std::ostream& out, const Ip& ip);
std::ostream& operator<<(std::ostream& out, const Prefix& prefix);

}  // namespace heddle
