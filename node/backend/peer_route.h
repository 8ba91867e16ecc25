// The way to a peer's subnet through a gateway: a nexthop object and a route that names it, or,
// where the kernel has no nexthop objects, a route with its own gateway.
#pragma once

#include <cstdint>
#include <string>

#include "node/backend/backend.h"

namespace heddle::node {

// The id of the nexthop that leads to `subnet`, and its metric where nexthops are not to be had.
// A pure function, so that a node that lost its memory gives the same: three bits for the family
// and whether the network is leaving the subnet's range, and the low 29 bits of the subnet's
// number. Two subnets of one range never share one, because a range has subnets of one length and
// at most 2^29 of them (Validate in api/network.h).
std::uint32_t PeerRouteId(const Prefix& subnet, bool draining);

// Plans the route to `subnet`.
void PlanPeerRoute(const PlanInput& input, const Prefix& subnet, const PeerPath& path,
                   NetworkState* state);

}  // namespace heddle::node
