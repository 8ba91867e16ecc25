// The half of LeaseBook that decides on the whole: setting the network, and upkeep.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

using storage::Guard;
using storage::Write;

constexpr std::size_t kOrphansListed = 10;
constexpr std::size_t kConfigBytesReserved = 64 << 10;  // for what stands beside source_json

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

absl::StatusOr<Decision> LeaseBook::DecideSetNetwork(
    const Network& network, absl::string_view source,
    std::optional<std::uint64_t> net_conf_digest) const {
  const std::uint64_t digest = net_conf_digest.value_or(net_conf_digest_);
  HEDDLE_RETURN_IF_ERROR(Validate(network));
  if (source.size() + kConfigBytesReserved > storage::Limits().max_transaction_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the configuration is ", source.size(), " bytes long; at most ",
        storage::Limits().max_transaction_bytes - kConfigBytesReserved, " can be stored"));
  }
  if (network_ && *network_ == network && network_source_ == source && net_conf_digest_ == digest) {
    return Decision();
  }
  if (const std::string orphans = OrphansOf(network); !orphans.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the new network has no room for ", orphans,
                     "; release them first, or choose a network that contains them"));
  }
  Decision decision;
  decision.transaction.guards.push_back(
      network_modified_ == 0 ? Guard{Guard::Kind::kAbsent, kConfigKey, 0}
                             : Guard{Guard::Kind::kModifiedAt, kConfigKey, network_modified_});
  decision.transaction.writes.push_back(
      {Write::Kind::kPut, kConfigKey, EncodeNetwork({network, std::string(source), digest})});
  return decision;
}

// The leases, and subnets in flight, that `network` does not allow, in words; "" when none.
std::string LeaseBook::OrphansOf(const Network& network) const {
  const auto fits = [&network](const Prefix& subnet) {
    const auto& range = network.ranges[subnet.family()];
    return range && range->Allows(subnet);
  };
  std::vector<std::string> listed;
  std::size_t count = 0;
  const auto add = [&](absl::string_view holder, const Prefix& subnet) {
    if (fits(subnet)) return;
    if (++count <= kOrphansListed) {
      listed.push_back(absl::StrCat(holder, " (", subnet.ToString(), ")"));
    }
  };
  for (const auto& [node_id, lease] : leases_) {
    lease.subnets.ForEach([&, &id = node_id](Family, const Prefix& subnet) { add(id, subnet); });
  }
  absl::btree_set<Prefix> in_flight;
  for (const Prefix& subnet : claimed_subnets_) {
    if (!held_.contains(subnet)) in_flight.insert(subnet);
  }
  for (const Prefix& subnet : in_flight) add("a lease being committed", subnet);
  if (count == 0) return "";
  return absl::StrCat(
      count, " subnets that are leased: ", absl::StrJoin(listed, ", "),
      count > listed.size() ? absl::StrCat(" and ", count - listed.size(), " more") : "");
}

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
      Decision& decision = ends.WithRoomFor(1 + kFamilies.size());
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
