// The ipip backend: IPv4 packets in IPv4 packets, through one device without a remote, where the
// nexthop's gateway is the outer destination.
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

constexpr int kOverheadBytes = 20;  // the outer IPv4 header

int DeviceMtuBytes(const PlaneFacts& facts) {
  return facts.host.underlay_mtu_bytes - kOverheadBytes;
}

absl::Status Advertise(const PlaneFacts& facts, const Identity& /*identity*/,
                       Advertisement* advertisement) {
  if (const auto& ipv6 = facts.network.ranges[Family::kV6]) {
    return absl::FailedPreconditionError(
        absl::StrCat("ipip carries IPv4 alone, but the cluster network has the IPv6 range ",
                     ipv6->network.ToString(),
                     "; set EnableIPv6 to false, or use the vxlan or wireguard backend"));
  }
  return AdvertiseAddresses(facts, advertisement);
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(DeviceMtuBytes(facts), facts);
}

void PlanOwn(const PlaneInput& input, Family family, NetworkState* state) {
  // Advertise has refused a host without an address, and a network with another family.
  if (family != Family::kV4 || !input.host.source_address[family]) return;
  Link link;
  link.kind = IpipLink{*input.host.source_address[family]};
  link.mtu_bytes = DeviceMtuBytes(input);
  state->links[kIpipLinkName] = link;
  PlanOwnAddresses(input, kIpipLinkName, family, state);
}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* /*state*/) {
  if (subnet.family() != Family::kV4) {
    return absl::FailedPreconditionError(absl::StrCat("ipip cannot carry ", subnet.ToString(),
                                                      ", which is not IPv4; use the vxlan "
                                                      "or wireguard backend"));
  }
  HEDDLE_ASSIGN_OR_RETURN(const Ip remote, PublicAddressOf(peer, subnet.family()));
  if (auto direct = DirectPath(input, remote)) return direct;
  return PeerPath{kIpipLinkName, remote, /*onlink=*/true};
}

}  // namespace

const Backend kIpipBackend = {"ipip", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
