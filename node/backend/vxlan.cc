// The vxlan backend: each family's subnets travel over the underlay of the same family, as
// flannel's do, through one device per family with the same VNI and port.
#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"
#include "node/backend/vtep_mac.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

std::uint32_t Vni(const PlaneFacts& facts) { return facts.config.Int("VNI"); }

std::string DeviceName(const PlaneFacts& facts, Family family) {
  return LinkName(family, Vni(facts));
}

// What one packet grows by, in bytes: inner Ethernet 14, VXLAN 8, UDP 8, and the outer IP header of
// 20 or 40. flannel subtracts 50 for both families, so that on an IPv6 underlay packets of 1431 to
// 1450 bytes vanish.
constexpr int OverheadBytes(Family underlay) { return underlay == Family::kV4 ? 50 : 70; }

// The kernel refuses a device above what its lower device carries.
int DeviceMtuBytes(const PlaneFacts& facts, Family family) {
  return CarriedMtuBytes(facts) - OverheadBytes(family);
}

Mac OwnMac(const PlaneFacts& facts, absl::string_view node_id) {
  return DeriveVtepMac(node_id, Vni(facts), facts.config.Text("MacPrefix"));
}

absl::Status Advertise(const PlaneFacts& facts, const Identity& identity,
                       Advertisement* advertisement) {
  advertisement->vtep_mac = OwnMac(facts, identity.node_id);
  return AdvertiseAddresses(facts, advertisement);
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  int mtu = facts.host.underlay_mtu_bytes;
  for (Family family : kFamilies) {
    if (facts.network.ranges[family]) mtu = std::min(mtu, DeviceMtuBytes(facts, family));
  }
  return CheckPodMtu(mtu, facts);
}

void PlanOwn(const PlaneInput& input, Family family, NetworkState* state) {
  if (!input.host.source_address[family]) return;  // Advertise has refused such a host
  const BackendConfig& config = input.config;
  const std::string device = DeviceName(input, family);
  const std::int64_t port = config.Int("Port");
  VxlanLink vxlan;
  vxlan.vni = Vni(input);
  vxlan.port = port == 0 ? 8472 : port;
  vxlan.lower = input.host.underlay_link;
  vxlan.local = *input.host.source_address[family];
  vxlan.learning = config.Bool("Learning");
  vxlan.gbp = config.Bool("GBP");

  Link link;
  link.kind = vxlan;
  // What the peers were told. It differs from the derived one only until a changed VNI or MacPrefix
  // has been announced.
  link.mac = input.self.advertisement.vtep_mac;
  if (link.mac.is_zero()) link.mac = OwnMac(input, input.self.node_id);
  link.mtu_bytes = DeviceMtuBytes(input, family);
  state->links[device] = link;
  state->sysctls[absl::StrCat("net/ipv6/conf/", device, "/accept_ra")] = "0";
  if (!config.Bool("ChecksumOffload")) {
    state->features_off[FeatureKey{device, kTransmitChecksum}] = FeatureOff{};
  }
  PlanOwnAddresses(input, device, family, state);
}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* state) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip remote, PublicAddressOf(peer, subnet.family()));
  if (auto direct = DirectPath(input, remote)) return direct;
  const Mac& mac = peer.advertisement.vtep_mac;
  if (mac.is_zero() || mac.is_multicast()) {
    return absl::FailedPreconditionError(
        absl::StrCat("it announces the VTEP MAC ", mac.ToString(),
                     ", which no device can have; restart heddle-node there"));
  }
  const std::string device = DeviceName(input, subnet.family());
  state->fdb[FdbKey{device, mac}] = FdbEntry{remote};
  state->neighbours[NeighbourKey{device, subnet.base()}] = Neighbour{mac};
  return PeerPath{device, subnet.base(), /*onlink=*/true};
}

}  // namespace

const Backend kVxlanBackend = {"vxlan", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
