// What nodes say, between wire messages and plain values, as it comes from them or through another
// controller. The rules of api/convert.h hold.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/node.pb.h"
#include "api/heddle/v1/replica.pb.h"
#include "api/probe.h"
#include "controller/commands.h"
#include "controller/node_registry.h"

namespace heddle::controller {

// InvalidArgument, naming the field, when a text of a node's is longer than a name may be.
absl::Status CheckShort(absl::string_view field, const std::string& text);

absl::StatusOr<AcquireRequest> ToRequest(const std::string& node_id,
                                         const v1::Advertise& advertise);
absl::StatusOr<AcquireRequest> ToRequest(const v1::AcquireRequest& request);
v1::AcquireRequest ToMessage(const AcquireRequest& request);

// Never refused, only bounded. The revision is as the node says.
NodeReport ToReport(const v1::Applied& applied);
v1::Applied ToMessage(const NodeReport& report);

// An error says that it cannot be used, and why: that is the asker's to know.
absl::StatusOr<ProbeReport> ToProbeReport(const v1::ProbeReport& message);

v1::AttachedNode ToMessage(const NodeRegistry::Local& local, absl::Time now);
// Without a stream, and of no controller yet.
absl::StatusOr<NodeRegistry::Remote> ToRemote(const v1::AttachedNode& attached, absl::Time now);

}  // namespace heddle::controller
