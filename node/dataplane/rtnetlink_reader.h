// All that is ours of what rtnetlink manages, read in a few dumps filtered by the kernel.
#pragma once

#include "absl/status/status.h"
#include "node/dataplane/netlink_socket.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Fills links, addresses, FDB, neighbours, nexthops and routes. On error `state` is half filled and
// must not be used.
//
// Where IPv4 holds one address with several lengths, the shortest is given: what we set are host
// addresses, so that the other one is seen.
absl::Status ReadRtnetlink(NetlinkSocket* socket, NetworkState* state);

}  // namespace heddle::node
