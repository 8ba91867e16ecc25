// A backend is a row, and pure: given the network, the host's facts and the leases, what the kernel
// should hold. No backend speaks netlink; none asks the kernel anything.
//
// What a backend makes on a host is a plane. Usually there is one. While the network changes its
// backend there are two: a node receives through both, and sends to a peer through the network's
// own one if both are known to have it up, else through the standby. A plane is made before it is
// announced (node/executor.h), so a path is only ever moved to where it ends.
//
// Adding a backend: a file with its row, a line in table.cc, options in api/backend_schema.cc, a
// golden scenario in node/backend/testdata.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "api/network.h"
#include "api/peer.h"
#include "node/host/host_facts.h"
#include "node/state/network_state.h"

namespace heddle::node {

struct PlanOptions {
  bool ip_masq = false;       // --ip-masq
  bool forward_rules = true;  // --forward-rules
  bool use_nexthops = true;   // --nexthop-objects; also needs host.has_nexthop_objects
};

// What a node is, whatever its addresses.
struct Identity {
  std::string node_id;
  WireguardKey wireguard_public_key;  // zero: this node has no key
  std::string wireguard_key_problem;  // why not, and what to do
  bool runs_commands = false;         // of the network's configuration, for the extension backend
  // What the extension backend's PreStartupCommand printed; absent: it has not ended well yet.
  std::optional<std::string> extension_backend_data;
};

// The inputs of a plan. References: valid for the call only.
struct PlanInput {
  const Network& network;
  const Peer& self;
  const HostFacts& host;
  const PlanOptions& options;
};

// What a row is given. `config` is its own: network.backend or network.standby. References: valid
// for the call only.
struct PlaneFacts {
  const Network& network;
  const BackendConfig& config;
  const HostFacts& host;
};
// Whether the plane is the standby's: nothing is sent through it to peers that have the other.
inline bool IsStandby(const PlaneFacts& facts) { return &facts.config != &facts.network.backend; }
struct PlaneInput : PlaneFacts {
  const Peer& self;
  const PlanOptions& options;
};

// The way to a peer's subnet. A zero gateway: the link itself leads there.
struct PeerPath {
  std::string link;
  Ip gateway;
  bool onlink = false;  // the gateway is taken to be on the link although no address there says so
};

// One row. The callers below loop over the address families and the subnets, so that a row has one
// code path for all.
struct Backend {
  absl::string_view type;
  // Adds to `advertisement` what peers need for this plane, before there is a lease; the types are
  // the caller's. FailedPrecondition: this host cannot run the backend (host-gw behind NAT, no
  // address of a family the network needs), with the reason and the mend. InvalidArgument: an
  // option of the network makes no sense; names its key.
  absl::Status (*advertise)(const PlaneFacts& facts, const Identity& identity,
                            Advertisement* advertisement);
  // MTU of pods, in bytes. InvalidArgument: nothing useful is left of the underlay's.
  absl::StatusOr<int> (*pod_mtu_bytes)(const PlaneFacts& facts);
  // The host's own objects of one family. The rules are not a backend's business.
  void (*plan_self)(const PlaneInput& input, Family family, NetworkState* state);
  // What one subnet of a peer needs, routes aside, and the way there; no way: none is needed. The
  // peer is never this node, and runs this backend. FailedPrecondition: it cannot be reached, why,
  // and what to do; then `state` is left alone.
  absl::StatusOr<std::optional<PeerPath>> (*plan_peer)(const PlaneInput& input, const Peer& peer,
                                                       const Prefix& subnet, NetworkState* state);
  // Sets of address families, dearest first: an underlay that serves all of one set will do.
  // Absent: it takes the families of the network.
  std::vector<std::vector<Family>> (*underlays)(const Network& network,
                                                const BackendConfig& config) = nullptr;
};

// All rows, in a stable order.
absl::Span<const Backend> Backends();
// The row for a type, or nullptr.
const Backend* FindBackend(absl::string_view type);

// Sets of address families to look for an underlay with, dearest first. What serves one set serves
// the network's backend; the first ones serve the standby, too.
std::vector<std::vector<Family>> UnderlayChoices(const Network& network);

// What this node announces, for the network's backend and the standby.
struct Announcement {
  absl::StatusOr<Advertisement> advertisement;
  absl::Status standby;  // why the advertisement is without a standby that the network has
};
Announcement Announce(const Network& network, const Identity& identity, const HostFacts& host);

// MTU of pods, in bytes: what every plane carries.
absl::StatusOr<int> PodMtuBytes(const Network& network, const HostFacts& host);

// The host's own objects and rules, the standby's included.
NetworkState PlanSelf(const PlanInput& input);
// What one peer needs. A peer that runs none of the network's backends, or is without what they
// need, plans nothing; PeerProblems says so in words. So does this node itself, which needs no path
// to itself.
NetworkState PlanPeer(const PlanInput& input, const Peer& peer);
// The whole: PlanSelf and every peer but this node. O(peers).
NetworkState PlanAll(const PlanInput& input, const absl::btree_map<std::string, Peer>& peers);

// Why part of `peer` is not planned: one sentence per cause, naming the node and what to do. Empty:
// all of it is.
std::vector<std::string> PeerProblems(const PlanInput& input, const Peer& peer);
// The problems of every peer, and those that show only when peers are seen together (two nodes that
// announce one VTEP MAC) or lie in this host (an MTU option that its underlay cannot carry).
// O(peers).
std::vector<std::string> Problems(const PlanInput& input,
                                  const absl::btree_map<std::string, Peer>& peers);

}  // namespace heddle::node
