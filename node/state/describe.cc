#include "node/state/describe.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::node {
namespace {

std::string Via(const std::string& link, const Ip& gateway, bool onlink) {
  return absl::StrCat("via ", gateway.ToString(), " on ", link, onlink ? " onlink" : "");
}

std::string DescribeKind(const VxlanLink& vxlan) {
  return absl::StrCat("vxlan vni ", vxlan.vni, " port ", vxlan.port, " lower ", vxlan.lower,
                      " local ", vxlan.local.ToString(), vxlan.learning ? " learning" : "",
                      vxlan.gbp ? " gbp" : "");
}

}  // namespace

std::string Describe(const std::string& name, const Link& link) {
  return absl::StrCat("link ", name, " ",
                      std::visit([](const auto& kind) { return DescribeKind(kind); }, link.kind),
                      " mac ", link.mac.ToString(), " mtu ", link.mtu_bytes,
                      link.up ? " up" : " down");
}

std::string Describe(const std::string& key, const std::string& value) {
  return absl::StrCat("sysctl ", key, " = ", value);
}

std::string Describe(const AddressKey& key, const Address& address) {
  return absl::StrCat("address ", key.address.ToString(), "/", address.prefix_length, " on ",
                      key.link);
}

std::string Describe(const FdbKey& key, const FdbEntry& entry) {
  return absl::StrCat("fdb ", key.mac.ToString(), " to ", entry.remote.ToString(), " on ",
                      key.link);
}

std::string Describe(const NeighbourKey& key, const Neighbour& neighbour) {
  return absl::StrCat("neighbour ", key.address.ToString(), " is ", neighbour.mac.ToString(),
                      " on ", key.link);
}

std::string Describe(std::uint32_t id, const Nexthop& nexthop) {
  return absl::StrCat("nexthop ", id, " ", Via(nexthop.link, nexthop.gateway, nexthop.onlink));
}

std::string Describe(const RouteKey& key, const Route& route) {
  std::string text = absl::StrCat("route ", key.destination.ToString());
  if (const auto* id = std::get_if<std::uint32_t>(&route.via)) {
    absl::StrAppend(&text, " nexthop ", *id);
  } else {
    const RouteVia& via = std::get<RouteVia>(route.via);
    absl::StrAppend(&text, " ", Via(via.link, via.gateway, via.onlink));
  }
  if (key.metric != 0) absl::StrAppend(&text, " metric ", key.metric);
  return text;
}

std::string Describe(Family family, const RuleSet& rules) {
  const auto append = [](std::string* out, const Prefix& p) { absl::StrAppend(out, p.ToString()); };
  return absl::StrCat("rules ", FamilyName(family), " cluster ",
                      absl::StrJoin(rules.cluster, ",", append), " pods ", rules.pods.ToString(),
                      rules.masquerade ? " masquerade" : "", rules.forward ? " forward" : "");
}

}  // namespace heddle::node
