// The host-gw backend: plain routes through the hosts' addresses, where all hosts share a link.
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "node/backend/peer_route.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"

namespace heddle::node {
namespace {

absl::StatusOr<Advertisement> Advertise(const Network& network, absl::string_view /*node_id*/,
                                        const HostFacts& host) {
  auto advertisement = AdvertiseAddresses("host-gw", network, host);
  if (!advertisement.ok()) return advertisement;
  for (Family family : kFamilies) {
    if (!network.ranges[family]) continue;
    const Ip& announced = *host.public_address[family];
    const Ip& source = *host.source_address[family];
    if (announced == source) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "host-gw routes go through the hosts' own addresses, but this host would announce ",
        announced.ToString(), " while ", host.underlay_link, " has ", source.ToString(),
        "; leave out ", family == Family::kV4 ? "--public-ip" : "--public-ipv6",
        ", or use the vxlan backend"));
  }
  return advertisement;
}

absl::StatusOr<int> PodMtuBytes(const Network& network, const HostFacts& host) {
  return CheckPodMtu(host.underlay_mtu_bytes, network, host);
}

void PlanOwn(const PlanInput& /*input*/, Family /*family*/, NetworkState* /*state*/) {}

absl::Status PlanPeerFamily(const PlanInput& input, const Peer& peer, Family family,
                            NetworkState* state) {
  const Ip& gateway = *peer.advertisement.public_address[family];
  if (!IsOnlink(input.host, gateway)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "its address ", gateway.ToString(), " is not on a network that ", input.host.underlay_link,
        " reaches without a router, which host-gw needs; put the hosts on one link, "
        "or use the vxlan backend"));
  }
  PlanRouteVia(input, *peer.subnets[family], input.host.underlay_link, gateway, /*onlink=*/false,
               state);
  return absl::OkStatus();
}

}  // namespace

const Backend kHostGwBackend = {"host-gw", Advertise, PodMtuBytes, PlanOwn, PlanPeerFamily};

}  // namespace heddle::node
