// Who holds which subnet: a pure state machine fed by the store's committed changes.
//
// Two halves. Decide* look at the book and answer with a transaction to commit; they change nothing.
// Apply takes a committed batch and changes the book; it is deterministic: same feed, same book. In
// between, the caller marks a decision as in flight with Claim, so that the next decision does not
// choose the same subnet, and ends that with Unclaim once the commit is answered, whatever the
// answer was.
//
// Safety does not rest on any of this: every transaction guards the keys it makes with kAbsent and
// those it changes with kModifiedAt, so a decision made on an old book fails and changes nothing.
//
// Not thread-safe: the writer's thread owns it. Time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "api/peer.h"
#include "controller/subnet_pool.h"
#include "storage/store.h"

namespace heddle::controller {

struct LeasePolicy {
  absl::Duration ttl = absl::Hours(24);    // of a lease that nothing renews
  absl::Duration rest = absl::Minutes(5);  // before a freed subnet is given to another node
};

struct Lease {
  std::string node_id;
  PerFamily<Prefix> subnets;
  std::optional<Advertisement> advertisement;  // absent: reserved and never attached
  absl::Time expires;                          // InfiniteFuture when reserved
  bool reserved = false;
  storage::Revision modified = 0;

  Peer ToPeer() const;  // requires an advertisement
};

struct RestingSubnet {
  Prefix subnet;
  std::string last_node_id;
  absl::Time until;
  storage::Revision modified = 0;
};

// A change of what nodes are told. Renewals and reservations without an advertisement make none.
struct PeerChange {
  std::string node_id;
  std::optional<Peer> peer;  // absent: removed
};

struct BookChanges {
  std::vector<PeerChange> peers;
  bool network_changed = false;
  std::vector<std::string> problems;  // records that could not be read; they stay taken
};

// What to commit. An empty transaction (no writes) means that the book already is as asked.
struct Decision {
  storage::Transaction transaction;
  std::string node_id;             // in flight with this decision; "" for the network
  std::vector<Prefix> subnets;     // that it takes or frees
};

class LeaseBook {
 public:
  explicit LeaseBook(LeasePolicy policy) : policy_(policy) {}

  // ---- What is ----
  const std::optional<Network>& network() const { return network_; }
  const std::string& network_source() const { return network_source_; }  // net-conf.json
  storage::Revision revision() const { return revision_; }
  const Lease* Find(absl::string_view node_id) const;
  const absl::btree_map<std::string, Lease>& leases() const { return leases_; }
  const absl::btree_map<Prefix, RestingSubnet>& resting() const { return resting_; }
  const SubnetPool* pool(Family family) const;
  const LeasePolicy& policy() const { return policy_; }

  // ---- What to commit ----
  // Grants or updates a lease. Sticky: the lease held, else the subnet that rests with this node as
  // last holder, else `preferred` when free, else the lowest free, else the one that has rested
  // longest past its time. A held lease whose subnets no longer fit the network keeps what fits and
  // gets the missing family. Always renews (expires = now + ttl).
  // FailedPrecondition: no network yet. ResourceExhausted: pool exhausted (says how many are held,
  // how many rest and when the next is free). Aborted: the node has a decision in flight.
  absl::StatusOr<Decision> DecideAcquire(absl::string_view node_id,
                                         const Advertisement& advertisement,
                                         const std::vector<Prefix>& preferred,
                                         absl::Time now) const;
  // Makes (or turns into) a permanent lease. InvalidArgument: a subnet outside the range or off the
  // grid (names the bounds). AlreadyExists: another node holds it (names the node), or the node
  // holds a different one.
  absl::StatusOr<Decision> DecideReserve(absl::string_view node_id,
                                         const std::vector<Prefix>& subnets, absl::Time now) const;
  // Ends a lease; its subnets rest. NotFound: the node has none.
  absl::StatusOr<Decision> DecideRelease(absl::string_view node_id, absl::Time now) const;
  // Sets the network. FailedPrecondition lists the leases that it would orphan. Growing is allowed
  // at any time; SubnetLen of a family may change only while the family has no lease.
  absl::StatusOr<Decision> DecideSetNetwork(const Network& network, absl::string_view source) const;
  // Extends leases of `alive` nodes that have less than two thirds of the ttl left; ends those past
  // their time; forgets subnets that have rested. One decision per transaction, each within
  // storage::Limits. With `expire` false nothing is ended (after a start, until nodes had time to
  // come back).
  std::vector<Decision> DecideUpkeep(const absl::flat_hash_set<std::string>& alive, bool expire,
                                     absl::Time now) const;

  void Claim(const Decision& decision);
  void Unclaim(const Decision& decision);

  // ---- What was committed ----
  BookChanges Apply(storage::Revision revision, const std::vector<storage::Change>& changes);

  // Checks the invariants (no two leases overlap; pool, leases and resting agree). For tests and the
  // simulation; O(n). Internal, naming the violation.
  absl::Status CheckInvariants() const;

 private:
  // Filled in with the implementation.
  LeasePolicy policy_;
  std::optional<Network> network_;
  std::string network_source_;
  storage::Revision revision_ = 0, network_modified_ = 0;
  absl::btree_map<std::string, Lease> leases_;
  absl::btree_map<Prefix, RestingSubnet> resting_;
  PerFamily<SubnetPool> pools_;
  absl::flat_hash_set<std::string> claimed_nodes_;
  absl::flat_hash_set<Prefix> claimed_subnets_;
};

}  // namespace heddle::controller
