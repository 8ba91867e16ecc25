// What probes mean: the cause, and what to do. Pure, and one function for all: a node judges its
// steady probing with what it knows alone, a controller with both directions and both ends.
//
// Where the evidence leaves two causes, the advice names both.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "api/network.h"
#include "api/probe.h"

namespace heddle {

// Besides the causes of host findings (api/probe.h), which a verdict has where one explains it.
inline constexpr absl::string_view kOk = "ok";
// Nothing answers, neither on the underlay nor on the overlay.
inline constexpr absl::string_view kUnreachable = "unreachable";
// Small packets pass, those of the interface's own size vanish.
inline constexpr absl::string_view kMtuBlackHole = "mtu_black_hole";
// The underlay answers, what the tunnel carries does not arrive.
inline constexpr absl::string_view kUdpBlocked = "udp_blocked";
inline constexpr absl::string_view kProtocolBlocked = "protocol_blocked";  // ipip: IP protocol 4
// The peer answers that nothing listens on the tunnel's port.
inline constexpr absl::string_view kNoTunnel = "no_tunnel";
// The kernel here refused to send.
inline constexpr absl::string_view kNotSent = "not_sent";
// The tunnel works the other way round, so something on the way in drops what it carries.
inline constexpr absl::string_view kFiltered = "filtered";

// What is known of one direction between two nodes. References: valid for the call only.
struct Evidence {
  absl::string_view from;  // node id of the prober; the peer's is in `probe`
  const PeerProbe& probe;
  const PeerProbe* reverse = nullptr;  // what the peer found on its way here; null: not known
  absl::Span<const HostFinding> from_findings = {}, to_findings = {};
  enum class Attached { kUnknown, kYes, kNo };
  Attached peer = Attached::kUnknown;  // whether the peer's heddle-node has a stream
  // Of the plane that carries the probe; null: not known.
  const BackendConfig* backend = nullptr;
};

struct Verdict {
  absl::string_view cause = kOk;
  std::string advice;  // sentences; "" when ok

  bool ok() const { return cause == kOk; }
};

Verdict Judge(const Evidence& evidence);

// Whether a cause lies in a host, whatever its peers do.
bool IsHostCause(absl::string_view cause);

}  // namespace heddle
