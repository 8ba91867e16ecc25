#include "api/convert_probe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"

namespace heddle {
namespace {

constexpr std::uint32_t kMaxPacketBytes = 65'535;
constexpr std::int64_t kMaxRttNs = 60'000'000'000;
constexpr std::size_t kMaxTypeBytes = 32;
constexpr int kMaxFailures = 16;

absl::Status Annotated(absl::string_view field, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(field, ": ", why.message()));
}

absl::Status CheckText(absl::string_view field, const std::string& text, std::size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", text.size(), " bytes long; at most ", most, " are allowed"));
}

absl::Status CheckCount(absl::string_view field, int count, int most) {
  if (count <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", count, " of them; at most ", most, " are allowed"));
}

absl::Status CheckSize(absl::string_view field, std::uint32_t bytes) {
  if (bytes <= kMaxPacketBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": no IP packet has ", bytes, " bytes"));
}

// Without cutting a character of UTF-8 in two.
std::string Cut(std::string text, std::size_t most = kMaxProbeTextBytes) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::uint32_t VersionOf(Family family) { return family == Family::kV4 ? 4 : 6; }

absl::StatusOr<Family> FamilyOf(std::uint32_t version) {
  if (version == 4) return Family::kV4;
  if (version == 6) return Family::kV6;
  return absl::InvalidArgumentError("ip_version: it must be 4 or 6");
}

v1::Probe ToWire(const Probe& probe) {
  v1::Probe message;
  message.set_size_bytes(probe.size_bytes);
  message.set_answered(probe.answered);
  message.set_rtt_ns(std::max<std::int64_t>(0, absl::ToInt64Nanoseconds(probe.rtt)));
  message.set_error(Cut(probe.error));
  return message;
}

absl::StatusOr<Probe> FromWire(absl::string_view field, const v1::Probe& message) {
  HEDDLE_RETURN_IF_ERROR(CheckSize(absl::StrCat(field, ".size_bytes"), message.size_bytes()));
  HEDDLE_RETURN_IF_ERROR(
      CheckText(absl::StrCat(field, ".error"), message.error(), kMaxProbeTextBytes));
  if (message.rtt_ns() > static_cast<std::uint64_t>(kMaxRttNs)) {
    return absl::InvalidArgumentError(absl::StrCat(field, ".rtt_ns: longer than a minute"));
  }
  if (message.answered() && message.size_bytes() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": answered, but not probed"));
  }
  return Probe{message.size_bytes(), message.answered(), absl::Nanoseconds(message.rtt_ns()),
               message.error()};
}

absl::StatusOr<std::optional<Ip>> AddressFromWire(absl::string_view field, bool present,
                                                  const v1::Address& message) {
  if (!present) return std::optional<Ip>();
  const absl::StatusOr<Ip> ip = FromProto(message);
  if (!ip.ok()) return Annotated(field, ip.status());
  return std::optional<Ip>(*ip);
}

}  // namespace

v1::ProbeRequest ToProto(const ProbeRequest& request) {
  v1::ProbeRequest message;
  message.set_id(request.id);
  for (const std::string& id : request.node_ids) message.add_node_ids(id);
  message.set_max_peers(request.max_peers);
  return message;
}

absl::StatusOr<ProbeRequest> FromProto(const v1::ProbeRequest& message) {
  HEDDLE_RETURN_IF_ERROR(CheckCount("node_ids", message.node_ids_size(), kMaxProbeNodes));
  ProbeRequest request{message.id(), {}, message.max_peers()};
  for (const std::string& id : message.node_ids()) {
    const absl::Status valid = ValidateNodeId(id);
    if (!valid.ok()) return Annotated("node_ids", valid);
    request.node_ids.push_back(id);
  }
  return request;
}

v1::PeerProbe ToProto(const PeerProbe& probe) {
  v1::PeerProbe message;
  message.set_node_id(probe.node_id);
  message.set_ip_version(VersionOf(probe.family));
  message.set_backend_type(probe.backend_type);
  if (probe.underlay_address) {
    *message.mutable_underlay_address() = ToProto(*probe.underlay_address);
  }
  if (probe.overlay_address) *message.mutable_overlay_address() = ToProto(*probe.overlay_address);
  *message.mutable_underlay_small() = ToWire(probe.underlay_small);
  *message.mutable_underlay_full() = ToWire(probe.underlay_full);
  *message.mutable_overlay_small() = ToWire(probe.overlay_small);
  *message.mutable_overlay_full() = ToWire(probe.overlay_full);
  *message.mutable_overlay_any_mac() = ToWire(probe.overlay_any_mac);
  message.set_underlay_largest_bytes(probe.underlay_largest_bytes);
  message.set_overlay_largest_bytes(probe.overlay_largest_bytes);
  return message;
}

absl::StatusOr<PeerProbe> FromProto(const v1::PeerProbe& message) {
  PeerProbe probe;
  const absl::Status valid = ValidateNodeId(message.node_id());
  if (!valid.ok()) return Annotated("node_id", valid);
  probe.node_id = message.node_id();
  HEDDLE_ASSIGN_OR_RETURN(probe.family, FamilyOf(message.ip_version()));
  HEDDLE_RETURN_IF_ERROR(CheckText("backend_type", message.backend_type(), kMaxTypeBytes));
  probe.backend_type = message.backend_type();
  HEDDLE_ASSIGN_OR_RETURN(probe.underlay_address,
                          AddressFromWire("underlay_address", message.has_underlay_address(),
                                          message.underlay_address()));
  HEDDLE_ASSIGN_OR_RETURN(
      probe.overlay_address,
      AddressFromWire("overlay_address", message.has_overlay_address(), message.overlay_address()));
  HEDDLE_ASSIGN_OR_RETURN(probe.underlay_small,
                          FromWire("underlay_small", message.underlay_small()));
  HEDDLE_ASSIGN_OR_RETURN(probe.underlay_full, FromWire("underlay_full", message.underlay_full()));
  HEDDLE_ASSIGN_OR_RETURN(probe.overlay_small, FromWire("overlay_small", message.overlay_small()));
  HEDDLE_ASSIGN_OR_RETURN(probe.overlay_full, FromWire("overlay_full", message.overlay_full()));
  HEDDLE_ASSIGN_OR_RETURN(probe.overlay_any_mac,
                          FromWire("overlay_any_mac", message.overlay_any_mac()));
  HEDDLE_RETURN_IF_ERROR(CheckSize("underlay_largest_bytes", message.underlay_largest_bytes()));
  HEDDLE_RETURN_IF_ERROR(CheckSize("overlay_largest_bytes", message.overlay_largest_bytes()));
  probe.underlay_largest_bytes = message.underlay_largest_bytes();
  probe.overlay_largest_bytes = message.overlay_largest_bytes();
  return probe;
}

v1::HostFinding ToProto(const HostFinding& finding) {
  v1::HostFinding message;
  message.set_cause(finding.cause);
  message.set_message(Cut(finding.message));
  if (finding.family) message.set_ip_version(VersionOf(*finding.family));
  return message;
}

absl::StatusOr<HostFinding> FromProto(const v1::HostFinding& message) {
  constexpr absl::string_view kCauses[] = {kIpForward, kRpFilter, kFirewall, kKernelModule,
                                           kWrongVtep};
  if (std::find(std::begin(kCauses), std::end(kCauses), message.cause()) == std::end(kCauses)) {
    return absl::InvalidArgumentError("cause: it is none that this release knows");
  }
  HEDDLE_RETURN_IF_ERROR(CheckText("message", message.message(), kMaxProbeTextBytes));
  HostFinding finding{message.cause(), message.message(), std::nullopt};
  if (message.ip_version() != 0) {
    HEDDLE_ASSIGN_OR_RETURN(finding.family, FamilyOf(message.ip_version()));
  }
  return finding;
}

v1::ProbeReport ToProto(const ProbeReport& report) {
  v1::ProbeReport message;
  message.set_request_id(report.request_id);
  for (const PeerProbe& probe : report.peers) *message.add_peers() = ToProto(probe);
  for (const HostFinding& finding : report.host) *message.add_host() = ToProto(finding);
  message.set_last(report.last);
  message.set_error(Cut(report.error));
  return message;
}

absl::StatusOr<ProbeReport> FromProto(const v1::ProbeReport& message) {
  HEDDLE_RETURN_IF_ERROR(CheckCount("peers", message.peers_size(), kMaxProbesPerReport));
  HEDDLE_RETURN_IF_ERROR(CheckCount("host", message.host_size(), kMaxFindings));
  HEDDLE_RETURN_IF_ERROR(CheckText("error", message.error(), kMaxProbeTextBytes));
  ProbeReport report;
  report.request_id = message.request_id();
  for (const v1::PeerProbe& probe : message.peers()) {
    absl::StatusOr<PeerProbe> value = FromProto(probe);
    if (!value.ok()) return Annotated("peers", value.status());
    report.peers.push_back(*std::move(value));
  }
  for (const v1::HostFinding& finding : message.host()) {
    absl::StatusOr<HostFinding> value = FromProto(finding);
    if (!value.ok()) return Annotated("host", value.status());
    report.host.push_back(*std::move(value));
  }
  report.last = message.last();
  report.error = message.error();
  return report;
}

v1::Reachability ToProto(const Reachability& reachability) {
  v1::Reachability message;
  message.set_probed(reachability.probed);
  message.set_reachable(reachability.reachable);
  for (const std::string& failure : reachability.failures) message.add_failures(Cut(failure));
  return message;
}

Reachability FromProto(const v1::Reachability& message) {
  Reachability reachability{message.probed(), std::min(message.reachable(), message.probed()), {}};
  for (const std::string& failure : message.failures()) {
    if (reachability.failures.size() == kMaxFailures) break;
    reachability.failures.push_back(Cut(failure));
  }
  return reachability;
}

}  // namespace heddle
