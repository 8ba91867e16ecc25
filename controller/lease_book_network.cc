// The half of LeaseBook that decides on the network: setting it, and moving out of a range.
#include <algorithm>

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

absl::Status NoLease(absl::string_view node_id) {
  return absl::NotFoundError(absl::StrCat("the node '", node_id, "' has no lease"));
}

std::string ListOf(const std::vector<LeaseBook::Orphan>& orphans) {
  std::vector<std::string> listed;
  for (const LeaseBook::Orphan& orphan : orphans) {
    if (listed.size() == kOrphansListed) break;
    listed.push_back(absl::StrCat(orphan.holder, " (", orphan.subnet.ToString(), ")"));
  }
  return absl::StrCat(orphans.size(), " subnets that are leased: ", absl::StrJoin(listed, ", "),
                      orphans.size() > listed.size()
                          ? absl::StrCat(" and ", orphans.size() - listed.size(), " more")
                          : "");
}

}  // namespace

// The subnets, leased or in flight, that `network` does not allow.
std::vector<LeaseBook::Orphan> LeaseBook::OrphansOf(const Network& network) const {
  std::vector<Orphan> orphans;
  const auto add = [&](absl::string_view holder, const Prefix& subnet) {
    if (!network.Allows(subnet)) orphans.push_back({std::string(holder), subnet});
  };
  for (const auto& [node_id, lease] : leases_) {
    for (const Prefix& subnet : lease.AllSubnets()) add(node_id, subnet);
  }
  absl::btree_set<Prefix> in_flight;
  for (const Prefix& subnet : claimed_subnets_) {
    if (!held_.contains(subnet)) in_flight.insert(subnet);
  }
  for (const Prefix& subnet : in_flight) add("a lease being committed", subnet);
  return orphans;
}

absl::StatusOr<Network> LeaseBook::Settle(Network next, bool drain) const {
  next.draining = {};
  if (!network_) return next;
  const auto has_orphans = [&](Family family) {
    const std::vector<Orphan> orphans = OrphansOf(next);
    return std::any_of(orphans.begin(), orphans.end(),
                       [family](const Orphan& orphan) { return orphan.subnet.family() == family; });
  };
  for (Family family : kFamilies) {
    auto& left = next.draining[family];
    if (!next.ranges[family] || !has_orphans(family)) continue;
    left = network_->draining[family];
    if (left && !has_orphans(family)) continue;
    left = drain ? network_->ranges[family] : std::nullopt;
    if (left && has_orphans(family)) left.reset();
  }
  if (const std::vector<Orphan> orphans = OrphansOf(next); !orphans.empty()) {
    return Orphaned(orphans);
  }
  HEDDLE_RETURN_IF_ERROR(Validate(next));
  return next;
}

absl::Status LeaseBook::Orphaned(const std::vector<Orphan>& orphans) const {
  const std::string what = absl::StrCat("the new network has no room for ", ListOf(orphans));
  for (Family family : kFamilies) {
    const auto& left = network_->draining[family];
    if (!left) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        what, ". ", FamilyName(family), " is still moving from ", left->network.ToString(), " to ",
        network_->ranges[family]->network.ToString(),
        ": end that first with `heddlectl node renumber` for each node, or go back by setting the "
        "former range with `heddlectl network set --drain`; `heddlectl network plan` names the "
        "nodes"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      what,
      "; release them first, or choose a network that contains them. To move the nodes to another "
      "range one by one see `heddlectl network plan`, which begins with `heddlectl network set "
      "--drain`"));
}

absl::StatusOr<Decision> LeaseBook::DecideSetNetwork(const Network& network,
                                                     absl::string_view source, absl::Time now,
                                                     std::optional<std::uint64_t> net_conf_digest,
                                                     bool drain) const {
  const std::uint64_t digest = net_conf_digest.value_or(net_conf_digest_);
  HEDDLE_RETURN_IF_ERROR(Validate(network));
  if (source.size() + kConfigBytesReserved > storage::Limits().max_transaction_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the configuration is ", source.size(), " bytes long; at most ",
        storage::Limits().max_transaction_bytes - kConfigBytesReserved, " can be stored"));
  }
  HEDDLE_ASSIGN_OR_RETURN(const Network next, Settle(network, drain));
  if (target_network() == next && network_source_ == source && net_conf_digest_ == digest) {
    return Decision();
  }
  HEDDLE_ASSIGN_OR_RETURN(const StagedNetwork staged, StagedFor(next, now));
  return WriteNetwork(staged, source, digest);
}

// Where nobody is announced there is no packet to lose.
absl::StatusOr<StagedNetwork> LeaseBook::StagedFor(const Network& network, absl::Time now) const {
  const bool announced = std::any_of(leases_.begin(), leases_.end(), [](const auto& entry) {
    return entry.second.advertisement.has_value();
  });
  if (!network_ || !announced) return StagedNetwork{network, RolloutStage::kSettled, now};
  return Restage(staged_network(), network, now);
}

Decision LeaseBook::DecideAdvance(storage::Revision judged, absl::Time now) const {
  if (!changes_backend() || judged != network_modified_) return Decision();
  return WriteNetwork(Advance(staged_network(), now), network_source_, net_conf_digest_);
}

Decision LeaseBook::WriteNetwork(const StagedNetwork& staged, absl::string_view source,
                                 std::uint64_t net_conf_digest) const {
  Decision decision;
  decision.transaction.guards.push_back(
      network_modified_ == 0 ? Guard{Guard::Kind::kAbsent, kConfigKey, 0}
                             : Guard{Guard::Kind::kModifiedAt, kConfigKey, network_modified_});
  decision.transaction.writes.push_back(
      {Write::Kind::kPut, kConfigKey,
       EncodeNetwork({staged, std::string(source), net_conf_digest})});
  return decision;
}

std::vector<const Lease*> LeaseBook::DrainingLeases() const {
  std::vector<const Lease*> draining;
  if (!network_ || network_->draining.empty()) return draining;
  for (const auto& [node_id, lease] : leases_) {
    const std::vector<Prefix> subnets = lease.AllSubnets();
    const bool drains = std::any_of(subnets.begin(), subnets.end(), [this](const Prefix& subnet) {
      return network_->IsDraining(subnet);
    });
    if (drains) draining.push_back(&lease);
  }
  return draining;
}

Decision LeaseBook::DecideEndDraining() const {
  if (!network_ || network_->draining.empty()) return Decision();
  StagedNetwork next = staged_network();
  next.network.draining = {};
  for (const auto& [subnet, held] : held_) {
    const Family family = subnet.family();
    if (network_->IsDraining(subnet)) next.network.draining[family] = network_->draining[family];
  }
  if (next.network == *network_) return Decision();
  return WriteNetwork(next, network_source_, net_conf_digest_);
}

absl::StatusOr<Decision> LeaseBook::DecideRenumber(absl::string_view node_id, absl::Time now,
                                                   const Settling* settling) const {
  HEDDLE_RETURN_IF_ERROR(CheckGrantable(node_id));
  const Lease* held = Find(node_id);
  if (held == nullptr) return NoLease(node_id);
  Lease next = *held;
  for (Family family : kFamilies) {
    const auto& leaves = held->subnets[family];
    if (!leaves || !network_->IsDraining(*leaves)) continue;
    // One that goes back where it came from still has its subnet there.
    const auto& former = held->draining_subnets[family];
    if (!former && settling != nullptr) return Unsettled(*settling, "none can be chosen");
    next.subnets[family] = former ? former : Choose(family, node_id, {}, now);
    if (!next.subnets[family]) return Exhausted(family);
    next.draining_subnets[family] = leaves;
  }
  if (next == *held) return Decision{{}, next.node_id, {}, {}};
  return WriteLease(next, now);
}

absl::StatusOr<Decision> LeaseBook::DecideFinishRenumber(absl::string_view node_id,
                                                         absl::Time now) const {
  HEDDLE_RETURN_IF_ERROR(CheckGrantable(node_id));
  const Lease* held = Find(node_id);
  if (held == nullptr) return NoLease(node_id);
  for (Family family : kFamilies) {
    const auto& subnet = held->subnets[family];
    if (!subnet || !network_->IsDraining(*subnet)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the node '", node_id, "' has no other subnet than ", subnet->ToString(),
                     " yet; run `heddlectl node renumber ", node_id,
                     "` first, and give its pods new addresses"));
  }
  Lease next = *held;
  next.draining_subnets = {};
  if (next == *held) return Decision{{}, next.node_id, {}, {}};
  return WriteLease(next, now);
}

}  // namespace heddle::controller
