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
#include "api/network.h"
#include "api/peer.h"
#include "node/host/host_facts.h"
#include "node/state/network_state.h"

namespace heddle::node {

struct PlanOptions {
  bool ip_masq = false;        // --ip-masq
  bool forward_rules = true;   // --forward-rules
  bool use_nexthops = true;    // --nexthop-objects; also needs host.has_nexthop_objects
};

// The inputs of a plan. References: valid for the call only.
struct PlanInput {
  const Network& network;
  const Peer& self;
  const HostFacts& host;
  const PlanOptions& options;
};

struct Backend {
  absl::string_view type;
  // What to announce, before there is a lease. FailedPrecondition: this host cannot run the backend
  // (host-gw behind NAT, no address of a family the network needs), with the reason and the mend.
  absl::StatusOr<Advertisement> (*advertise)(const Network& network, absl::string_view node_id,
                                             const HostFacts& host);
  // MTU of pods, in bytes. InvalidArgument: nothing is left of the underlay's.
  absl::StatusOr<int> (*pod_mtu_bytes)(const Network& network, const HostFacts& host);
  // The host's own objects.
  void (*plan_self)(const PlanInput& input, NetworkState* state);
  // What one peer needs. `peer` is never this node. A peer of another backend, or without what this
  // one needs, plans nothing.
  void (*plan_peer)(const PlanInput& input, const Peer& peer, NetworkState* state);
};

// The row for a type, or nullptr.
const Backend* FindBackend(absl::string_view type);

// The host's own objects and rules, of whatever backend the network names.
NetworkState PlanSelf(const Backend& backend, const PlanInput& input);
NetworkState PlanPeer(const Backend& backend, const PlanInput& input, const Peer& peer);
// The whole: PlanSelf and every peer but this node. O(peers).
NetworkState PlanAll(const Backend& backend, const PlanInput& input,
                     const absl::btree_map<std::string, Peer>& peers);

}  // namespace heddle::node
