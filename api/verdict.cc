#include "api/verdict.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace heddle {
namespace {

// The ports that a backend uses when net-conf.json has 0 there.
constexpr int kDefaultVxlanPort = 8472;

std::string Way(const Evidence& e) { return absl::StrCat(e.from, " to ", e.probe.node_id); }

std::string AddressText(const std::optional<Ip>& address) {
  return address ? absl::StrCat(" (", address->ToString(), ")") : std::string();
}

// Where the probe's plane puts its packets: "UDP port 8472", "IP protocol 4", or "".
std::string Transport(const Evidence& e) {
  const std::string& type = e.probe.backend_type;
  if (type == "ipip") return "IP protocol 4 (ipip)";
  if (e.backend == nullptr) {
    return type == "vxlan" || type == "wireguard" || type == "udp" ? "its UDP port" : "";
  }
  if (type == "vxlan") {
    const std::int64_t port = e.backend->Int("Port");
    return absl::StrCat("UDP port ", port == 0 ? kDefaultVxlanPort : port);
  }
  if (type == "wireguard") {
    return absl::StrCat("UDP port ", e.backend->Int(e.probe.family == Family::kV6 &&
                                                            e.backend->Text("Mode") == "separate"
                                                        ? "ListenPortV6"
                                                        : "ListenPort"));
  }
  if (type == "udp") return absl::StrCat("UDP port ", e.backend->Int("Port"));
  return "";
}

const HostFinding* Find(absl::Span<const HostFinding> findings, absl::string_view cause,
                        Family family) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const HostFinding& finding) {
        return finding.cause == cause && finding.Concerns(family);
      });
  return found == findings.end() ? nullptr : &*found;
}

// The first of `causes` that either end has found about itself.
std::optional<Verdict> FromFindings(const Evidence& e,
                                    std::initializer_list<absl::string_view> causes) {
  for (absl::string_view cause : causes) {
    if (const HostFinding* own = Find(e.from_findings, cause, e.probe.family)) {
      return Verdict{cause, absl::StrCat(e.from, ": ", own->message)};
    }
    if (const HostFinding* theirs = Find(e.to_findings, cause, e.probe.family)) {
      return Verdict{cause, absl::StrCat(e.probe.node_id, ": ", theirs->message)};
    }
  }
  return std::nullopt;
}

Verdict Unreachable(const Evidence& e) {
  const PeerProbe& probe = e.probe;
  std::string advice =
      absl::StrCat(probe.node_id, AddressText(probe.underlay_address), " does not answer ", e.from,
                   ", neither on the underlay nor through the tunnel: ");
  if (e.reverse != nullptr && e.reverse->underlay_small.answered) {
    absl::StrAppend(&advice, "but it is answered when it asks ", e.from,
                    " itself, so a firewall on ", probe.node_id,
                    " drops what comes in; let ICMP echo and the tunnel through there");
  } else if (e.peer == Evidence::Attached::kYes) {
    absl::StrAppend(&advice,
                    "its heddle-node is attached, so the host is up. Look for a firewall between "
                    "the two that drops ICMP and the tunnel, or for an address that is not "
                    "reached from here (--public-ip there)");
  } else if (e.peer == Evidence::Attached::kNo) {
    absl::StrAppend(&advice,
                    "its heddle-node is not attached either, so the host is most likely down or "
                    "cut off. Look at it, or release its lease with 'heddlectl node remove ",
                    probe.node_id, "'");
  } else {
    absl::StrAppend(&advice,
                    "the host is down or cut off, or a firewall between drops ICMP and the "
                    "tunnel; 'heddlectl doctor' says more");
  }
  return {kUnreachable, advice};
}

Verdict NotSent(const Evidence& e, absl::string_view what, const std::string& error) {
  return {kNotSent, absl::StrCat(e.from, " cannot send to ", e.probe.node_id, " on the ", what,
                                 ": ", error, "; look at routes and firewall of ", e.from,
                                 " and at the log of its heddle-node")};
}

Verdict WrongVtep(const Evidence& e) {
  return {kWrongVtep,
          absl::StrCat("the tunnel device of ", e.probe.node_id,
                       " answers frames for every MAC but not those for the MAC that ", e.from,
                       " was told: it has another one. ",
                       e.peer == Evidence::Attached::kYes
                           ? "See the log of heddle-node there, which sets the announced one"
                           : "Start heddle-node there, which sets the announced one")};
}

// The underlay answers and the tunnel does not, and no end knows why of itself.
Verdict TunnelSilent(const Evidence& e) {
  const std::string transport = Transport(e);
  std::string advice = absl::StrCat("the underlay answers, but nothing comes back through the ",
                                    e.probe.backend_type, " tunnel from ", Way(e), ": ");
  if (e.probe.backend_type == "wireguard") {
    absl::StrAppend(&advice, transport,
                    " is blocked between the two, by a firewall on one of them or on the way; or "
                    "the two do not have each other's key (the PSK option must be equal, and "
                    "heddle-node must run on both)");
  } else {
    absl::StrAppend(&advice, transport, " is blocked by a firewall on one of them or on the way");
  }
  if (e.probe.backend_type == "udp") {
    absl::StrAppend(&advice, "; or heddle-forwarder does not run there ('heddle-node show' says)");
  }
  if (e.peer == Evidence::Attached::kNo) {
    absl::StrAppend(&advice, "; or the device is gone there, where heddle-node does not run");
  } else if (!e.probe.overlay_any_mac.was_probed() && e.probe.backend_type == "vxlan") {
    absl::StrAppend(&advice, "; or its device has another MAC than announced");
  }
  absl::StrAppend(&advice, ". Let it through between all hosts, in both directions");
  return {e.probe.backend_type == "ipip" ? kProtocolBlocked : kUdpBlocked, advice};
}

Verdict OverlaySilent(const Evidence& e) {
  const PeerProbe& probe = e.probe;
  if (auto verdict = FromFindings(e, {kKernelModule, kWrongVtep})) return *verdict;
  if (!probe.overlay_small.error.empty()) return NotSent(e, "overlay", probe.overlay_small.error);
  if (probe.overlay_any_mac.answered) return WrongVtep(e);
  if (auto verdict = FromFindings(e, {kRpFilter})) return *verdict;
  if (!probe.overlay_any_mac.error.empty()) {
    return {
        kNoTunnel,
        absl::StrCat(probe.node_id, " says of ", Transport(e), ": ", probe.overlay_any_mac.error,
                     ". Either its tunnel device is missing (start heddle-node there, or see "
                     "its log), or a firewall rejects the port; let it through")};
  }
  if (e.reverse != nullptr && e.reverse->overlay_small.answered) {
    return {kFiltered,
            absl::StrCat("the tunnel carries what ", probe.node_id, " asks ", e.from,
                         ", but not the other way round, so a firewall on ", probe.node_id,
                         " drops what comes out of the tunnel; accept the pod network there")};
  }
  return TunnelSilent(e);
}

void AppendLargest(absl::string_view where, const Probe& full, std::uint32_t largest,
                   std::string* text) {
  if (!full.failed()) return;
  absl::StrAppend(text, text->empty() ? "" : " and ", "on the ", where, " ", full.size_bytes,
                  " bytes are lost");
  if (largest > 0) absl::StrAppend(text, " and ", largest, " pass");
}

Verdict MtuBlackHole(const Evidence& e) {
  std::string sizes;
  AppendLargest("underlay", e.probe.underlay_full, e.probe.underlay_largest_bytes, &sizes);
  AppendLargest("overlay", e.probe.overlay_full, e.probe.overlay_largest_bytes, &sizes);
  std::string advice = absl::StrCat("from ", Way(e), " small packets pass, but ", sizes, ". ");
  const std::uint32_t largest = e.probe.underlay_largest_bytes;
  if (e.probe.underlay_full.failed() && largest > 0) {
    absl::StrAppend(&advice, "The path between carries ", largest,
                    " bytes: give the hosts' interfaces that MTU, or the backend's MTU option ",
                    "that value; or raise it on the way");
  } else {
    absl::StrAppend(&advice,
                    "Something on the way carries less than the interfaces say: lower the hosts' "
                    "MTU or the backend's MTU option, or raise it on the way");
  }
  if (e.probe.underlay_full.failed() && e.probe.overlay_full.answered) {
    absl::StrAppend(&advice, ". Pods' large packets arrive, in fragments");
  }
  return {kMtuBlackHole, advice};
}

}  // namespace

Verdict Judge(const Evidence& e) {
  const PeerProbe& probe = e.probe;
  // A tunnel that answers proves the underlay, whatever a firewall does to ICMP there.
  if (probe.underlay_small.failed() && !probe.overlay_small.answered) {
    const std::string& error = probe.underlay_small.error;
    return error.empty() ? Unreachable(e) : NotSent(e, "underlay", error);
  }
  if (probe.overlay_small.failed()) return OverlaySilent(e);
  if ((probe.underlay_small.answered && probe.underlay_full.failed()) ||
      probe.overlay_full.failed()) {
    return MtuBlackHole(e);
  }
  // Hosts answer each other; these keep what is forwarded to and from pods from passing.
  if (auto verdict =
          FromFindings(e, {kIpForward, kFirewall, kRpFilter, kKernelModule, kWrongVtep})) {
    return *verdict;
  }
  return {};
}

bool IsHostCause(absl::string_view cause) {
  for (absl::string_view of_host : {kIpForward, kRpFilter, kFirewall, kKernelModule, kWrongVtep}) {
    if (cause == of_host) return true;
  }
  return false;
}

}  // namespace heddle
