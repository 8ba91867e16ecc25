// The alloc backend: gives the host a subnet and leaves the paths between hosts to somebody else.
#include "node/backend/rows.h"
#include "node/backend/underlay.h"

namespace heddle::node {
namespace {

absl::StatusOr<Advertisement> Advertise(const Network& network, absl::string_view /*node_id*/,
                                        const HostFacts& host) {
  return AdvertiseAddresses("alloc", network, host);
}

absl::StatusOr<int> PodMtuBytes(const Network& network, const HostFacts& host) {
  return CheckPodMtu(host.underlay_mtu_bytes, network, host);
}

void PlanOwn(const PlanInput& /*input*/, Family /*family*/, NetworkState* /*state*/) {}

absl::Status PlanPeerFamily(const PlanInput& /*input*/, const Peer& /*peer*/, Family /*family*/,
                            NetworkState* /*state*/) {
  return absl::OkStatus();
}

}  // namespace

const Backend kAllocBackend = {"alloc", Advertise, PodMtuBytes, PlanOwn, PlanPeerFamily};

}  // namespace heddle::node
