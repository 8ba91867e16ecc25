// The alloc backend: gives the host a subnet and leaves the paths between hosts to somebody else.
#include "node/backend/rows.h"
#include "node/backend/underlay.h"

namespace heddle::node {
namespace {

absl::Status Advertise(const PlaneFacts& facts, const Identity& /*identity*/,
                       Advertisement* advertisement) {
  return AdvertiseAddresses(facts, advertisement);
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(facts.host.underlay_mtu_bytes, facts);
}

void PlanOwn(const PlaneInput& /*input*/, Family /*family*/, NetworkState* /*state*/) {}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& /*input*/, const Peer& /*peer*/,
                                                 const Prefix& /*subnet*/,
                                                 NetworkState* /*state*/) {
  return std::nullopt;
}

}  // namespace

const Backend kAllocBackend = {"alloc", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
