// Where a WireGuard peer is: what it announced, or where its authenticated packets come from. The
// kernel follows the latter by itself (roaming), and knows better while a session is alive. Pure.
#pragma once

#include <vector>

#include "absl/container/btree_set.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Gives each peer of `desired` the endpoint that `actual` has learned, if its session is alive. A
// dead one keeps the announced endpoint, so that it is set again; so do those of `moved`, whose
// announced endpoint is news.
void KeepRoamedEndpoints(const NetworkState& actual, const absl::btree_set<WireguardPeerKey>& moved,
                         NetworkState* desired);

// The peers that stand in both states at different endpoints.
absl::btree_set<WireguardPeerKey> MovedPeers(const NetworkState& before, const NetworkState& after);

// Takes the endpoint away from the peers that have the same one in both states, so that changing
// something else of them leaves it as the kernel has it.
void LeaveEndpoints(NetworkState* before, NetworkState* after);

}  // namespace heddle::node
