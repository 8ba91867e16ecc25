// A backend is a row, and pure: given the network, the host's facts and the leases, what the kernel
// should hold. No backend speaks netlink; none asks the kernel anything.
//
// Adding one: a file with its row, a line in table.cc, options in api/backend_schema.cc, a golden
// scenario in node/backend/testdata.
#pragma once

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

// The inputs of a plan. References: valid for the call only.
struct PlanInput {
  const Network& network;
  const Peer& self;
  const HostFacts& host;
  const PlanOptions& options;
};

// One row. The callers below loop over the address families, so that a row has one code path for
// both: it is called once per family that the network and this node's lease have.
struct Backend {
  absl::string_view type;
  // What to announce, before there is a lease. FailedPrecondition: this host cannot run the backend
  // (host-gw behind NAT, no address of a family the network needs), with the reason and the mend.
  // InvalidArgument: an option of the network makes no sense; names its key.
  absl::StatusOr<Advertisement> (*advertise)(const Network& network, absl::string_view node_id,
                                             const HostFacts& host);
  // MTU of pods, in bytes. InvalidArgument: nothing useful is left of the underlay's.
  absl::StatusOr<int> (*pod_mtu_bytes)(const Network& network, const HostFacts& host);
  // The host's own objects of one family. The rules are not a backend's business.
  void (*plan_self)(const PlanInput& input, Family family, NetworkState* state);
  // What one family of one peer needs: never this node, of this backend, with a subnet and a public
  // address of `family`. FailedPrecondition: the peer cannot be reached, why, and what to do; then
  // `state` is left alone.
  absl::Status (*plan_peer)(const PlanInput& input, const Peer& peer, Family family,
                            NetworkState* state);
};

// All rows, in a stable order.
absl::Span<const Backend> Backends();
// The row for a type, or nullptr.
const Backend* FindBackend(absl::string_view type);

// The host's own objects and rules, of whatever backend the network names.
NetworkState PlanSelf(const Backend& backend, const PlanInput& input);
// What one peer needs. A peer of another backend, or without what this one needs, plans nothing;
// PeerProblems says so in words. So does this node itself, which needs no path to itself.
NetworkState PlanPeer(const Backend& backend, const PlanInput& input, const Peer& peer);
// The whole: PlanSelf and every peer but this node. O(peers).
NetworkState PlanAll(const Backend& backend, const PlanInput& input,
                     const absl::btree_map<std::string, Peer>& peers);

// Why part of `peer` is not planned: one sentence per cause, naming the node and what to do. Empty:
// all of it is.
std::vector<std::string> PeerProblems(const Backend& backend, const PlanInput& input,
                                      const Peer& peer);
// The problems of every peer, and those that show only when peers are seen together (two nodes that
// announce one VTEP MAC) or lie in this host (an MTU option that its underlay cannot carry).
// O(peers).
std::vector<std::string> Problems(const Backend& backend, const PlanInput& input,
                                  const absl::btree_map<std::string, Peer>& peers);

}  // namespace heddle::node
