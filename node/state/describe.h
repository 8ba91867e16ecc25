// One line for one object, as it stands in golden files, logs and error messages.
#pragma once

#include <cstdint>
#include <string>

#include "node/state/network_state.h"

namespace heddle::node {

std::string Describe(const std::string& name, const Link& link);
std::string Describe(const std::string& key, const std::string& value);
std::string Describe(const FeatureKey& key, const FeatureOff&);
std::string Describe(const AddressKey& key, const Address& address);
std::string Describe(const FdbKey& key, const FdbEntry& entry);
std::string Describe(const NeighbourKey& key, const Neighbour& neighbour);
std::string Describe(std::uint32_t id, const Nexthop& nexthop);
std::string Describe(const RouteKey& key, const Route& route);
std::string Describe(Family family, const RuleSet& rules);
std::string Describe(const std::string& link, const WireguardDevice& device);
std::string Describe(const WireguardPeerKey& key, const WireguardPeer& peer);
std::string Describe(const UdpListenerKey& key, const UdpListener& listener);
std::string Describe(const UdpTunnelKey& key, const UdpTunnel& tunnel);
std::string Describe(const HookKey& key, const Hook& hook);

}  // namespace heddle::node
