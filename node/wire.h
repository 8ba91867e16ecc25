// The stream's messages to and from plain values. What comes in is checked whole: what Decode
// returns can be used without another look.
#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "api/heddle/v1/node.pb.h"
#include "api/peer.h"
#include "node/update.h"

namespace heddle::node {

// InvalidArgument names the message and the field. A message of a kind that is not known is no
// error.
absl::StatusOr<Update> Decode(const v1::ControllerMessage& message);

v1::NodeMessage EncodeAdvertise(const Advertisement& advertisement,
                                absl::Span<const Prefix> preferred);
v1::NodeMessage EncodeApplied(const Applied& applied);
v1::NodeMessage EncodeProbeReport(const ProbeReport& report);

}  // namespace heddle::node
