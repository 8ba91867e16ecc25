// The half of LeaseBook that takes in what was committed.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

std::string Problem(const storage::Record& record, const absl::Status& status) {
  return absl::StrCat("the record ", record.key, " (revision ", record.modified,
                      ") cannot be read and what it holds stays taken: ", status.message());
}

}  // namespace

BookChanges LeaseBook::Apply(storage::Revision revision,
                             const std::vector<storage::Change>& changes) {
  BookChanges result;
  for (const storage::Change& change : changes) {
    const std::string& key = change.record.key;
    if (key == kConfigKey) {
      ApplyNetwork(change, &result);
    } else if (absl::StartsWith(key, kNodePrefix)) {
      ApplyNode(change, &result);
    } else if (absl::StartsWith(key, kSubnetPrefix)) {
      ApplySubnet(change, &result);
    } else if (absl::StartsWith(key, kAddressPrefix)) {
      ApplyAddress(change, &result);
    } else if (absl::StartsWith(key, kNetworkPrefix) &&
               !absl::StartsWith(key, kCertificatePrefix)) {
      result.problems.push_back(absl::StrCat("the key ", key, " is not one of this release's"));
    }
  }
  revision_ = std::max(revision_, revision);
  return result;
}

void LeaseBook::ApplyNetwork(const storage::Change& change, BookChanges* changes) {
  network_modified_ = change.deleted ? 0 : change.record.modified;
  std::optional<Network> next;
  StoredNetwork read;
  if (!change.deleted) {
    auto stored = DecodeNetwork(change.record);
    if (!stored.ok()) {
      changes->problems.push_back(absl::StrCat(
          "the record ", change.record.key, " (revision ", change.record.modified,
          ") cannot be read; the network stays as it was: ", stored.status().message()));
      return;
    }
    read = *std::move(stored);
    next = std::move(read.staged.network);
  }
  network_source_ = std::move(read.source_json);
  net_conf_digest_ = read.net_conf_digest;
  rollout_stage_ = read.staged.stage;
  rollout_since_ = read.staged.since;
  rollout_turned_round_ = read.staged.turned_round;
  if (next == network_) return;
  std::swap(network_, next);
  changes->network_changed = true;
  for (Family family : kFamilies) {
    const bool same = next && network_ && next->ranges[family] == network_->ranges[family];
    if (!same) RebuildPool(family);
  }
}

void LeaseBook::ApplyNode(const storage::Change& change, BookChanges* changes) {
  const std::string node_id = NodeIdOfKey(change.record.key).value_or("");
  const Lease* before = Find(node_id);
  const std::optional<Peer> peer_before = before != nullptr && before->advertisement
                                              ? std::optional<Peer>(before->ToPeer())
                                              : std::nullopt;
  std::optional<Peer> peer_after;
  unreadable_nodes_.erase(node_id);
  if (change.deleted) {
    RemoveLease(node_id);
  } else {
    auto lease = DecodeLease(change.record);
    if (!lease.ok()) {
      // What others were told of this node stays true until a record says otherwise.
      changes->problems.push_back(Problem(change.record, lease.status()));
      unreadable_nodes_[node_id] = change.record.modified;
      return;
    }
    if (lease->advertisement) peer_after = lease->ToPeer();
    PutLease(*std::move(lease));
  }
  if (peer_before != peer_after) changes->peers.push_back({node_id, std::move(peer_after)});
}

void LeaseBook::ApplySubnet(const storage::Change& change, BookChanges* changes) {
  const auto subnet = SubnetOfKey(change.record.key);
  if (!subnet) {
    changes->problems.push_back(
        absl::StrCat("the key ", change.record.key, " does not name a subnet"));
    return;
  }
  ForgetSubnet(*subnet);
  if (change.deleted) {
    GiveBack(*subnet);
    return;
  }
  const auto family = static_cast<std::size_t>(subnet->family());
  const storage::Revision modified = change.record.modified;
  auto holder = DecodeSubnet(change.record);
  if (!holder.ok()) changes->problems.push_back(Problem(change.record, holder.status()));
  if (holder.ok() && holder->resting_until != absl::InfiniteFuture()) {
    resting_by_time_[family].emplace(holder->resting_until, *subnet);
    resting_by_node_.emplace(holder->node_id, *subnet);
    resting_[*subnet] = {*subnet, holder->node_id, holder->resting_until, modified};
  } else {
    held_[*subnet] = {holder.ok() ? holder->node_id : "", modified};
    ++held_count_[family];
  }
  if (pools_[subnet->family()]) pools_[subnet->family()]->Take(*subnet);
}

void LeaseBook::ApplyAddress(const storage::Change& change, BookChanges* changes) {
  const auto address = AddressOfKey(change.record.key);
  if (!address) {
    changes->problems.push_back(
        absl::StrCat("the key ", change.record.key, " does not name an address"));
    return;
  }
  addresses_.Disown(*address);
  if (change.deleted) return;
  auto owner = DecodeAddressOwner(change.record);
  if (!owner.ok()) changes->problems.push_back(Problem(change.record, owner.status()));
  addresses_.Own(*address, {owner.value_or(""), change.record.modified});
}

void LeaseBook::ForgetSubnet(const Prefix& subnet) {
  const auto family = static_cast<std::size_t>(subnet.family());
  if (held_.erase(subnet) > 0) --held_count_[family];
  const auto resting = resting_.find(subnet);
  if (resting == resting_.end()) return;
  resting_by_time_[family].erase({resting->second.until, subnet});
  resting_by_node_.erase({resting->second.last_node_id, subnet});
  resting_.erase(resting);
}

void LeaseBook::PutLease(Lease lease) {
  RemoveLease(lease.node_id);
  if (lease.expires != absl::InfiniteFuture()) {
    leases_by_expiry_.emplace(lease.expires, lease.node_id);
  }
  std::string node_id = lease.node_id;
  if (lease.advertisement) addresses_.Announce(node_id, *lease.advertisement);
  leases_.emplace(std::move(node_id), std::move(lease));
}

void LeaseBook::RemoveLease(const std::string& node_id) {
  const auto found = leases_.find(node_id);
  if (found == leases_.end()) return;
  leases_by_expiry_.erase({found->second.expires, node_id});
  if (found->second.advertisement) addresses_.Withdraw(node_id, *found->second.advertisement);
  leases_.erase(found);
}

}  // namespace heddle::controller
