// Probes between wire messages and plain values; the rules of api/convert.h hold.
#pragma once

#include "absl/status/statusor.h"
#include "api/heddle/v1/node.pb.h"
#include "api/probe.h"

namespace heddle {

// The most of each that one message may carry. A sender splits what is more.
inline constexpr int kMaxProbesPerReport = 256, kMaxFindings = 16, kMaxProbeNodes = 20'000;
inline constexpr std::size_t kMaxProbeTextBytes = 512;

v1::ProbeRequest ToProto(const ProbeRequest& request);
absl::StatusOr<ProbeRequest> FromProto(const v1::ProbeRequest& request);

v1::PeerProbe ToProto(const PeerProbe& probe);
absl::StatusOr<PeerProbe> FromProto(const v1::PeerProbe& probe);

v1::HostFinding ToProto(const HostFinding& finding);
absl::StatusOr<HostFinding> FromProto(const v1::HostFinding& finding);

// Texts beyond kMaxProbeTextBytes are cut.
v1::ProbeReport ToProto(const ProbeReport& report);
absl::StatusOr<ProbeReport> FromProto(const v1::ProbeReport& report);

v1::Reachability ToProto(const Reachability& reachability);
// Never refused, only bounded: a status is worth more in part than not at all.
Reachability FromProto(const v1::Reachability& reachability);

}  // namespace heddle
