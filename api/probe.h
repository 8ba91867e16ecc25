// What a node found on its way to a peer, and about itself, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ip.h"

namespace heddle {

// One size on one way to one peer.
struct Probe {
  std::uint32_t size_bytes = 0;  // of the IP packet; 0: not probed
  bool answered = false;
  absl::Duration rtt;  // of the answer
  std::string error;   // why it could not even be sent; "": it was

  bool was_probed() const { return size_bytes > 0; }
  // Probed, and nothing came back.
  bool failed() const { return was_probed() && !answered; }

  friend bool operator==(const Probe& a, const Probe& b) {
    return a.size_bytes == b.size_bytes && a.answered == b.answered && a.rtt == b.rtt &&
           a.error == b.error;
  }
};

// What one node found on its way to another, in one address family of the pods.
struct PeerProbe {
  std::string node_id;  // of the peer
  Family family = Family::kV4;
  std::string backend_type;  // the plane that carries it
  std::optional<Ip> underlay_address, overlay_address;
  Probe underlay_small, underlay_full, overlay_small, overlay_full;
  // The small packet in a frame for every MAC: vxlan, and only where overlay_small failed.
  Probe overlay_any_mac;
  // The largest packet that came through where the full size did not; 0: not looked for.
  std::uint32_t underlay_largest_bytes = 0, overlay_largest_bytes = 0;

  friend bool operator==(const PeerProbe& a, const PeerProbe& b) {
    return a.node_id == b.node_id && a.family == b.family && a.backend_type == b.backend_type &&
           a.underlay_address == b.underlay_address && a.overlay_address == b.overlay_address &&
           a.underlay_small == b.underlay_small && a.underlay_full == b.underlay_full &&
           a.overlay_small == b.overlay_small && a.overlay_full == b.overlay_full &&
           a.overlay_any_mac == b.overlay_any_mac &&
           a.underlay_largest_bytes == b.underlay_largest_bytes &&
           a.overlay_largest_bytes == b.overlay_largest_bytes;
  }
};

// The causes of host findings; verdicts (api/verdict.h) have these and more.
inline constexpr absl::string_view kIpForward = "ip_forward", kRpFilter = "rp_filter",
                                   kFirewall = "firewall", kKernelModule = "kernel_module",
                                   kWrongVtep = "wrong_vtep";

// Something about the host itself that stops pod traffic, found without a peer.
struct HostFinding {
  std::string cause;             // one of the five above
  std::string message;           // what, on which object, and what to do
  std::optional<Family> family;  // of the pods whose traffic it stops; absent: both

  bool Concerns(Family f) const { return !family || *family == f; }

  friend bool operator==(const HostFinding& a, const HostFinding& b) {
    return a.cause == b.cause && a.message == b.message && a.family == b.family;
  }
  friend bool operator!=(const HostFinding& a, const HostFinding& b) { return !(a == b); }
};

// Asks a node to probe now.
struct ProbeRequest {
  std::uint64_t id = 0;
  std::vector<std::string> node_ids;  // peers; empty: all
  std::uint32_t max_peers = 0;        // a random choice of that many when there are more; 0: all

  friend bool operator==(const ProbeRequest& a, const ProbeRequest& b) {
    return a.id == b.id && a.node_ids == b.node_ids && a.max_peers == b.max_peers;
  }
};

// The answer, or a part of it.
struct ProbeReport {
  std::uint64_t request_id = 0;
  std::vector<PeerProbe> peers;
  std::vector<HostFinding> host;
  bool last = false;
  std::string error;  // with `last`: why the node could not probe; "": it has

  friend bool operator==(const ProbeReport& a, const ProbeReport& b) {
    return a.request_id == b.request_id && a.peers == b.peers && a.host == b.host &&
           a.last == b.last && a.error == b.error;
  }
};

// What a node's slow, steady probing of its peers found lately.
struct Reachability {
  std::uint64_t probed = 0;           // peers probed lately
  std::uint64_t reachable = 0;        // ... of them answered on underlay and overlay, in full size
  std::vector<std::string> failures;  // one sentence each, bounded

  friend bool operator==(const Reachability& a, const Reachability& b) {
    return a.probed == b.probed && a.reachable == b.reachable && a.failures == b.failures;
  }
};

}  // namespace heddle
