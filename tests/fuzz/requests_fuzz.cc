// Any bytes as what is asked of a controller, by administrators and by other controllers. What is
// accepted must come back equal where it can be sent on.
#include "controller/admin_messages.h"
#include "controller/node_messages.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::controller {
namespace {

using fuzz::Accepted;
using fuzz::Require;

void CheckReservation(const std::string& bytes) {
  v1::ReserveLeaseRequest request;
  if (!request.ParseFromString(bytes)) return;
  const auto subnets = ReservedSubnets(request);
  if (!Accepted(CheckNodeId(request.node_id())) || !Accepted(subnets)) return;
  Require(subnets->size() <= kFamilies.size());
  for (const Prefix& subnet : *subnets) {
    Require(fuzz::Is(Prefix::Parse(subnet.ToString()), subnet));
  }
}

void CheckAcquire(const std::string& bytes) {
  v1::AcquireRequest message;
  if (!message.ParseFromString(bytes)) return;
  const auto request = ToRequest(message);
  if (!Accepted(request)) return;
  const auto again = ToRequest(ToMessage(*request));
  Require(again.ok() && again->node_id == request->node_id &&
          again->advertisement == request->advertisement && again->preferred == request->preferred);
}

void CheckReport(const std::string& bytes) {
  v1::Applied applied;
  if (!applied.ParseFromString(bytes)) return;
  const NodeReport report = ToReport(applied);
  const NodeReport again = ToReport(ToMessage(report));
  Require(again.problems == report.problems && again.reachability == report.reachability);
}

void CheckProbeReport(const std::string& bytes) {
  v1::ProbeReport message;
  if (message.ParseFromString(bytes)) Accepted(ToProbeReport(message));
}

void CheckAttachedNode(const std::string& bytes) {
  const absl::Time now = absl::FromUnixSeconds(1'790'000'000);
  v1::AttachedNode message;
  if (!message.ParseFromString(bytes)) return;
  const auto remote = ToRemote(message, now);
  if (!Accepted(remote)) return;
  Require(ValidateNodeId(remote->info.node_id).ok());
  const auto again = ToRemote(ToMessage({remote->info, remote->attachment}, now), now);
  Require(again.ok() && again->info.node_id == remote->info.node_id &&
          again->attachment == remote->attachment);
}

}  // namespace
}  // namespace heddle::controller

HEDDLE_FUZZ_ONE_OF(heddle::controller::CheckReservation, heddle::controller::CheckAcquire,
                   heddle::controller::CheckReport, heddle::controller::CheckProbeReport,
                   heddle::controller::CheckAttachedNode)
