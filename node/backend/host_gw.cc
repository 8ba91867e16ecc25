// The host-gw backend: plain routes through the hosts' addresses, where all hosts share a link.
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"

namespace heddle::node {
namespace {

absl::Status Advertise(const PlaneFacts& facts, const Identity& /*identity*/,
                       Advertisement* advertisement) {
  const HostFacts& host = facts.host;
  HEDDLE_RETURN_IF_ERROR(AdvertiseAddresses(facts, advertisement));
  for (Family family : kFamilies) {
    if (!facts.network.ranges[family]) continue;
    const Ip& announced = *host.public_address[family];
    const Ip& source = *host.source_address[family];
    if (announced == source) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "host-gw routes go through the hosts' own addresses, but this host would announce ",
        announced.ToString(), " while ", host.underlay_link, " has ", source.ToString(),
        "; leave out ", family == Family::kV4 ? "--public-ip" : "--public-ipv6",
        ", or use the vxlan backend"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(facts.host.underlay_mtu_bytes, facts);
}

void PlanOwn(const PlaneInput& /*input*/, Family /*family*/, NetworkState* /*state*/) {}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* /*state*/) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip gateway, PublicAddressOf(peer, subnet.family()));
  if (!IsOnlink(input.host, gateway)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "its address ", gateway.ToString(), " is not on a network that ", input.host.underlay_link,
        " reaches without a router, which host-gw needs; put the hosts on one link, "
        "or use the vxlan backend"));
  }
  return PeerPath{input.host.underlay_link, gateway, /*onlink=*/false};
}

}  // namespace

const Backend kHostGwBackend = {"host-gw", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
