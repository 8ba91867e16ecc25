#include "controller/node_messages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/convert_probe.h"
#include "base/status_macros.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr int kMaxProblems = 32;
constexpr std::size_t kMaxProblemBytes = 512;
constexpr absl::Duration kMaxAge = absl::Hours(24 * 365);

absl::Status Annotated(absl::string_view field, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(field, ": ", why.message()));
}

absl::Time Ago(std::int64_t ms, absl::Time now) {
  return now - std::clamp(absl::Milliseconds(ms), absl::ZeroDuration(), kMaxAge);
}

std::int64_t MsAgo(absl::Time time, absl::Time now) {
  return std::max<std::int64_t>(0, absl::ToInt64Milliseconds(now - time));
}

}  // namespace

absl::Status CheckShort(absl::string_view field, const std::string& text) {
  if (text.size() <= kMaxNameBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", text.size(), " bytes long; at most ",
                                                 kMaxNameBytes, " are allowed"));
}

absl::StatusOr<AcquireRequest> ToRequest(const std::string& node_id,
                                         const v1::Advertise& advertise) {
  AcquireRequest request;
  request.node_id = node_id;
  absl::StatusOr<Advertisement> advertisement = FromProto(advertise.advertisement());
  if (!advertisement.ok()) return Annotated("advertise.advertisement", advertisement.status());
  request.advertisement = *std::move(advertisement);
  PerFamily<Prefix> preferred;
  for (const v1::Prefix& wire : advertise.preferred_subnets()) {
    absl::StatusOr<Prefix> subnet = FromProto(wire);
    if (!subnet.ok()) return Annotated("advertise.preferred_subnets", subnet.status());
    if (preferred[subnet->family()]) {
      return absl::InvalidArgumentError(absl::StrCat("advertise.preferred_subnets: more than one ",
                                                     FamilyName(subnet->family()), " subnet"));
    }
    preferred[subnet->family()] = *subnet;
  }
  preferred.ForEach([&](Family, const Prefix& subnet) { request.preferred.push_back(subnet); });
  return request;
}

absl::StatusOr<AcquireRequest> ToRequest(const v1::AcquireRequest& request) {
  if (const absl::Status status = ValidateNodeId(request.node_id()); !status.ok()) {
    return Annotated("node_id", status);
  }
  return ToRequest(request.node_id(), request.advertise());
}

v1::AcquireRequest ToMessage(const AcquireRequest& request) {
  v1::AcquireRequest message;
  message.set_node_id(request.node_id);
  *message.mutable_advertise()->mutable_advertisement() = ToProto(request.advertisement);
  for (const Prefix& subnet : request.preferred) {
    *message.mutable_advertise()->add_preferred_subnets() = ToProto(subnet);
  }
  return message;
}

NodeReport ToReport(const v1::Applied& applied) {
  NodeReport report;
  report.applied_revision = applied.revision();
  report.peers = applied.peers();
  report.held_removals = applied.held_removals();
  for (const std::string& problem : applied.problems()) {
    if (report.problems.size() == kMaxProblems) break;
    report.problems.push_back(problem.substr(0, kMaxProblemBytes));
  }
  report.reachability = FromProto(applied.reachability());
  return report;
}

v1::Applied ToMessage(const NodeReport& report) {
  v1::Applied applied;
  applied.set_revision(report.applied_revision);
  applied.set_peers(report.peers);
  applied.set_held_removals(report.held_removals);
  for (const std::string& problem : report.problems) applied.add_problems(problem);
  *applied.mutable_reachability() = ToProto(report.reachability);
  return applied;
}

absl::StatusOr<ProbeReport> ToProbeReport(const v1::ProbeReport& message) {
  absl::StatusOr<ProbeReport> report = FromProto(message);
  if (report.ok()) return report;
  return absl::InvalidArgumentError(
      absl::StrCat("its report cannot be used: ", report.status().message()));
}

v1::AttachedNode ToMessage(const NodeRegistry::Local& local, absl::Time now) {
  const NodeInfo& info = local.info;
  v1::AttachedNode message;
  message.set_node_id(info.node_id);
  message.set_instance_id(info.instance_id);
  message.set_remote_address(info.remote_address);
  message.set_software_version(info.software_version);
  message.set_can_probe(info.can_probe);
  *message.mutable_report() = ToMessage(info.report);
  message.set_attached_ms_ago(MsAgo(info.attached_at, now));
  message.set_last_heard_ms_ago(MsAgo(info.last_heard, now));
  message.set_attachment(local.attachment);
  return message;
}

absl::StatusOr<NodeRegistry::Remote> ToRemote(const v1::AttachedNode& attached, absl::Time now) {
  if (const absl::Status status = ValidateNodeId(attached.node_id()); !status.ok()) {
    return Annotated("attached.node_id", status);
  }
  HEDDLE_RETURN_IF_ERROR(CheckShort("attached.instance_id", attached.instance_id()));
  HEDDLE_RETURN_IF_ERROR(CheckShort("attached.remote_address", attached.remote_address()));
  HEDDLE_RETURN_IF_ERROR(CheckShort("attached.software_version", attached.software_version()));
  NodeRegistry::Remote remote;
  remote.attachment = attached.attachment();
  NodeInfo& info = remote.info;
  info.node_id = attached.node_id();
  info.instance_id = attached.instance_id();
  info.remote_address = attached.remote_address();
  info.software_version = attached.software_version();
  info.can_probe = attached.can_probe();
  info.report = ToReport(attached.report());
  info.attached_at = Ago(attached.attached_ms_ago(), now);
  info.last_heard = Ago(attached.last_heard_ms_ago(), now);
  return remote;
}

}  // namespace heddle::controller
