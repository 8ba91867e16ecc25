#include "node/probe/target.h"

#include <variant>

namespace heddle::node {
namespace {

// The link that the plan sends packets for `subnet` through; "": none.
std::string LinkTo(const Prefix& subnet, const NetworkState& path) {
  for (const auto& [key, route] : path.routes) {
    if (key.destination != subnet) continue;
    if (const RouteVia* via = std::get_if<RouteVia>(&route.via)) return via->link;
    const auto nexthop = path.nexthops.find(std::get<std::uint32_t>(route.via));
    if (nexthop != path.nexthops.end()) return nexthop->second.link;
  }
  return "";
}

// Addresses to and from which hosts speak on the underlay: of the pods' family where both have one.
std::optional<ProbeTarget::Way> UnderlayTo(const PlanInput& input, const Peer& peer, Family pods) {
  const Family other = pods == Family::kV4 ? Family::kV6 : Family::kV4;
  for (Family family : {pods, other}) {
    const auto& from = input.host.source_address[family];
    const auto& to = peer.advertisement.public_address[family];
    if (from && to) return ProbeTarget::Way{*from, *to, input.host.underlay_mtu_bytes};
  }
  return std::nullopt;
}

std::optional<ProbeTarget::Way> OverlayTo(const PlanInput& input, const NetworkState& own,
                                          const Prefix& subnet, const std::string& link) {
  const Prefix& own_subnet = *input.self.subnets[subnet.family()];
  for (const auto& [key, address] : own.addresses) {
    if (key.address != own_subnet.base()) continue;
    const auto device = own.links.find(link);
    const int mtu_bytes =
        device == own.links.end() ? input.host.underlay_mtu_bytes : device->second.mtu_bytes;
    return ProbeTarget::Way{own_subnet.base(), subnet.base(), mtu_bytes};
  }
  return std::nullopt;
}

std::optional<ProbeTarget::Vxlan> VxlanTo(const NetworkState& own, const NetworkState& path,
                                          const std::string& link) {
  const auto device = own.links.find(link);
  if (device == own.links.end()) return std::nullopt;
  const VxlanLink* vxlan = std::get_if<VxlanLink>(&device->second.kind);
  for (const auto& [key, entry] : path.fdb) {
    if (vxlan == nullptr || key.link != link) continue;
    return ProbeTarget::Vxlan{vxlan->local, entry.remote, vxlan->port, vxlan->vni,
                              device->second.mac};
  }
  return std::nullopt;
}

}  // namespace

std::vector<ProbeTarget> PlanTargets(const PlanInput& input, const Peer& peer) {
  std::vector<ProbeTarget> targets;
  if (peer.node_id == input.self.node_id) return targets;
  const NetworkState own = PlanSelf(input), path = PlanPeer(input, peer);
  const std::string& type = input.network.backend.type;
  for (Family family : kFamilies) {
    if (!input.self.subnets[family] || !peer.subnets[family]) continue;
    const Prefix& subnet = *peer.subnets[family];
    const std::string link = LinkTo(subnet, path);
    const auto underlay = UnderlayTo(input, peer, family);
    if (link.empty() || !underlay) continue;
    ProbeTarget target;
    target.node_id = peer.node_id;
    target.family = family;
    target.backend_type = peer.advertisement.Runs(type) || !input.network.standby
                              ? type
                              : input.network.standby->type;
    target.underlay = *underlay;
    target.overlay = OverlayTo(input, own, subnet, link);
    if (target.overlay) target.vxlan = VxlanTo(own, path, link);
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace heddle::node
