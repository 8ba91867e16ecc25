// The half of LeaseBook that decides on upkeep.
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

using storage::Guard;
using storage::Write;

// Fills decisions one after the other, each within storage::Limits.
class Batches {
 public:
  // A decision with room for `writes` more writes and as many guards.
  Decision& WithRoomFor(std::size_t writes) {
    const storage::Limits limits;
    if (decisions_.empty() ||
        decisions_.back().transaction.writes.size() + writes > limits.max_writes ||
        decisions_.back().transaction.guards.size() + writes > limits.max_guards) {
      decisions_.emplace_back();
    }
    return decisions_.back();
  }
  std::vector<Decision> Finish() { return std::move(decisions_); }

 private:
  std::vector<Decision> decisions_;
};

void AddNode(const std::string& node_id, Decision* decision) {
  if (decision->node_id.empty()) {
    decision->node_id = node_id;
  } else {
    decision->more_node_ids.push_back(node_id);
  }
}

}  // namespace

std::vector<Decision> LeaseBook::DecideUpkeep(const absl::flat_hash_set<std::string>& alive,
                                              bool expire, absl::Time now) const {
  Batches renewals, ends, forgotten;
  for (const auto& [expires, node_id] : leases_by_expiry_) {
    if (expires >= now + policy_.ttl * 2 / 3) break;
    if (claimed_nodes_.contains(node_id) || unreadable_nodes_.contains(node_id)) continue;
    if (alive.contains(node_id)) {
      Lease next = leases_.at(node_id);
      next.expires = now + policy_.ttl;
      Decision& decision = renewals.WithRoomFor(1);
      const std::string key = NodeKey(node_id);
      decision.transaction.guards.push_back({Guard::Kind::kModifiedAt, key, next.modified});
      decision.transaction.writes.push_back({Write::Kind::kPut, key, EncodeLease(next)});
      AddNode(node_id, &decision);
    } else if (expire && expires <= now) {
      Decision& decision = ends.WithRoomFor(1 + 2 * kFamilies.size());
      AddRelease(node_id, now, &decision);
      AddNode(node_id, &decision);
    }
  }
  for (const auto& by_time : resting_by_time_) {
    for (const auto& [until, subnet] : by_time) {
      if (until > now) break;
      if (claimed_subnets_.contains(subnet)) continue;
      Decision& decision = forgotten.WithRoomFor(1);
      const std::string key = SubnetKey(subnet);
      decision.transaction.guards.push_back(
          {Guard::Kind::kModifiedAt, key, resting_.at(subnet).modified});
      decision.transaction.writes.push_back({Write::Kind::kDelete, key, ""});
      decision.subnets.push_back(subnet);
    }
  }
  std::vector<Decision> all;
  for (Batches* batches : {&renewals, &ends, &forgotten}) {
    for (Decision& decision : batches->Finish()) all.push_back(std::move(decision));
  }
  return all;
}

}  // namespace heddle::controller
