// What stands on what: the objects that the kernel drops by itself when a link goes, is disturbed,
// or a nexthop goes. The differ foresees it; the fake kernels do it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "node/state/network_state.h"

namespace heddle::node {

// The link that an object stands on; empty when it stands on none, or on a nexthop that `state`
// does not hold. The view lives as long as the arguments.
absl::string_view LinkOf(const NetworkState& state, const std::string& name, const Link& link);
absl::string_view LinkOf(const NetworkState& state, const std::string& key, const std::string&);
absl::string_view LinkOf(const NetworkState& state, const FeatureKey& key, const FeatureOff&);
absl::string_view LinkOf(const NetworkState& state, const AddressKey& key, const Address&);
absl::string_view LinkOf(const NetworkState& state, const FdbKey& key, const FdbEntry&);
absl::string_view LinkOf(const NetworkState& state, const NeighbourKey& key, const Neighbour&);
absl::string_view LinkOf(const NetworkState& state, std::uint32_t id, const Nexthop& nexthop);
absl::string_view LinkOf(const NetworkState& state, const RouteKey& key, const Route& route);
absl::string_view LinkOf(const NetworkState& state, Family family, const RuleSet& rules);
absl::string_view LinkOf(const NetworkState& state, const std::string& link,
                         const WireguardDevice&);
absl::string_view LinkOf(const NetworkState& state, const WireguardPeerKey& key,
                         const WireguardPeer&);
absl::string_view LinkOf(const NetworkState& state, const UdpListenerKey& key, const UdpListener&);
absl::string_view LinkOf(const NetworkState& state, const UdpTunnelKey& key, const UdpTunnel&);
absl::string_view LinkOf(const NetworkState& state, const HookKey& key, const Hook&);

// The link below it, as a vxlan has one; empty: none.
absl::string_view LowerOf(const Link& link);

// Erase what the kernel drops when ...
void DropWithLink(NetworkState* state, const std::string& link);      // ... the link is deleted
void DropWithLinkDown(NetworkState* state, const std::string& link);  // ... it goes down
void DropWithMac(NetworkState* state, const std::string& link);       // ... its MAC changes
void DropWithNexthop(NetworkState* state, std::uint32_t id);          // ... a nexthop is deleted

}  // namespace heddle::node
