#include "node/state/dependents.h"

#include "absl/strings/strip.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

// Erases from one table what stands on `link`.
template <typename Table>
void DropFrom(NetworkState* state, Table NetworkState::*table, const std::string& link) {
  for (auto it = (state->*table).begin(); it != (state->*table).end();) {
    it = LinkOf(*state, it->first, it->second) == link ? (state->*table).erase(it) : std::next(it);
  }
}

}  // namespace

absl::string_view LinkOf(const NetworkState&, const std::string& name, const Link&) { return name; }

// "net/ipv6/conf/<link>/accept_ra"
absl::string_view LinkOf(const NetworkState&, const std::string& key, const std::string&) {
  absl::string_view rest = key;
  if (!absl::ConsumePrefix(&rest, "net/ipv4/") && !absl::ConsumePrefix(&rest, "net/ipv6/")) {
    return {};
  }
  if (!absl::ConsumePrefix(&rest, "conf/") && !absl::ConsumePrefix(&rest, "neigh/")) return {};
  const std::size_t end = rest.rfind('/');  // a link's name may hold dots, never a slash
  return end == absl::string_view::npos ? absl::string_view() : rest.substr(0, end);
}

absl::string_view LinkOf(const NetworkState&, const FeatureKey& key, const FeatureOff&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const AddressKey& key, const Address&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const FdbKey& key, const FdbEntry&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const NeighbourKey& key, const Neighbour&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, std::uint32_t, const Nexthop& nexthop) {
  return nexthop.link;
}

absl::string_view LinkOf(const NetworkState& state, const RouteKey&, const Route& route) {
  if (const auto* via = std::get_if<RouteVia>(&route.via)) return via->link;
  const auto nexthop = state.nexthops.find(std::get<std::uint32_t>(route.via));
  if (nexthop == state.nexthops.end()) return {};
  return nexthop->second.link;
}

absl::string_view LinkOf(const NetworkState&, Family, const RuleSet&) { return {}; }

absl::string_view LinkOf(const NetworkState&, const std::string& link, const WireguardDevice&) {
  return link;
}

absl::string_view LinkOf(const NetworkState&, const WireguardPeerKey& key, const WireguardPeer&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const UdpListenerKey& key, const UdpListener&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const UdpTunnelKey& key, const UdpTunnel&) {
  return key.link;
}

absl::string_view LinkOf(const NetworkState&, const HookKey&, const Hook&) { return {}; }

absl::string_view LowerOf(const Link& link) {
  const auto* vxlan = std::get_if<VxlanLink>(&link.kind);
  return vxlan == nullptr ? absl::string_view() : absl::string_view(vxlan->lower);
}

void DropWithLink(NetworkState* state, const std::string& link) {
  DropWithLinkDown(state, link);
  DropFrom(state, &NetworkState::fdb, link);
  DropFrom(state, &NetworkState::udp_tunnels, link);
  DropFrom(state, &NetworkState::udp_listeners, link);
  DropFrom(state, &NetworkState::wireguard_peers, link);
  DropFrom(state, &NetworkState::wireguard_devices, link);
  DropFrom(state, &NetworkState::addresses, link);
  DropFrom(state, &NetworkState::features_off, link);
  DropFrom(state, &NetworkState::sysctls, link);
  state->links.erase(link);
}

void DropWithLinkDown(NetworkState* state, const std::string& link) {
  DropFrom(state, &NetworkState::routes, link);
  DropFrom(state, &NetworkState::nexthops, link);
  DropWithMac(state, link);
}

void DropWithMac(NetworkState* state, const std::string& link) {
  DropFrom(state, &NetworkState::neighbours, link);
}

void DropWithNexthop(NetworkState* state, std::uint32_t id) {
  for (auto it = state->routes.begin(); it != state->routes.end();) {
    const auto* via = std::get_if<std::uint32_t>(&it->second.via);
    it = via != nullptr && *via == id ? state->routes.erase(it) : std::next(it);
  }
}

}  // namespace heddle::node
