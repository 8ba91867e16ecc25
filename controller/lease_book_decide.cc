// The half of LeaseBook that decides on single leases: acquire, reserve, release.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

using storage::Guard;
using storage::Write;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

Guard GuardOf(std::string key, storage::Revision modified) {
  if (modified == 0) return {Guard::Kind::kAbsent, std::move(key), 0};
  return {Guard::Kind::kModifiedAt, std::move(key), modified};
}

}  // namespace

absl::Status LeaseBook::CheckDecidable(absl::string_view node_id) const {
  HEDDLE_RETURN_IF_ERROR(ValidateNodeId(node_id));
  if (IsClaimed(node_id)) {
    return absl::AbortedError(
        absl::StrCat("a change of the lease of '", node_id, "' is being committed; try again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Decision> LeaseBook::DecideAcquire(absl::string_view node_id,
                                                  const Advertisement& advertisement,
                                                  const std::vector<Prefix>& preferred,
                                                  absl::Time now, const Settling* settling,
                                                  const StillAt& still_at) const {
  HEDDLE_RETURN_IF_ERROR(CheckGrantable(node_id));
  HEDDLE_RETURN_IF_ERROR(Validate(advertisement));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<std::string> losers,
                          LosersOf(node_id, advertisement, still_at));
  Lease next;
  next.node_id = std::string(node_id);
  for (Family family : kFamilies) {
    if (settling == nullptr || !network_->ranges[family]) continue;
    HEDDLE_ASSIGN_OR_RETURN(next.subnets[family], Presented(family, node_id, preferred, *settling));
  }
  HEDDLE_RETURN_IF_ERROR(KeepOrChoose(node_id, preferred, now, settling, &next.subnets));
  next.advertisement = advertisement;
  const Lease* held = Find(node_id);
  if (held != nullptr) next.draining_subnets = held->draining_subnets;
  next.reserved = held != nullptr && held->reserved;
  next.expires = next.reserved ? absl::InfiniteFuture() : now + policy_.ttl;
  const bool same =
      held != nullptr && held->subnets == next.subnets && held->advertisement == next.advertisement;
  if (same && losers.empty() && held->expires > now + policy_.ttl * 2 / 3) {
    return Decision{{}, next.node_id, {}, {}};
  }
  Decision decision = WriteLease(next, now);
  advertisement.public_address.ForEach(
      [&](Family, const Ip& address) { decision.addresses.push_back(address); });
  for (const std::string& loser : losers) AddWithdrawal(loser, &decision);
  return decision;
}

const Lease* LeaseBook::FindGranted(absl::string_view node_id, const Advertisement& advertisement,
                                    const std::vector<Prefix>& preferred, absl::Time now) const {
  const Lease* held = Find(node_id);
  if (held == nullptr || !network_ || unreadable_nodes_.contains(std::string(node_id)) ||
      held->advertisement != advertisement || held->expires <= now) {
    return nullptr;
  }
  for (Family family : kFamilies) {
    const auto& subnet = held->subnets[family];
    if (network_->ranges[family].has_value() != subnet.has_value()) return nullptr;
    if (subnet && !network_->Allows(*subnet)) return nullptr;
  }
  if (!addresses_.IsSoleAnnouncer(node_id, advertisement)) return nullptr;
  for (const Prefix& had : preferred) {
    if (held->subnets[had.family()] && held->subnets[had.family()] != had) return nullptr;
  }
  return held;
}

absl::StatusOr<Decision> LeaseBook::DecideReserve(absl::string_view node_id,
                                                  const std::vector<Prefix>& subnets,
                                                  absl::Time now, const Settling* settling) const {
  HEDDLE_RETURN_IF_ERROR(CheckGrantable(node_id));
  Lease next;
  next.node_id = std::string(node_id);
  for (const Prefix& subnet : subnets) {
    auto& asked = next.subnets[subnet.family()];
    if (asked) {
      return absl::InvalidArgumentError(absl::StrCat(asked->ToString(), " and ", subnet.ToString(),
                                                     ": a node has one subnet per family"));
    }
    asked = subnet;
    HEDDLE_RETURN_IF_ERROR(CheckReservable(subnet, node_id, now));
  }
  HEDDLE_RETURN_IF_ERROR(KeepOrChoose(node_id, {}, now, settling, &next.subnets));
  const Lease* held = Find(node_id);
  if (held != nullptr) {
    next.advertisement = held->advertisement;
    next.draining_subnets = held->draining_subnets;
    for (Family family : kFamilies) {
      const auto& left = held->subnets[family];
      if (left && network_->IsDraining(*left) && next.subnets[family] != left) {
        next.draining_subnets[family] = left;
      }
    }
  }
  next.reserved = true;
  next.expires = absl::InfiniteFuture();
  const bool same = held != nullptr && held->subnets == next.subnets && held->reserved;
  return same ? Decision{{}, next.node_id, {}, {}} : WriteLease(next, now);
}

absl::StatusOr<Decision> LeaseBook::DecideRelease(absl::string_view node_id, absl::Time now) const {
  HEDDLE_RETURN_IF_ERROR(CheckDecidable(node_id));
  if (Find(node_id) == nullptr && !unreadable_nodes_.contains(std::string(node_id))) {
    return absl::NotFoundError(absl::StrCat("the node '", node_id, "' has no lease"));
  }
  Decision decision;
  decision.node_id = std::string(node_id);
  AddRelease(node_id, now, &decision);
  return decision;
}

absl::Status LeaseBook::CheckGrantable(absl::string_view node_id) const {
  HEDDLE_RETURN_IF_ERROR(CheckDecidable(node_id));
  if (!network_) {
    return absl::FailedPreconditionError(
        "no network is configured yet; set one with `heddlectl network set`");
  }
  if (unreadable_nodes_.contains(std::string(node_id))) {
    return absl::DataLossError(absl::StrCat("the record of the lease of '", node_id,
                                            "' cannot be read; release the lease to start anew"));
  }
  return absl::OkStatus();
}

// The subnet held when it still fits, else one to take.
absl::Status LeaseBook::KeepOrChoose(absl::string_view node_id,
                                     const std::vector<Prefix>& preferred, absl::Time now,
                                     const Settling* settling, PerFamily<Prefix>* subnets) const {
  const Lease* held = Find(node_id);
  for (Family family : kFamilies) {
    const auto& range = network_->ranges[family];
    if (!range || (*subnets)[family]) continue;
    const auto kept = held != nullptr ? held->subnets[family] : std::nullopt;
    const bool keeps = kept && network_->Allows(*kept);
    if (!keeps && settling != nullptr) return Unsettled(*settling, "none can be chosen");
    (*subnets)[family] = keeps ? kept : Choose(family, node_id, preferred, now);
    if (!(*subnets)[family]) return Exhausted(family);
  }
  return absl::OkStatus();
}

bool LeaseBook::MayTakeOver(const RestingSubnet& resting, absl::string_view node_id,
                            absl::Time now) const {
  const auto& range = network_->ranges[resting.subnet.family()];
  return range && range->Allows(resting.subnet) && !claimed_subnets_.contains(resting.subnet) &&
         (resting.until <= now || resting.last_node_id == node_id);
}

std::optional<Prefix> LeaseBook::Choose(Family family, absl::string_view node_id,
                                        const std::vector<Prefix>& preferred,
                                        absl::Time now) const {
  const std::string id(node_id);
  for (auto own = resting_by_node_.lower_bound({id, Prefix(Ip(family, 0), 0)});
       own != resting_by_node_.end() && own->first == id; ++own) {
    const RestingSubnet& resting = resting_.at(own->second);
    if (own->second.family() == family && MayTakeOver(resting, node_id, now)) return own->second;
  }
  for (const Prefix& subnet : preferred) {
    if (subnet.family() != family) continue;
    const auto resting = resting_.find(subnet);
    const bool rested = resting != resting_.end() && MayTakeOver(resting->second, node_id, now);
    if (rested || pools_[family]->IsFree(subnet)) return subnet;
  }
  if (const auto lowest = pools_[family]->Lowest()) return lowest;
  for (const auto& [until, subnet] : resting_by_time_[static_cast<std::size_t>(family)]) {
    if (until > now) break;
    if (MayTakeOver(resting_.at(subnet), node_id, now)) return subnet;
  }
  return std::nullopt;
}

absl::Status LeaseBook::Exhausted(Family family) const {
  const auto& resting = resting_by_time_[static_cast<std::size_t>(family)];
  const SubnetPool& pool = *pools_[family];
  return absl::ResourceExhaustedError(absl::StrCat(
      "no free ", FamilyName(family), " subnet: of ", pool.total_count(), " from ",
      pool.range().subnet_min.ToString(), " to ", pool.range().subnet_max.ToString(), ", ",
      held_count_[static_cast<std::size_t>(family)], " are held and ", resting.size(), " rest",
      resting.empty()
          ? ""
          : absl::StrCat(" (the next is free at ", TimeText(resting.begin()->first), ")"),
      network_->draining[family] ? ", those of the range being left included" : "",
      "; release leases, or grow the network with `heddlectl network set`"));
}

absl::Status LeaseBook::CheckReservable(const Prefix& subnet, absl::string_view node_id,
                                        absl::Time now) const {
  const auto& range = network_->ranges[subnet.family()];
  if (!range) {
    return absl::InvalidArgumentError(absl::StrCat(subnet.ToString(), ": the network has no ",
                                                   FamilyName(subnet.family()), " range"));
  }
  const Lease* own = Find(node_id);
  if (own != nullptr && own->subnets[subnet.family()] == subnet) return absl::OkStatus();
  if (!range->Allows(subnet)) {
    return absl::InvalidArgumentError(absl::StrCat(
        subnet.ToString(), " is not a subnet of the network: a /", range->subnet_length, " from ",
        range->subnet_min.ToString(), " to ", range->subnet_max.ToString(), " is"));
  }
  if (own != nullptr && own->draining_subnets[subnet.family()]) {
    return absl::AlreadyExistsError(absl::StrCat(
        "the node '", node_id, "' is between ", own->subnets[subnet.family()]->ToString(), " and ",
        own->draining_subnets[subnet.family()]->ToString(),
        "; end that first with `heddlectl node renumber`"));
  }
  if (own != nullptr && own->subnets[subnet.family()]) {
    const Prefix& has = *own->subnets[subnet.family()];
    if (range->Allows(has)) {
      return absl::AlreadyExistsError(absl::StrCat("the node '", node_id, "' holds ",
                                                   has.ToString(), "; release its lease first"));
    }
  }
  if (const auto held = held_.find(subnet); held != held_.end()) {
    return absl::AlreadyExistsError(absl::StrCat(
        subnet.ToString(), " is held by ",
        held->second.node_id.empty() ? "a record that cannot be read"
                                     : absl::StrCat("the node '", held->second.node_id, "'")));
  }
  const auto resting = resting_.find(subnet);
  if (resting != resting_.end() && MayTakeOver(resting->second, node_id, now)) {
    return absl::OkStatus();
  }
  if (resting != resting_.end() && !claimed_subnets_.contains(subnet)) {
    return absl::FailedPreconditionError(
        absl::StrCat(subnet.ToString(), " rests after the node '", resting->second.last_node_id,
                     "' until ", TimeText(resting->second.until), "; reserve it then"));
  }
  if (!pools_[subnet.family()]->IsFree(subnet)) {
    return absl::AbortedError(
        absl::StrCat(subnet.ToString(), " is part of a change being committed; try again"));
  }
  return absl::OkStatus();
}

Decision LeaseBook::WriteLease(const Lease& next, absl::Time now) const {
  const Lease* held = Find(next.node_id);
  Decision decision;
  decision.node_id = next.node_id;
  auto& transaction = decision.transaction;
  const std::vector<Prefix> before = held != nullptr ? held->AllSubnets() : std::vector<Prefix>();
  const std::vector<Prefix> after = next.AllSubnets();
  const auto has = [](const std::vector<Prefix>& subnets, const Prefix& subnet) {
    return std::find(subnets.begin(), subnets.end(), subnet) != subnets.end();
  };
  for (const Prefix& subnet : before) {
    if (!has(after, subnet)) AddRest(subnet, next.node_id, now, &decision);
  }
  for (const Prefix& subnet : after) {
    if (!has(before, subnet)) AddTake(subnet, next.node_id, &decision);
  }
  if (!decision.subnets.empty()) {
    // Chosen from this network's range: a change of it in between makes the choice void.
    transaction.guards.push_back(GuardOf(kConfigKey, network_modified_));
  }
  const std::string key = NodeKey(next.node_id);
  transaction.guards.push_back(GuardOf(key, held != nullptr ? held->modified : 0));
  transaction.writes.push_back({Write::Kind::kPut, key, EncodeLease(next)});
  return decision;
}

void LeaseBook::AddTake(const Prefix& subnet, absl::string_view node_id, Decision* decision) const {
  const auto resting = resting_.find(subnet);
  const std::string key = SubnetKey(subnet);
  decision->transaction.guards.push_back(
      GuardOf(key, resting != resting_.end() ? resting->second.modified : 0));
  decision->transaction.writes.push_back(
      {Write::Kind::kPut, key, EncodeSubnet({std::string(node_id), absl::InfiniteFuture()})});
  decision->subnets.push_back(subnet);
}

void LeaseBook::AddRest(const Prefix& subnet, absl::string_view node_id, absl::Time now,
                        Decision* decision) const {
  const auto held = held_.find(subnet);
  if (held == held_.end()) return;
  const std::string key = SubnetKey(subnet);
  decision->transaction.guards.push_back(GuardOf(key, held->second.modified));
  if (policy_.rest > absl::ZeroDuration()) {
    decision->transaction.writes.push_back(
        {Write::Kind::kPut, key, EncodeSubnet({std::string(node_id), now + policy_.rest})});
  } else {
    decision->transaction.writes.push_back({Write::Kind::kDelete, key, ""});
  }
  decision->subnets.push_back(subnet);
}

std::vector<Prefix> LeaseBook::SubnetsHeldBy(absl::string_view node_id) const {
  std::vector<Prefix> subnets;
  if (!unreadable_nodes_.contains(std::string(node_id))) {
    if (const Lease* lease = Find(node_id)) subnets = lease->AllSubnets();
    return subnets;
  }
  // The node's own record cannot say; those of the subnets can.
  for (const auto& [subnet, held] : held_) {
    if (held.node_id == node_id) subnets.push_back(subnet);
  }
  std::sort(subnets.begin(), subnets.end());
  return subnets;
}

void LeaseBook::AddRelease(absl::string_view node_id, absl::Time now, Decision* decision) const {
  const std::string key = NodeKey(node_id);
  const auto unreadable = unreadable_nodes_.find(std::string(node_id));
  const Lease* lease = Find(node_id);
  decision->transaction.guards.push_back(
      GuardOf(key, unreadable != unreadable_nodes_.end() ? unreadable->second : lease->modified));
  decision->transaction.writes.push_back({Write::Kind::kDelete, key, ""});
  for (const Prefix& subnet : SubnetsHeldBy(node_id)) AddRest(subnet, node_id, now, decision);
}

}  // namespace heddle::controller
