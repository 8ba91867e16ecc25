#include "node/backend/peer_route.h"

#include "absl/numeric/int128.h"

namespace heddle::node {
namespace {

constexpr std::uint32_t kIndexMask = (1u << 29) - 1;

constexpr std::uint32_t MarkOf(Family family, bool draining) {
  return (family == Family::kV4 ? 0x40000000u : 0x60000000u) | (draining ? 0x80000000u : 0);
}

}  // namespace

std::uint32_t PeerRouteId(const Prefix& subnet, bool draining) {
  // A length of 0 would shift by the width of an IPv6 address; a network has no such subnet.
  const int host_bits = BitsOf(subnet.family()) - subnet.length();
  const absl::uint128 index = host_bits >= 128 ? 0 : subnet.base().number() >> host_bits;
  return MarkOf(subnet.family(), draining) |
         (static_cast<std::uint32_t>(absl::Uint128Low64(index)) & kIndexMask);
}

void PlanPeerRoute(const PlanInput& input, const Prefix& subnet, const PeerPath& path,
                   NetworkState* state) {
  const std::uint32_t id = PeerRouteId(subnet, input.network.IsDraining(subnet));
  if (input.options.use_nexthops && input.host.has_nexthop_objects) {
    state->nexthops[id] = Nexthop{path.link, path.gateway, path.onlink};
    state->routes[RouteKey{subnet, 0}] = Route{id};
    return;
  }
  // Linux keeps routes that differ only in their gateway in one hash chain, which makes N of them
  // cost N^2; the metric is part of the hash, so a metric each keeps it linear.
  state->routes[RouteKey{subnet, id}] = Route{RouteVia{path.link, path.gateway, path.onlink}};
}

}  // namespace heddle::node
