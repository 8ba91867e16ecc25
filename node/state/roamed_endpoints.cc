#include "node/state/roamed_endpoints.h"

namespace heddle::node {
namespace {

bool SameEndpoint(const WireguardPeer& a, const WireguardPeer& b) {
  return a.endpoint == b.endpoint && a.endpoint_port == b.endpoint_port;
}

void SetEndpoint(const WireguardPeer& from, WireguardPeer* to) {
  to->endpoint = from.endpoint;
  to->endpoint_port = from.endpoint_port;
}

}  // namespace

void KeepRoamedEndpoints(const NetworkState& actual, const absl::btree_set<WireguardPeerKey>& moved,
                         NetworkState* desired) {
  for (auto& [key, wanted] : desired->wireguard_peers) {
    const auto have = actual.wireguard_peers.find(key);
    if (have == actual.wireguard_peers.end() || !have->second.is_alive) continue;
    if (have->second.endpoint && !moved.contains(key)) SetEndpoint(have->second, &wanted);
  }
}

absl::btree_set<WireguardPeerKey> MovedPeers(const NetworkState& before,
                                             const NetworkState& after) {
  absl::btree_set<WireguardPeerKey> moved;
  for (const auto& [key, peer] : after.wireguard_peers) {
    const auto old = before.wireguard_peers.find(key);
    if (old != before.wireguard_peers.end() && !SameEndpoint(old->second, peer)) moved.insert(key);
  }
  return moved;
}

void LeaveEndpoints(NetworkState* before, NetworkState* after) {
  for (auto& [key, peer] : after->wireguard_peers) {
    const auto old = before->wireguard_peers.find(key);
    if (old == before->wireguard_peers.end() || !SameEndpoint(old->second, peer)) continue;
    SetEndpoint(WireguardPeer{}, &peer);
    SetEndpoint(WireguardPeer{}, &old->second);
  }
}

}  // namespace heddle::node
