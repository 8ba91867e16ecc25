#include "node/subnet_env.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

constexpr std::size_t kLimitBytes = 64 << 10;
constexpr std::size_t kQuotedCharacters = 80;

absl::string_view NetworkKey(Family family) {
  return family == Family::kV4 ? "FLANNEL_NETWORK" : "FLANNEL_IPV6_NETWORK";
}
absl::string_view SubnetKey(Family family) {
  return family == Family::kV4 ? "FLANNEL_SUBNET" : "FLANNEL_IPV6_SUBNET";
}

// A shell takes KEY="value" and KEY='value' too.
absl::string_view Unquoted(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  for (absl::string_view quote : {"\"", "'"}) {
    absl::string_view inner = value;
    if (absl::ConsumePrefix(&inner, quote) && absl::ConsumeSuffix(&inner, quote)) return inner;
  }
  return value;
}

absl::StatusOr<Prefix> ParseSubnet(Family family, absl::string_view value, int line) {
  const auto subnet = Prefix::Parse(Unquoted(value));
  // As short as 0 or as long as one address, nothing could have been given to pods from it.
  if (subnet.ok() && subnet->family() == family && subnet->length() > 0 &&
      subnet->length() < BitsOf(family)) {
    return *subnet;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "line ", line, ": ", SubnetKey(family), "=",
      absl::CEscape(value.substr(0, kQuotedCharacters)), " is not an ", FamilyName(family),
      " subnet such as ", family == Family::kV4 ? "10.3.2.1/24" : "fd00:3:0:5::1/64"));
}

}  // namespace

std::string SubnetEnvText(const Network& network, const Peer& self, int mtu_bytes, bool ip_masq) {
  std::string text;
  for (Family family : kFamilies) {
    if (!network.ranges[family] || !self.subnets[family]) continue;
    const Prefix& subnet = *self.subnets[family];
    const Range* range = network.RangeOf(subnet);
    if (range == nullptr) range = &*network.ranges[family];
    // The first address after the base: the one that the pods' bridge is going to have.
    absl::StrAppend(&text, NetworkKey(family), "=", range->network.ToString(), "\n",
                    SubnetKey(family), "=", subnet.at(1).ToString(), "/", subnet.length(), "\n");
  }
  absl::StrAppend(&text, "FLANNEL_MTU=", mtu_bytes, "\n",
                  "FLANNEL_IPMASQ=", ip_masq ? "true" : "false", "\n");
  return text;
}

absl::StatusOr<PerFamily<Prefix>> ParseSubnetEnv(absl::string_view content) {
  PerFamily<Prefix> subnets;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    for (Family family : kFamilies) {
      absl::string_view value = line;
      if (!absl::ConsumePrefix(&value, SubnetKey(family)) || !absl::ConsumePrefix(&value, "=")) {
        continue;
      }
      HEDDLE_ASSIGN_OR_RETURN(subnets[family], ParseSubnet(family, value, line_number));
    }
  }
  return subnets;
}

absl::Status WriteSubnetEnv(const std::string& path, absl::string_view content) {
  return WriteFileAtomically(path, content, 0644);
}

absl::StatusOr<PerFamily<Prefix>> ReadSubnetEnv(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kLimitBytes));
  auto subnets = ParseSubnetEnv(content);
  if (subnets.ok()) return subnets;
  return absl::Status(subnets.status().code(),
                      absl::StrCat(path, ", ", subnets.status().message()));
}

}  // namespace heddle::node
