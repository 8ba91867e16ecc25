#include "node/host/addresses.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

// Smaller is better. An IPv4 address with a lifetime comes from DHCP and is the host's own, while
// one without, beside it, is often a floating service address: the lifetime counts for IPv6 only.
auto Rank(const HostInventory::Address& a) {
  const bool dynamic = a.dynamic && a.address.family() == Family::kV6;
  return std::make_tuple(a.address.is_link_local(), a.deprecated, a.temporary, dynamic);
}

}  // namespace

bool IsUsable(const HostInventory::Link& link, const HostInventory::Address& address) {
  return !address.tentative && (link.loopback || !address.address.is_loopback());
}

std::optional<Ip> BestAddress(const HostInventory::Link& link, Family family) {
  const HostInventory::Address* best = nullptr;
  for (const HostInventory::Address& candidate : link.addresses) {
    if (candidate.address.family() != family || !IsUsable(link, candidate)) continue;
    if (best == nullptr || Rank(candidate) < Rank(*best)) best = &candidate;
  }
  return best == nullptr ? std::nullopt : std::make_optional(best->address);
}

bool HasAddress(const HostInventory::Link& link, const Ip& ip) {
  return std::any_of(link.addresses.begin(), link.addresses.end(), [&](const auto& candidate) {
    return candidate.address == ip && IsUsable(link, candidate);
  });
}

std::string Describe(const HostInventory::Link& link) {
  std::string text =
      absl::StrCat(link.name, " (", link.up ? "up" : "down", ", MTU ", link.mtu_bytes);
  if (link.addresses.empty()) absl::StrAppend(&text, ", no address");
  for (const HostInventory::Address& a : link.addresses) {
    absl::StrAppend(&text, ", ", a.address.ToString(), "/", a.prefix_length,
                    a.tentative ? " tentative" : "", a.deprecated ? " deprecated" : "",
                    a.temporary ? " temporary" : "");
  }
  return absl::StrCat(text, ")");
}

}  // namespace heddle::node
