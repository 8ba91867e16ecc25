// The way to a peer's subnet through a gateway: a nexthop object and a route that names it, or,
// where the kernel has no nexthop objects, a route with its own gateway.
#pragma once

#include <cstdint>
#include <string>

#include "node/backend/backend.h"

namespace heddle::node {

// The id of the nexthop that leads to `subnet`, and its metric where nexthops are not to be had.
// A pure function, so that a node that lost its memory gives the same: the family's mark and the
// low 29 bits of the subnet's number. Two subnets of one network never share one, because a network
// has subnets of one length and at most 2^29 of them (Validate in api/network.h).
std::uint32_t PeerRouteId(const Prefix& subnet);

// Plans the route to `subnet` via `gateway` on `link`. `onlink`: the gateway is taken to be on the
// link although no address there says so.
void PlanRouteVia(const PlanInput& input, const Prefix& subnet, const std::string& link,
                  const Ip& gateway, bool onlink, NetworkState* state);

}  // namespace heddle::node
