// Desired state from the rows: each plane's own objects and those of each peer, one route per
// subnet through the plane that is sent through, and in words what cannot be had. Pure.
#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "node/backend/backend.h"
#include "node/backend/peer_route.h"
#include "node/backend/planes.h"

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
  const auto& draining = input.network.draining[family];
  if (draining) rules.cluster.push_back(draining->network);
  std::sort(rules.cluster.begin(), rules.cluster.end());
  rules.pods = input.self.SubnetsOf(family);
  std::sort(rules.pods.begin(), rules.pods.end());
  rules.masquerade = options.ip_masq;
  rules.forward = options.forward_rules;
  state->rules[family] = rules;
}

PlaneInput InputOf(const Plane& plane, const PlanInput& input) {
  return {{input.network, *plane.config, input.host}, input.self, input.options};
}

void PlanSelfInto(const PlanInput& input, NetworkState* state) {
  for (const Plane& plane : PlanesOf(input.network)) {
    const PlaneInput plane_input = InputOf(plane, input);
    ForEachOwnFamily(input,
                     [&](Family family) { plane.row->plan_self(plane_input, family, state); });
  }
  ForEachOwnFamily(input, [&](Family family) { PlanRules(input, family, state); });
}

// Calls report(message) for each plane in which the peer cannot be reached. Of several ways the
// first is taken that the peers have been told of this node, too: through a plane that they do not
// know it to have, a tunnel with keys would drop what comes from it.
template <typename F>
void PlanSubnet(const PlanInput& input, const Peer& peer, const Prefix& subnet, NetworkState* state,
                F&& report) {
  std::optional<PeerPath> way;
  bool is_carried = false;  // by a plane before this one, whether or not by a route of ours
  bool is_told = false;     // ... that the peers know this node to have
  for (const Plane& plane : PlanesOf(input.network)) {
    if (!peer.advertisement.Runs(plane.row->type)) continue;
    const auto path = plane.row->plan_peer(InputOf(plane, input), peer, subnet, state);
    const bool told = input.self.advertisement.Runs(plane.row->type);
    if (!path.ok()) {
      report(path.status().message());
    } else if (!is_carried || (told && !is_told)) {
      way = *path;
      is_carried = true;
      is_told = told;
    }
  }
  if (way) PlanPeerRoute(input, subnet, *way, state);
}

// Why `subnet` of a peer would lead the host's own pods away; "" when it does not.
std::string OverlapWithOwn(const PlanInput& input, const Prefix& subnet) {
  for (const Prefix& own : input.self.SubnetsOf(subnet.family())) {
    if (!own.Overlaps(subnet)) continue;
    return absl::StrCat("its subnet ", subnet.ToString(), " overlaps this node's ", own.ToString(),
                        "; release one of the two leases");
  }
  return "";
}

// What there is in common: one of the planes.
template <typename F>
bool CheckPlanes(const PlanInput& input, const Peer& peer, F&& report) {
  const std::vector<Plane> planes = PlanesOf(input.network);
  for (const Plane& plane : planes) {
    if (peer.advertisement.Runs(plane.row->type)) return true;
  }
  if (!planes.empty()) {
    report(absl::StrCat("it announces the backend '", peer.advertisement.backend_type,
                        "' but this node runs '", planes.front().row->type,
                        "'. A node that was away while the backend changed announces the new one "
                        "when heddle-node comes back there"));
  }
  return false;
}

// Plans what can be planned; calls report(message) for each part that cannot.
template <typename F>
void PlanPeerInto(const PlanInput& input, const Peer& peer, NetworkState* state, F&& report) {
  if (peer.node_id == input.self.node_id || !CheckPlanes(input, peer, report)) return;
  ForEachOwnFamily(input, [&](Family family) {
    const std::vector<Prefix> subnets = peer.SubnetsOf(family);
    if (subnets.empty()) {
      report(absl::StrCat("it has no ", FamilyName(family), " subnet; restart heddle-node there"));
    }
    for (const Prefix& subnet : subnets) {
      if (const std::string overlap = OverlapWithOwn(input, subnet); !overlap.empty()) {
        report(overlap);
      } else {
        PlanSubnet(input, peer, subnet, state, report);
      }
    }
  });
}

// A plan has no use for words; PeerProblems gives them.
constexpr auto kUnreported = [](absl::string_view) {};

// Two nodes behind one name: the later one's FDB entry or WireGuard peer replaces the other's.
template <typename Name, typename NameOf, typename Tell>
void AppendShared(const PlanInput& input, const absl::btree_map<std::string, Peer>& peers,
                  NameOf name_of, Tell tell, std::vector<std::string>* problems) {
  absl::flat_hash_map<Name, absl::string_view> owners;
  owners.reserve(peers.size() + 1);
  const auto add = [&](const Peer& peer) {
    const Name& name = name_of(peer.advertisement);
    if (name.is_zero()) return;
    const auto [owner, is_new] = owners.emplace(name, peer.node_id);
    if (is_new || owner->second == peer.node_id) return;
    problems->push_back(
        absl::StrCat("nodes ", owner->second, " and ", peer.node_id, " announce ", tell(name)));
  };
  add(input.self);
  for (const auto& [node_id, peer] : peers) add(peer);
}

void AppendSharedNames(const PlanInput& input, const absl::btree_map<std::string, Peer>& peers,
                       std::vector<std::string>* problems) {
  AppendShared<Mac>(
      input, peers, [](const Advertisement& a) -> const Mac& { return a.vtep_mac; },
      [](const Mac& mac) {
        return absl::StrCat("one VTEP MAC ", mac.ToString(),
                            ", so only one of them gets packets; rename one, or shorten or drop "
                            "the MacPrefix option");
      },
      problems);
  AppendShared<WireguardKey>(
      input, peers,
      [](const Advertisement& a) -> const WireguardKey& { return a.wireguard_public_key; },
      [](const WireguardKey& key) {
        return absl::StrCat("one WireGuard key ", key.ToBase64(),
                            ", so only one of them gets packets; remove the copied key file on one "
                            "and restart heddle-node there");
      },
      problems);
}

void AppendCappedMtu(const PlanInput& input, std::vector<std::string>* problems) {
  for (const Plane& plane : PlanesOf(input.network)) {
    const std::int64_t option = plane.config->Int("MTU");
    if (option <= input.host.underlay_mtu_bytes) continue;
    problems->push_back(
        absl::StrCat(plane.row->type, ": backend option MTU ", option, " is above the ",
                     input.host.underlay_mtu_bytes, " bytes of ", input.host.underlay_link,
                     ", which are used instead; raise the link's MTU or lower the option"));
  }
}

}  // namespace

NetworkState PlanSelf(const PlanInput& input) {
  NetworkState state;
  PlanSelfInto(input, &state);
  return state;
}

NetworkState PlanPeer(const PlanInput& input, const Peer& peer) {
  NetworkState state;
  PlanPeerInto(input, peer, &state, kUnreported);
  return state;
}

NetworkState PlanAll(const PlanInput& input, const absl::btree_map<std::string, Peer>& peers) {
  NetworkState state;
  PlanSelfInto(input, &state);
  for (const auto& [node_id, peer] : peers) PlanPeerInto(input, peer, &state, kUnreported);
  return state;
}

std::vector<std::string> PeerProblems(const PlanInput& input, const Peer& peer) {
  std::vector<std::string> problems;
  NetworkState unused;
  PlanPeerInto(input, peer, &unused, [&](absl::string_view why) {
    problems.push_back(absl::StrCat("no path to node ", peer.node_id, ": ", why));
  });
  return problems;
}

std::vector<std::string> Problems(const PlanInput& input,
                                  const absl::btree_map<std::string, Peer>& peers) {
  std::vector<std::string> problems;
  AppendCappedMtu(input, &problems);
  AppendSharedNames(input, peers, &problems);
  for (const auto& [node_id, peer] : peers) {
    for (std::string& problem : PeerProblems(input, peer)) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace heddle::node
