// From what the kernel holds to what it should hold: ordered operations. Pure.
//
// Order, in this one place: remove links that must be made anew; then make or change the rules, and
// what is stood upon first (links, sysctls, features, addresses, WireGuard, the forwarder's
// listeners and tunnels, FDB, neighbours, nexthops, routes), with a route to each IPv6 gateway that
// moves to another link while that lasts; then remove what is not wanted in reverse, routes before
// their nexthops before their devices (the other way round is quadratic in the kernel).
// Deterministic: depends on the two states alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "node/state/network_state.h"

namespace heddle::node {

// One object with its key, of any table.
using Object =
    std::variant<std::pair<std::string, Link>, std::pair<std::string, std::string>,
                 std::pair<FeatureKey, FeatureOff>, std::pair<AddressKey, Address>,
                 std::pair<FdbKey, FdbEntry>, std::pair<NeighbourKey, Neighbour>,
                 std::pair<std::uint32_t, Nexthop>, std::pair<RouteKey, Route>,
                 std::pair<Family, RuleSet>, std::pair<std::string, WireguardDevice>,
                 std::pair<WireguardPeerKey, WireguardPeer>, std::pair<UdpListenerKey, UdpListener>,
                 std::pair<UdpTunnelKey, UdpTunnel>, std::pair<HookKey, Hook>>;

struct Operation {
  // kAdd refuses to replace what a foreigner put under the same key; kChange replaces our own.
  enum class Kind { kAdd, kChange, kRemove };
  Kind kind = Kind::kAdd;
  Object object;
  std::string ToString() const;  // "add route 10.1.2.0/24 nexthop 1073741826"
};

// What brings `actual` to `desired`. A link whose unchangeable part differs is removed and made
// anew, and all that the kernel drops with it is planned again. Likewise for a changed MAC or
// address length, which drop part of what stands on the link. What goes with its link is not
// removed on its own, except routes and nexthops. A sysctl that is no longer wanted stays as it is:
// a setting has no absence, and it goes with its link.
std::vector<Operation> Diff(const NetworkState& actual, const NetworkState& desired);

// Applies operations to a state as a kernel would that never fails; for fakes and tests.
void ApplyTo(NetworkState* state, const std::vector<Operation>& operations);

}  // namespace heddle::node
