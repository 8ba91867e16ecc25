#include "node/state/link_names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heddle::node {
namespace {

constexpr std::size_t kMaxNameLength = 15;  // IFNAMSIZ - 1
constexpr std::uint32_t kMaxVni = (1u << 24) - 1;

absl::string_view Stem(Family underlay) { return underlay == Family::kV4 ? "heddle" : "heddle6"; }

}  // namespace

std::string LinkName(Family underlay, std::uint32_t vni) {
  const std::string name = absl::StrCat(Stem(underlay), ".", vni);
  return name.size() <= kMaxNameLength ? name : absl::StrCat(Stem(underlay), vni);
}

bool IsOurLinkName(absl::string_view name) {
  for (absl::string_view single :
       {kIpipLinkName, kWireguardLinkName, kWireguardLinkName6, kUdpLinkName}) {
    if (name == single) return true;
  }
  for (Family underlay : kFamilies) {
    absl::string_view digits = name;
    if (!absl::ConsumePrefix(&digits, Stem(underlay))) continue;
    absl::ConsumePrefix(&digits, ".");
    std::uint32_t vni;
    if (absl::SimpleAtoi(digits, &vni) && vni <= kMaxVni && LinkName(underlay, vni) == name) {
      return true;
    }
  }
  return false;
}

}  // namespace heddle::node
