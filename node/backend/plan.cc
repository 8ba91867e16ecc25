#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "node/backend/backend.h"

namespace heddle::node {
namespace {

// The families that the network has and this node holds a subnet of.
template <typename F>
void ForEachOwnFamily(const PlanInput& input, F&& f) {
  for (Family family : kFamilies) {
    if (input.network.ranges[family] && input.self.subnets[family]) f(family);
  }
}

void PlanRules(const PlanInput& input, Family family, NetworkState* state) {
  const PlanOptions& options = input.options;
  if (!options.ip_masq && !options.forward_rules) return;
  RuleSet rules;
  rules.cluster = {input.network.ranges[family]->network};
  rules.pods = *input.self.subnets[family];
  rules.masquerade = options.ip_masq;
  rules.forward = options.forward_rules;
  state->rules[family] = rules;
}

void PlanSelfInto(const Backend& backend, const PlanInput& input, NetworkState* state) {
  ForEachOwnFamily(input, [&](Family family) {
    backend.plan_self(input, family, state);
    PlanRules(input, family, state);
  });
}

absl::Status PlanFamily(const Backend& backend, const PlanInput& input, const Peer& peer,
                        Family family, NetworkState* state) {
  if (!peer.subnets[family]) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has no ", FamilyName(family), " subnet; restart heddle-node there"));
  }
  if (!peer.advertisement.public_address[family]) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it announces no ", FamilyName(family), " address; give it one, or name it with ",
        family == Family::kV4 ? "--public-ip" : "--public-ipv6", " there"));
  }
  // A route to it would lead the host's own pods away.
  if (input.self.subnets[family]->Overlaps(*peer.subnets[family])) {
    return absl::FailedPreconditionError(
        absl::StrCat("its subnet ", peer.subnets[family]->ToString(), " overlaps this node's ",
                     input.self.subnets[family]->ToString(), "; release one of the two leases"));
  }
  return backend.plan_peer(input, peer, family, state);
}

// Plans what can be planned; calls report(message) for each part that cannot.
template <typename F>
void PlanPeerInto(const Backend& backend, const PlanInput& input, const Peer& peer,
                  NetworkState* state, F&& report) {
  if (peer.node_id == input.self.node_id) return;
  if (peer.advertisement.backend_type != backend.type) {
    report(absl::StrCat("it announces the backend '", peer.advertisement.backend_type,
                        "' but this node runs '", backend.type,
                        "'. After a change of the backend this passes within seconds; if it stays, "
                        "restart heddle-node on the one that is behind"));
    return;
  }
  ForEachOwnFamily(input, [&](Family family) {
    const absl::Status planned = PlanFamily(backend, input, peer, family, state);
    if (!planned.ok()) report(planned.message());
  });
}

// A plan has no use for words; PeerProblems gives them.
constexpr auto kUnreported = [](absl::string_view) {};

// Two nodes behind one MAC: the later one's FDB entry replaces the other's.
void AppendSharedMacs(const PlanInput& input, const absl::btree_map<std::string, Peer>& peers,
                      std::vector<std::string>* problems) {
  absl::flat_hash_map<Mac, absl::string_view> owners;
  owners.reserve(peers.size() + 1);
  const auto add = [&](const Peer& peer) {
    if (peer.advertisement.vtep_mac.is_zero()) return;
    const auto [owner, is_new] = owners.emplace(peer.advertisement.vtep_mac, peer.node_id);
    if (is_new || owner->second == peer.node_id) return;
    problems->push_back(absl::StrCat(
        "nodes ", owner->second, " and ", peer.node_id, " announce one VTEP MAC ",
        owner->first.ToString(),
        ", so only one of them gets packets; rename one, or shorten or drop the MacPrefix option"));
  };
  add(input.self);
  for (const auto& [node_id, peer] : peers) add(peer);
}

void AppendCappedMtu(const PlanInput& input, std::vector<std::string>* problems) {
  const std::int64_t option = input.network.backend.Int("MTU");
  if (option <= input.host.underlay_mtu_bytes) return;
  problems->push_back(
      absl::StrCat("backend option MTU ", option, " is above the ", input.host.underlay_mtu_bytes,
                   " bytes of ", input.host.underlay_link,
                   ", which are used instead; raise the link's MTU or lower the option"));
}

}  // namespace

NetworkState PlanSelf(const Backend& backend, const PlanInput& input) {
  NetworkState state;
  PlanSelfInto(backend, input, &state);
  return state;
}

NetworkState PlanPeer(const Backend& backend, const PlanInput& input, const Peer& peer) {
  NetworkState state;
  PlanPeerInto(backend, input, peer, &state, kUnreported);
  return state;
}

NetworkState PlanAll(const Backend& backend, const PlanInput& input,
                     const absl::btree_map<std::string, Peer>& peers) {
  NetworkState state;
  PlanSelfInto(backend, input, &state);
  for (const auto& [node_id, peer] : peers) {
    PlanPeerInto(backend, input, peer, &state, kUnreported);
  }
  return state;
}

std::vector<std::string> PeerProblems(const Backend& backend, const PlanInput& input,
                                      const Peer& peer) {
  std::vector<std::string> problems;
  NetworkState unused;
  PlanPeerInto(backend, input, peer, &unused, [&](absl::string_view why) {
    problems.push_back(absl::StrCat("no path to node ", peer.node_id, ": ", why));
  });
  return problems;
}

std::vector<std::string> Problems(const Backend& backend, const PlanInput& input,
                                  const absl::btree_map<std::string, Peer>& peers) {
  std::vector<std::string> problems;
  AppendCappedMtu(input, &problems);
  AppendSharedMacs(input, peers, &problems);
  for (const auto& [node_id, peer] : peers) {
    for (std::string& problem : PeerProblems(backend, input, peer)) {
      problems.push_back(std::move(problem));
    }
  }
  return problems;
}

}  // namespace heddle::node
