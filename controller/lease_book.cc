#include "controller/lease_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace heddle::controller {

Peer Lease::ToPeer() const {
  return {node_id, subnets, advertisement.value_or(Advertisement()), draining_subnets};
}

std::vector<Prefix> Lease::AllSubnets() const {
  Peer holder;
  holder.subnets = subnets;
  holder.draining_subnets = draining_subnets;
  return holder.AllSubnets();
}

std::optional<Network> LeaseBook::target_network() const {
  if (!network_) return std::nullopt;
  return TargetOf(staged_network());
}

const Lease* LeaseBook::Find(absl::string_view node_id) const {
  const auto found = leases_.find(std::string(node_id));
  return found == leases_.end() ? nullptr : &found->second;
}

const SubnetPool* LeaseBook::pool(Family family) const {
  return pools_[family] ? &*pools_[family] : nullptr;
}

void LeaseBook::Claim(const Decision& decision) {
  if (!decision.node_id.empty()) claimed_nodes_.insert(decision.node_id);
  claimed_nodes_.insert(decision.more_node_ids.begin(), decision.more_node_ids.end());
  claimed_addresses_.insert(decision.addresses.begin(), decision.addresses.end());
  for (const Prefix& subnet : decision.subnets) {
    claimed_subnets_.insert(subnet);
    if (pools_[subnet.family()]) pools_[subnet.family()]->Take(subnet);
  }
}

void LeaseBook::Unclaim(const Decision& decision) {
  claimed_nodes_.erase(decision.node_id);
  for (const std::string& node_id : decision.more_node_ids) claimed_nodes_.erase(node_id);
  for (const Ip& address : decision.addresses) claimed_addresses_.erase(address);
  for (const Prefix& subnet : decision.subnets) {
    claimed_subnets_.erase(subnet);
    GiveBack(subnet);
  }
}

bool LeaseBook::IsTaken(const Prefix& subnet) const {
  return held_.contains(subnet) || resting_.contains(subnet) || claimed_subnets_.contains(subnet);
}

void LeaseBook::GiveBack(const Prefix& subnet) {
  auto& pool = pools_[subnet.family()];
  if (!pool || IsTaken(subnet) || !pool->range().network.Overlaps(subnet)) return;
  if (subnet.length() == pool->range().subnet_length) {
    pool->Free(subnet);
  } else {
    // From an earlier SubnetLen: part of what it covers may be taken by others.
    RebuildPool(subnet.family());
  }
}

void LeaseBook::RebuildPool(Family family) {
  pools_[family].reset();
  if (!network_ || !network_->ranges[family]) return;
  pools_[family].emplace(*network_->ranges[family]);
  for (const auto& [subnet, held] : held_) pools_[family]->Take(subnet);
  for (const auto& [subnet, resting] : resting_) pools_[family]->Take(subnet);
  for (const Prefix& subnet : claimed_subnets_) pools_[family]->Take(subnet);
}

absl::Status LeaseBook::CheckInvariants() const {
  std::vector<Prefix> all;
  for (const auto& [subnet, held] : held_) {
    all.push_back(subnet);
    if (held.node_id.empty()) continue;  // unreadable: taken, by nobody knows whom
    const Lease* lease = Find(held.node_id);
    const bool agreed = lease != nullptr && (lease->subnets[subnet.family()] == subnet ||
                                             lease->draining_subnets[subnet.family()] == subnet);
    if (!agreed && !unreadable_nodes_.contains(held.node_id)) {
      return absl::InternalError(absl::StrCat(subnet.ToString(), " is held by '", held.node_id,
                                              "', whose lease does not have it"));
    }
  }
  for (const auto& [node_id, lease] : leases_) {
    for (const Prefix& subnet : lease.AllSubnets()) {
      const auto held = held_.find(subnet);
      if (held != held_.end() &&
          (held->second.node_id == node_id || held->second.node_id.empty())) {
        continue;
      }
      return absl::InternalError(absl::StrCat("the lease of '", node_id, "' has ",
                                              subnet.ToString(), ", which it does not hold"));
    }
    for (Family family : kFamilies) {
      const auto& former = lease.draining_subnets[family];
      if (!former || !network_ || unreadable_nodes_.contains(node_id)) continue;
      const auto& present = lease.subnets[family];
      if (present && network_->IsDraining(*present) != network_->IsDraining(*former)) continue;
      return absl::InternalError(absl::StrCat("the lease of '", node_id, "' drains ",
                                              former->ToString(), " without having moved"));
    }
  }
  for (const auto& [subnet, resting] : resting_) all.push_back(subnet);
  std::sort(all.begin(), all.end());
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i - 1].Overlaps(all[i])) {
      return absl::InternalError(
          absl::StrCat(all[i - 1].ToString(), " and ", all[i].ToString(), " overlap"));
    }
  }
  LeaseBook rebuilt = *this;
  for (Family family : kFamilies) {
    rebuilt.RebuildPool(family);
    if (!(rebuilt.pools_[family] == pools_[family])) {
      return absl::InternalError(
          absl::StrCat("the ", FamilyName(family), " pool disagrees with what is taken"));
    }
  }
  if (resting_by_node_.size() != resting_.size() ||
      resting_by_time_[0].size() + resting_by_time_[1].size() != resting_.size() ||
      held_count_[0] + held_count_[1] != held_.size()) {
    return absl::InternalError("an index disagrees with what it counts");
  }
  AddressIndex reindexed = addresses_.OwnersAlone();
  for (const auto& [node_id, lease] : leases_) {
    if (lease.advertisement) reindexed.Announce(node_id, *lease.advertisement);
  }
  if (!(reindexed == addresses_)) {
    return absl::InternalError("the index of addresses disagrees with what the leases announce");
  }
  return absl::OkStatus();
}

}  // namespace heddle::controller
