// The vxlan backend: each family's subnets travel over the underlay of the same family, as
// flannel's do, through one device per family with the same VNI and port.
#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "node/backend/peer_route.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"
#include "node/backend/vtep_mac.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

std::uint32_t Vni(const Network& network) { return network.backend.Int("VNI"); }

std::string DeviceName(const Network& network, Family family) {
  return LinkName(family, Vni(network));
}

// What one packet grows by, in bytes: inner Ethernet 14, VXLAN 8, UDP 8, and the outer IP header of
// 20 or 40. flannel subtracts 50 for both families, so that on an IPv6 underlay packets of 1431 to
// 1450 bytes vanish.
constexpr int OverheadBytes(Family underlay) { return underlay == Family::kV4 ? 50 : 70; }

// The MTU option cannot raise a device above what its lower device carries: the kernel refuses it.
int DeviceMtuBytes(const Network& network, const HostFacts& host, Family family) {
  const int option = network.backend.Int("MTU");
  const int underlay =
      option == 0 ? host.underlay_mtu_bytes : std::min(option, host.underlay_mtu_bytes);
  return underlay - OverheadBytes(family);
}

Mac OwnMac(const Network& network, absl::string_view node_id) {
  return DeriveVtepMac(node_id, Vni(network), network.backend.Text("MacPrefix"));
}

absl::StatusOr<Advertisement> Advertise(const Network& network, absl::string_view node_id,
                                        const HostFacts& host) {
  auto advertisement = AdvertiseAddresses("vxlan", network, host);
  if (advertisement.ok()) advertisement->vtep_mac = OwnMac(network, node_id);
  return advertisement;
}

absl::StatusOr<int> PodMtuBytes(const Network& network, const HostFacts& host) {
  int mtu = host.underlay_mtu_bytes;
  for (Family family : kFamilies) {
    if (network.ranges[family]) mtu = std::min(mtu, DeviceMtuBytes(network, host, family));
  }
  return CheckPodMtu(mtu, network, host);
}

void PlanOwn(const PlanInput& input, Family family, NetworkState* state) {
  const Network& network = input.network;
  if (!input.host.source_address[family]) return;  // Advertise has refused such a host
  const std::string device = DeviceName(network, family);
  const std::int64_t port = network.backend.Int("Port");
  VxlanLink vxlan;
  vxlan.vni = Vni(network);
  vxlan.port = port == 0 ? 8472 : port;
  vxlan.lower = input.host.underlay_link;
  vxlan.local = *input.host.source_address[family];
  vxlan.learning = network.backend.Bool("Learning");
  vxlan.gbp = network.backend.Bool("GBP");

  Link link;
  link.kind = vxlan;
  // What the peers were told. It differs from the derived one only until a changed VNI or MacPrefix
  // has been announced.
  link.mac = input.self.advertisement.vtep_mac;
  if (link.mac.is_zero()) link.mac = OwnMac(network, input.self.node_id);
  link.mtu_bytes = DeviceMtuBytes(network, input.host, family);
  state->links[device] = link;
  state->sysctls[absl::StrCat("net/ipv6/conf/", device, "/accept_ra")] = "0";
  // A host prefix: it brings no connected route, and is the source of host-to-pod packets.
  const Ip& base = input.self.subnets[family]->base();
  state->addresses[AddressKey{device, base}] = Address{BitsOf(family)};
}

absl::Status PlanPeerFamily(const PlanInput& input, const Peer& peer, Family family,
                            NetworkState* state) {
  const Prefix& subnet = *peer.subnets[family];
  const Ip& remote = *peer.advertisement.public_address[family];
  if (input.network.backend.Bool("DirectRouting") && IsOnlink(input.host, remote)) {
    PlanRouteVia(input, subnet, input.host.underlay_link, remote, /*onlink=*/false, state);
    return absl::OkStatus();
  }
  const Mac& mac = peer.advertisement.vtep_mac;
  if (mac.is_zero() || mac.is_multicast()) {
    return absl::FailedPreconditionError(
        absl::StrCat("it announces the VTEP MAC ", mac.ToString(),
                     ", which no device can have; restart heddle-node there"));
  }
  const std::string device = DeviceName(input.network, family);
  state->fdb[FdbKey{device, mac}] = FdbEntry{remote};
  state->neighbours[NeighbourKey{device, subnet.base()}] = Neighbour{mac};
  PlanRouteVia(input, subnet, device, subnet.base(), /*onlink=*/true, state);
  return absl::OkStatus();
}

}  // namespace

const Backend kVxlanBackend = {"vxlan", Advertise, PodMtuBytes, PlanOwn, PlanPeerFamily};

}  // namespace heddle::node
