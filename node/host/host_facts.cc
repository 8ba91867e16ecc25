#include "node/host/host_facts.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "node/host/addresses.h"
#include "node/host/candidates.h"
#include "node/host/onlink.h"

namespace heddle::node {
namespace {

absl::string_view PublicAddressFlag(Family family) {
  return family == Family::kV4 ? "--public-ip" : "--public-ipv6";
}

absl::Status CheckOptions(const UnderlayOptions& options, const std::vector<Family>& wanted) {
  if (wanted.empty()) {
    return absl::InvalidArgumentError("the network has neither an IPv4 nor an IPv6 range");
  }
  for (Family family : kFamilies) {
    const auto& address = options.public_address[family];
    if (!address) continue;
    if (address->family() != family || address->is_zero() || address->is_multicast()) {
      return absl::InvalidArgumentError(
          absl::StrCat(PublicAddressFlag(family), " ", address->ToString(), " is not an ",
                       FamilyName(family), " address that other hosts can send to"));
    }
  }
  return absl::OkStatus();
}

// The facts with the candidate as the underlay. NotFound: it cannot serve, and why.
absl::StatusOr<HostFacts> Complete(const HostInventory& inventory, const UnderlayOptions& options,
                                   const std::vector<Family>& wanted, const Candidate& candidate) {
  const HostInventory::Link& link = *candidate.link;
  const auto refuse = [&](absl::string_view why) {
    return absl::NotFoundError(absl::StrCat(Describe(link), " ", why));
  };
  if (link.mtu_bytes <= 0) return refuse("has an MTU of 0");
  HostFacts facts;
  facts.underlay_link = link.name;
  facts.underlay_mtu_bytes = link.mtu_bytes;
  facts.has_nexthop_objects = inventory.has_nexthop_objects;
  for (Family family : wanted) {
    std::vector<Ip> preferred = candidate.addresses;
    if (options.public_address[family]) preferred.push_back(*options.public_address[family]);
    const auto own = std::find_if(preferred.begin(), preferred.end(), [&](const Ip& ip) {
      return ip.family() == family && HasAddress(link, ip);
    });
    const auto source = own == preferred.end() ? BestAddress(link, family) : *own;
    if (!source) return refuse(absl::StrCat("has no usable ", FamilyName(family), " address"));
    facts.source_address[family] = source;
    const auto& announced = options.public_address[family];
    facts.public_address[family] = announced ? announced : source;
  }
  for (const Prefix& prefix : OnlinkPrefixes(inventory.routes, link.index)) {
    if (std::count(wanted.begin(), wanted.end(), prefix.family()) > 0) {
      facts.onlink_prefixes.push_back(prefix);
    }
  }
  return facts;
}

absl::Status NothingFits(const HostInventory& inventory, const std::vector<std::string>& in_vain) {
  std::vector<std::string> links;
  for (const HostInventory::Link& link : inventory.links) {
    if (MayBeUnderlay(link)) links.push_back(Describe(link));
  }
  return absl::NotFoundError(
      absl::StrCat("no interface fits as the underlay: ", absl::StrJoin(in_vain, "; "),
                   ". The host's interfaces: ", links.empty() ? "none" : absl::StrJoin(links, ", "),
                   ". Name one with --iface"));
}

}  // namespace

absl::StatusOr<HostFacts> SelectUnderlay(const HostInventory& inventory,
                                         const UnderlayOptions& options, bool want_ipv4,
                                         bool want_ipv6) {
  std::vector<Family> wanted;
  if (want_ipv4) wanted.push_back(Family::kV4);
  if (want_ipv6) wanted.push_back(Family::kV6);
  HEDDLE_RETURN_IF_ERROR(CheckOptions(options, wanted));
  CandidateSearch search(inventory, options, wanted);
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, search.Find());
  std::vector<std::string> in_vain = search.in_vain();
  for (const Candidate& candidate : candidates) {
    auto facts = Complete(inventory, options, wanted, candidate);
    if (facts.ok()) return facts;
    in_vain.emplace_back(facts.status().message());
  }
  return NothingFits(inventory, in_vain);
}

}  // namespace heddle::node
