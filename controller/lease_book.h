// Who holds which subnet: a pure state machine fed by the store's committed changes.
//
// Two halves. Decide* look at the book and answer with a transaction to commit; they change
// nothing. Apply takes a committed batch and changes the book; it is deterministic: same feed, same
// book. In between, the caller marks a decision as in flight with Claim, so that the next decision
// does not choose the same subnet, and ends that with Unclaim once the commit is answered, whatever
// the answer was.
//
// Safety does not rest on any of this: every transaction guards the keys it makes with kAbsent and
// those it changes with kModifiedAt, so a decision made on an old book fails and changes nothing.
//
// Not thread-safe: the writer's thread owns it. Time is an argument.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "api/peer.h"
#include "controller/address_index.h"
#include "controller/rollout.h"
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
  // What the node had before it was renumbered, which stays its own until that is finished. Of the
  // two subnets of a family one is of the range that the network leaves.
  PerFamily<Prefix> draining_subnets;
  std::optional<Advertisement> advertisement;  // absent: reserved and never attached
  absl::Time expires;                          // InfiniteFuture when reserved
  bool reserved = false;
  storage::Revision modified = 0;

  Peer ToPeer() const;  // requires an advertisement
  // As Peer::AllSubnets; without an advertisement, too.
  std::vector<Prefix> AllSubnets() const;

  friend bool operator==(const Lease& a, const Lease& b) {
    return a.node_id == b.node_id && a.subnets == b.subnets &&
           a.draining_subnets == b.draining_subnets && a.advertisement == b.advertisement &&
           a.expires == b.expires && a.reserved == b.reserved && a.modified == b.modified;
  }
};

struct RestingSubnet {
  Prefix subnet;
  std::string last_node_id;
  absl::Time until;
  storage::Revision modified = 0;

  friend bool operator==(const RestingSubnet& a, const RestingSubnet& b) {
    return a.subnet == b.subnet && a.last_node_id == b.last_node_id && a.until == b.until &&
           a.modified == b.modified;
  }
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
  // In flight with this decision; "" for the network. Or whose certificates it changes, "node/h1".
  std::string node_id;
  std::vector<Prefix> subnets;             // that it takes or frees
  std::vector<std::string> more_node_ids;  // further nodes in flight with it
  std::vector<Ip> addresses = {};          // that it gives to node_id
};

// Whether the node, whose lease announces the address, is there and has not said that it has left
// the address.
using StillAt = std::function<bool(const std::string& node_id, const Ip& address)>;

// The store was restored, and nodes may hold subnets that it does not know.
struct Settling {
  absl::Time until;                           // at the latest
  std::uint64_t missing = 0;                  // nodes known to have had a lease that are not back
  std::vector<std::string> missing_node_ids;  // some of them
};

// FailedPrecondition: says what is waited for, and `why` this request has to.
absl::Status Unsettled(const Settling& settling, absl::string_view why);

class LeaseBook {
 public:
  // A subnet that is leased, or part of a lease being committed.
  struct Orphan {
    std::string holder;
    Prefix subnet;
  };

  explicit LeaseBook(LeasePolicy policy) : policy_(policy) {}

  // ---- What is ----
  // What the nodes are told.
  const std::optional<Network>& network() const { return network_; }
  // Where a change of its backend stands. Requires a network.
  StagedNetwork staged_network() const {
    return {*network_, rollout_stage_, rollout_since_, rollout_turned_round_};
  }
  // What was asked for last: without a change of the backend, the network itself.
  std::optional<Network> target_network() const;
  bool changes_backend() const { return network_ && rollout_stage_ != RolloutStage::kSettled; }
  storage::Revision network_modified() const { return network_modified_; }  // of its record
  const std::string& network_source() const { return network_source_; }     // net-conf.json
  // Of the file last taken over at a controller's start; 0: none.
  std::uint64_t net_conf_digest() const { return net_conf_digest_; }
  storage::Revision revision() const { return revision_; }
  const Lease* Find(absl::string_view node_id) const;
  // The node's lease when it asks for no more than that: it says the same, is of the subnets that
  // the node had, has all that the network asks for, its time is not over, and its addresses are
  // nobody else's. Else null.
  const Lease* FindGranted(absl::string_view node_id, const Advertisement& advertisement,
                           const std::vector<Prefix>& preferred, absl::Time now) const;
  const absl::btree_map<std::string, Lease>& leases() const { return leases_; }
  const absl::btree_map<Prefix, RestingSubnet>& resting() const { return resting_; }
  const SubnetPool* pool(Family family) const;
  const LeasePolicy& policy() const { return policy_; }
  const AddressIndex& addresses() const { return addresses_; }
  // The leases that have a subnet of a range being left. O(n).
  std::vector<const Lease*> DrainingLeases() const;

  // ---- What to commit ----
  // Grants or updates a lease. Sticky: the lease held, else the subnet that rests with this node as
  // last holder, else `preferred` when free, else the lowest free, else the one that has rested
  // longest past its time. A subnet of a range that the network leaves is kept, and never chosen. A
  // held lease whose subnets no longer fit the network keeps what fits and gets the missing family.
  // What it writes is renewed (expires = now + ttl); a lease that says the
  // same and has more than two thirds of the ttl left is not written.
  // While the store settles a node is given no subnet but the one in `preferred`: it keeps that, or
  // takes it when it is free or rests, and then leaves the one it has in the book; any other node
  // is refused until then.
  // An address that others announce is taken from those that are not `still_at` it (null: nobody
  // is), or when it was given to this node: what they announce is withdrawn by the same decision.
  // InvalidArgument: node id or advertisement. AlreadyExists: a public address is another node's,
  // who is there or was given it (names both, and what to do). FailedPrecondition: no network yet,
  // or it waits for
  // `settling` to end (says until when, and who is missing). ResourceExhausted: pool exhausted
  // (says how many are held, how many rest and when the next is free). Aborted: the node has a
  // decision in flight. DataLoss: the node's record cannot be read.
  absl::StatusOr<Decision> DecideAcquire(absl::string_view node_id,
                                         const Advertisement& advertisement,
                                         const std::vector<Prefix>& preferred, absl::Time now,
                                         const Settling* settling = nullptr,
                                         const StillAt& still_at = nullptr) const;
  // Gives an address to a node, whoever announces it now, until it is given to another; with an
  // empty `node_id` to nobody in particular. Who announces it keeps it until the node claims it.
  // InvalidArgument: node id or address. NotFound: it was nobody's. Aborted: a lease with that
  // address is in flight.
  absl::StatusOr<Decision> DecideAllowAddress(absl::string_view node_id, const Ip& address) const;
  // Makes (or turns into) a permanent lease; a family without a subnet in `subnets` is chosen as by
  // DecideAcquire. A node whose subnet is of a range being left is renumbered by it, as by
  // DecideRenumber. InvalidArgument: a subnet outside the range or off the grid (names the bounds).
  // AlreadyExists: another node holds it (names the node), or the node holds a different one.
  // FailedPrecondition: it still rests after another node (says until when), no network yet, or a
  // subnet would have to be chosen while the store settles.
  absl::StatusOr<Decision> DecideReserve(absl::string_view node_id,
                                         const std::vector<Prefix>& subnets, absl::Time now,
                                         const Settling* settling = nullptr) const;
  // Ends a lease, reserved or not; its subnets rest. NotFound: the node has none. Also frees what a
  // record that cannot be read holds.
  absl::StatusOr<Decision> DecideRelease(absl::string_view node_id, absl::Time now) const;
  // Moves a lease out of the range that the network leaves: it gets a subnet of the present one,
  // and keeps the former as draining. Empty when there is nothing to move. NotFound: the node has
  // no lease. Otherwise as DecideReserve.
  absl::StatusOr<Decision> DecideRenumber(absl::string_view node_id, absl::Time now,
                                          const Settling* settling = nullptr) const;
  // Ends that: the draining subnets rest. Empty when there are none. NotFound: as above.
  // FailedPrecondition: the node has not been renumbered yet.
  absl::StatusOr<Decision> DecideFinishRenumber(absl::string_view node_id, absl::Time now) const;
  // `next`, of which only ranges and backend say something, as it can be set: with the range that
  // leases still need as draining. With `drain` that may become the present range; without, only
  // what drains already does. FailedPrecondition lists the leases that it would orphan, those in
  // flight included, and says what to do. InvalidArgument: a range can only be left for one that
  // does not overlap it.
  absl::StatusOr<Network> Settle(Network next, bool drain) const;
  // Sets what Settle gives, or fails as it does. Growing is allowed at any time; SubnetLen of a
  // family may change only while the family has no lease. Grants that are in flight when it commits
  // fail their guard. A backend of another type begins a change in stages (controller/rollout.h,
  // with its refusals) when any node is announced; without one it is so at once.
  // `net_conf_digest`: of the file that a controller takes it over from at its start.
  absl::StatusOr<Decision> DecideSetNetwork(
      const Network& network, absl::string_view source, absl::Time now,
      std::optional<std::uint64_t> net_conf_digest = std::nullopt, bool drain = false) const;
  // Forgets the ranges being left of which nothing is held any more. Empty when there are none.
  Decision DecideEndDraining() const;
  // The next stage of a change of the backend. `judged` is the network_modified() at which every
  // node was found to have done its part; when the network was set since, nothing is written.
  Decision DecideAdvance(storage::Revision judged, absl::Time now) const;
  // Extends leases of `alive` nodes that have less than two thirds of the ttl left; ends those past
  // their time; forgets subnets that have rested. Skips nodes that are in flight. Each decision is
  // within storage::Limits. With `expire` false no lease is ended (after a start, until nodes had
  // time to come back).
  std::vector<Decision> DecideUpkeep(const absl::flat_hash_set<std::string>& alive, bool expire,
                                     absl::Time now) const;

  void Claim(const Decision& decision);
  void Unclaim(const Decision& decision);
  // Whether a decision of that node_id is in flight.
  bool IsClaimed(absl::string_view node_id) const { return claimed_nodes_.contains(node_id); }

  // ---- What was committed ----
  BookChanges Apply(storage::Revision revision, const std::vector<storage::Change>& changes);

  // Checks the invariants (no two leases overlap; pool, leases, resting and addresses agree). For
  // tests and
  // the simulation; O(n). Internal, naming the violation.
  absl::Status CheckInvariants() const;

 private:
  struct HeldSubnet {
    std::string node_id;  // "" when the record cannot be read
    storage::Revision modified = 0;
  };

  // What Decide* share.
  absl::Status CheckDecidable(absl::string_view node_id) const;
  absl::Status CheckGrantable(absl::string_view node_id) const;
  // `subnets` has those already settled; completes it for every family of the network.
  absl::Status KeepOrChoose(absl::string_view node_id, const std::vector<Prefix>& preferred,
                            absl::Time now, const Settling* settling,
                            PerFamily<Prefix>* subnets) const;
  absl::StatusOr<Prefix> Presented(Family family, absl::string_view node_id,
                                   const std::vector<Prefix>& preferred,
                                   const Settling& settling) const;
  std::optional<Prefix> Choose(Family family, absl::string_view node_id,
                               const std::vector<Prefix>& preferred, absl::Time now) const;
  bool MayTakeOver(const RestingSubnet& resting, absl::string_view node_id, absl::Time now) const;
  absl::Status Exhausted(Family family) const;
  absl::Status CheckReservable(const Prefix& subnet, absl::string_view node_id,
                               absl::Time now) const;
  std::vector<Prefix> SubnetsHeldBy(absl::string_view node_id) const;
  Decision WriteLease(const Lease& next, absl::Time now) const;
  absl::StatusOr<std::vector<std::string>> LosersOf(absl::string_view node_id,
                                                    const Advertisement& advertisement,
                                                    const StillAt& still_at) const;
  void AddWithdrawal(const std::string& node_id, Decision* decision) const;
  void AddTake(const Prefix& subnet, absl::string_view node_id, Decision* decision) const;
  void AddRest(const Prefix& subnet, absl::string_view node_id, absl::Time now,
               Decision* decision) const;
  void AddRelease(absl::string_view node_id, absl::Time now, Decision* decision) const;
  std::vector<Orphan> OrphansOf(const Network& network) const;
  absl::Status Orphaned(const std::vector<Orphan>& orphans) const;
  absl::StatusOr<StagedNetwork> StagedFor(const Network& network, absl::Time now) const;
  Decision WriteNetwork(const StagedNetwork& staged, absl::string_view source,
                        std::uint64_t net_conf_digest) const;

  // What Apply does, by kind of record.
  void ApplyNode(const storage::Change& change, BookChanges* changes);
  void ApplySubnet(const storage::Change& change, BookChanges* changes);
  void ApplyAddress(const storage::Change& change, BookChanges* changes);
  void ApplyNetwork(const storage::Change& change, BookChanges* changes);
  void PutLease(Lease lease);
  void RemoveLease(const std::string& node_id);
  void ForgetSubnet(const Prefix& subnet);
  void GiveBack(const Prefix& subnet);
  bool IsTaken(const Prefix& subnet) const;
  void RebuildPool(Family family);

  LeasePolicy policy_;
  std::optional<Network> network_;
  std::string network_source_;
  std::uint64_t net_conf_digest_ = 0;
  RolloutStage rollout_stage_ = RolloutStage::kSettled;
  absl::Time rollout_since_ = absl::UnixEpoch();
  bool rollout_turned_round_ = false;
  storage::Revision revision_ = 0, network_modified_ = 0;
  absl::btree_map<std::string, Lease> leases_;
  absl::btree_set<std::pair<absl::Time, std::string>> leases_by_expiry_;  // those that expire
  absl::flat_hash_map<std::string, storage::Revision> unreadable_nodes_;  // id -> modified
  absl::flat_hash_map<Prefix, HeldSubnet> held_;
  std::array<std::uint64_t, 2> held_count_{};  // by family
  absl::btree_map<Prefix, RestingSubnet> resting_;
  std::array<absl::btree_set<std::pair<absl::Time, Prefix>>, 2> resting_by_time_;  // by family
  absl::btree_set<std::pair<std::string, Prefix>> resting_by_node_;
  // Taken there: what is held, what rests, and what is claimed.
  PerFamily<SubnetPool> pools_;
  absl::flat_hash_set<std::string> claimed_nodes_;
  absl::flat_hash_set<Prefix> claimed_subnets_;
  AddressIndex addresses_;  // of leases_, and to whom some were given
  absl::flat_hash_set<Ip> claimed_addresses_;
};

}  // namespace heddle::controller
