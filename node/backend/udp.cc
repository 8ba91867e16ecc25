// The udp backend: pod packets in UDP datagrams, one in one and nothing else, as flannel's does it.
// Each family's subnets travel over the underlay of the same family; one TUN device serves both,
// and heddle-forwarder carries what it gives and takes. For hosts without VXLAN.
//
// There is a route per peer, and none for the whole network as flannel has: where the hosts' own
// addresses lie in the network, that one would lead the datagrams themselves into the tunnel.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

// What one packet grows by, in bytes: UDP 8, and the outer IP header of 20 or 40.
constexpr int OverheadBytes(Family underlay) { return underlay == Family::kV4 ? 28 : 48; }

// The device is one for both families, so the dearer one counts.
int DeviceMtuBytes(const PlaneFacts& facts) {
  const Family dearest = facts.network.ranges[Family::kV6] ? Family::kV6 : Family::kV4;
  return CarriedMtuBytes(facts) - OverheadBytes(dearest);
}

// Every host's own, and that of every peer.
std::uint16_t Port(const PlaneFacts& facts) {
  const std::int64_t port = facts.config.Int("Port");
  return port == 0 ? 8285 : port;
}

absl::Status Advertise(const PlaneFacts& facts, const Identity& /*identity*/,
                       Advertisement* advertisement) {
  return AdvertiseAddresses(facts, advertisement);
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(DeviceMtuBytes(facts), facts);
}

void PlanOwn(const PlaneInput& input, Family family, NetworkState* state) {
  if (!input.host.source_address[family]) return;  // Advertise has refused such a host
  Link link;
  link.kind = TunLink{};
  link.mtu_bytes = DeviceMtuBytes(input);
  state->links[kUdpLinkName] = link;
  UdpListener listener{*input.host.source_address[family], Port(input),
                       input.self.SubnetsOf(family)};
  std::sort(listener.subnets.begin(), listener.subnets.end());
  state->udp_listeners[UdpListenerKey{kUdpLinkName, family}] = std::move(listener);
  PlanOwnAddresses(input, kUdpLinkName, family, state);
  // The forwarder's ICMP errors come from the device's own address. Nothing else does: what it
  // takes from peers is from their subnets.
  if (family == Family::kV4) {
    state->sysctls[absl::StrCat("net/ipv4/conf/", kUdpLinkName, "/accept_local")] = "1";
  }
}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* state) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip endpoint, PublicAddressOf(peer, subnet.family()));
  state->udp_tunnels[UdpTunnelKey{kUdpLinkName, subnet}] = UdpTunnel{endpoint, Port(input)};
  return PeerPath{kUdpLinkName, Ip(subnet.family(), 0), /*onlink=*/false};
}

}  // namespace

const Backend kUdpBackend = {"udp", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
