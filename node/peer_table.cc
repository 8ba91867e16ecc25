#include "node/peer_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

using Owners = absl::btree_map<Prefix, std::string>;

// The owner of a subnet in `owners` that overlaps `subnet` and is wanted, or nullptr. `owners` is
// disjoint, so that only one entry before `subnet` can reach into it.
template <typename Wanted>
const Owners::value_type* FindOverlap(const Owners& owners, const Prefix& subnet, Wanted&& wanted) {
  auto at = owners.lower_bound(subnet);
  if (at != owners.begin()) {
    const auto before = std::prev(at);
    if (before->first.Overlaps(subnet) && wanted(before->second)) return &*before;
  }
  for (; at != owners.end() && at->first.Overlaps(subnet); ++at) {
    if (wanted(at->second)) return &*at;
  }
  return nullptr;
}

}  // namespace

void PeerTable::Restore(Position position, Peers peers) {
  peers_.clear();
  owners_.clear();
  held_.clear();
  set_hash_ = 0;
  for (auto& [node_id, peer] : peers) {
    set_hash_ += PeerDigest(peer);
    Differences ignored;
    Put(peer, &ignored);
  }
  position_ = std::move(position);
}

void PeerTable::Attach(const std::string& history) {
  ForgetTransfer();
  stream_history_ = history;
  continued_ = !distrusted_ && !history.empty() && history == position_.history;
  suspect_revision_ = 0;
}

absl::Status PeerTable::Begin(const SnapshotBegin& begin) {
  ForgetTransfer();
  HEDDLE_RETURN_IF_ERROR(CheckNotOlder("a snapshot of revision", begin.revision));
  in_snapshot_ = true;
  snapshot_revision_ = begin.revision;
  return absl::OkStatus();
}

absl::Status PeerTable::Add(Chunk chunk) {
  if (!in_snapshot_ && !continued_) {
    return Distrust("the controller sent a delta where only a snapshot can follow");
  }
  for (PeerUpdate& change : chunk.changes) {
    if (in_snapshot_ && !change.peer) {
      return Distrust(absl::StrCat("the snapshot removes the peer ", change.node_id));
    }
    if (change.peer) {
      pending_text_bytes_ += change.peer->advertisement.extension_backend_data.size();
    }
    pending_[change.node_id] = std::move(change.peer);
  }
  if (pending_.size() > kMaxPeers) {
    return Distrust(absl::StrCat("one transfer names more than ", kMaxPeers, " peers"));
  }
  if (pending_text_bytes_ > kMaxTransferTextBytes) {
    return Distrust(absl::StrCat("one transfer has more than ", kMaxTransferTextBytes,
                                 " bytes of extension data"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PeerDifference>> PeerTable::Complete(const Synced& synced) {
  if (!in_snapshot_ && !continued_) {
    return Distrust("the controller ended a transfer that it had not begun");
  }
  if (in_snapshot_ && synced.revision < snapshot_revision_) {
    return Distrust("the controller's snapshot ends at an older revision than it began with");
  }
  HEDDLE_RETURN_IF_ERROR(CheckNotOlder("the changes up to revision", synced.revision));
  const absl::Status sound =
      in_snapshot_ ? CheckSnapshot(synced.set_hash) : CheckDelta(synced.set_hash);
  if (!sound.ok()) return Distrust(std::string(sound.message()));
  if (const absl::Status size = CheckSize(); !size.ok()) {
    return Distrust(std::string(size.message()));
  }

  Differences differences;
  if (in_snapshot_) {
    const bool waited = settling_ && !synced.settling && position_.history == stream_history_;
    if (waited) other_history_ = false;
    settling_ = synced.settling;
    HoldOrRemoveMissing(&differences);
  } else if (!synced.settling) {
    EndSettling(&differences);
  }
  ApplyPending(&differences);
  set_hash_ = synced.set_hash;
  position_ = {stream_history_, synced.revision};
  complete_ = true;
  distrusted_ = false;
  continued_ = true;
  suspect_revision_ = 0;
  ForgetTransfer();
  return differences;
}

absl::StatusOr<std::vector<PeerDifference>> PeerTable::Check(const Heartbeat& heartbeat) {
  const bool transferring = in_snapshot_ || !continued_ || !pending_.empty();
  if (transferring || heartbeat.revision < position_.revision) return Differences();
  if (heartbeat.set_hash == set_hash_) {
    position_.revision = heartbeat.revision;  // what lies between changed no peer
    Differences differences;
    if (!heartbeat.settling) EndSettling(&differences);
    return differences;
  }
  // A heartbeat of a later revision may have overtaken a delta; the same again has not.
  const bool overtook =
      heartbeat.revision > position_.revision && suspect_revision_ != position_.revision;
  if (overtook) {
    suspect_revision_ = position_.revision;
    return Differences();
  }
  return Distrust(absl::StrCat("the peers held at revision ", position_.revision,
                               " differ from the controller's"));
}

std::vector<PeerDifference> PeerTable::Accept() {
  Differences differences;
  other_history_ = settling_ = false;
  for (const std::string& node_id : std::exchange(held_, {})) Remove(node_id, &differences);
  return differences;
}

// Between two states of one history nothing but the revision says which is the newer one.
absl::Status PeerTable::CheckNotOlder(const std::string& what, std::uint64_t revision) const {
  if (position_.history != stream_history_ || revision >= position_.revision) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("the controller lags behind: it offers ", what, " ",
                                             revision, ", and revision ", position_.revision,
                                             " is applied here; trying another one"));
}

absl::Status PeerTable::Distrust(const std::string& reason) {
  ForgetTransfer();
  continued_ = false;
  distrusted_ = true;
  return absl::DataLossError(absl::StrCat(reason, "; asking for a new snapshot"));
}

absl::Status PeerTable::CheckSnapshot(std::uint64_t set_hash) const {
  std::uint64_t hash = 0;
  for (const auto& [node_id, peer] : pending_) hash += PeerDigest(*peer);
  if (hash != set_hash) {
    return absl::DataLossError(
        absl::StrCat("the snapshot of ", pending_.size(), " peers is not the one promised"));
  }
  return CheckDisjoint(/*whole=*/true);
}

absl::Status PeerTable::CheckDelta(std::uint64_t set_hash) const {
  std::uint64_t hash = set_hash_;
  for (const auto& [node_id, peer] : pending_) {
    const auto before = peers_.find(node_id);
    if (before != peers_.end() && !held_.contains(node_id)) hash -= PeerDigest(before->second);
    if (peer) hash += PeerDigest(*peer);
  }
  if (hash != set_hash) {
    return absl::DataLossError(
        absl::StrCat("the delta of ", pending_.size(), " peers does not lead to the set promised"));
  }
  return CheckDisjoint(/*whole=*/false);
}

// No two peers of the controller's may share an address: what the kernel would hold then would
// depend on the order of arrival.
// As if nobody were removed: who is missing may be held.
absl::Status PeerTable::CheckSize() const {
  if (peers_.size() + pending_.size() <= kMaxPeers) return absl::OkStatus();
  std::size_t size = peers_.size();
  for (const auto& [node_id, peer] : pending_) size += peer && !peers_.contains(node_id);
  if (size <= kMaxPeers) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "there would be ", size, " peers, with those held; more than ", kMaxPeers, " are not taken"));
}

absl::Status PeerTable::CheckDisjoint(bool whole) const {
  const auto anybody = [](const std::string&) { return true; };
  const auto stays = [&](const std::string& owner) {
    return !whole && !pending_.contains(owner) && !held_.contains(owner);
  };
  Owners claimed;
  for (const auto& [node_id, peer] : pending_) {
    if (!peer) continue;
    for (const Prefix& subnet : peer->AllSubnets()) {
      const auto* other = FindOverlap(claimed, subnet, anybody);
      if (other == nullptr) other = FindOverlap(owners_, subnet, stays);
      if (other != nullptr) {
        return absl::DataLossError(absl::StrCat("the subnet ", subnet.ToString(), " of ", node_id,
                                                " overlaps ", other->first.ToString(), " of ",
                                                other->second));
      }
      claimed[subnet] = node_id;
    }
  }
  return absl::OkStatus();
}

bool PeerTable::MustHold(std::size_t removed) const {
  if (removed == 0) return false;
  if (settling_ || other_history_) return true;
  if (pending_.empty()) return true;  // a cluster without this very node: missing, not empty
  return TooMany(removed);
}

bool PeerTable::TooMany(std::size_t removed) const {
  return peers_.size() >= guard_.min_peers &&
         static_cast<double>(removed) > guard_.fraction * static_cast<double>(peers_.size());
}

void PeerTable::HoldOrRemoveMissing(Differences* differences) {
  absl::btree_set<std::string> missing;
  for (const auto& [node_id, peer] : peers_) {
    if (!pending_.contains(node_id)) missing.insert(missing.end(), node_id);
  }
  other_history_ = !missing.empty() && (other_history_ || position_.history != stream_history_);
  if (MustHold(missing.size())) {
    held_ = std::move(missing);
    return;
  }
  held_.clear();
  for (const std::string& node_id : missing) Remove(node_id, differences);
}

// The controller has waited for them: who has not come back by now is gone, another history or not.
void PeerTable::EndSettling(Differences* differences) {
  if (!std::exchange(settling_, false)) return;
  other_history_ = false;
  if (held_.empty() || held_.size() == peers_.size() || TooMany(held_.size())) return;
  for (const std::string& node_id : std::exchange(held_, {})) Remove(node_id, differences);
}

// A held peer's subnet that the controller has given to another node is that node's.
void PeerTable::ReleaseOverlapped(Differences* differences) {
  const auto is_held = [&](const std::string& owner) {
    return held_.contains(owner) && !pending_.contains(owner);
  };
  for (const auto& [node_id, peer] : pending_) {
    if (!peer || held_.empty()) continue;
    for (const Prefix& subnet : peer->AllSubnets()) {
      while (const auto* owned = FindOverlap(owners_, subnet, is_held)) {
        Remove(std::string(owned->second), differences);
      }
    }
  }
}

void PeerTable::ApplyPending(Differences* differences) {
  ReleaseOverlapped(differences);
  for (const auto& [node_id, peer] : pending_) {
    if (peer) {
      Put(*peer, differences);
    } else {
      Remove(node_id, differences);
    }
  }
}

void PeerTable::Put(const Peer& peer, Differences* differences) {
  held_.erase(peer.node_id);
  const auto [at, is_new] = peers_.try_emplace(peer.node_id);
  if (!is_new && at->second == peer) return;
  std::optional<Peer> before;
  if (!is_new) {
    DropSubnets(at->second);
    before = std::move(at->second);
  }
  at->second = peer;
  for (const Prefix& subnet : peer.AllSubnets()) owners_[subnet] = peer.node_id;
  differences->push_back({std::move(before), peer});
}

void PeerTable::Remove(const std::string& node_id, Differences* differences) {
  held_.erase(node_id);
  const auto at = peers_.find(node_id);
  if (at == peers_.end()) return;
  DropSubnets(at->second);
  differences->push_back({std::move(at->second), std::nullopt});
  peers_.erase(at);
}

// Another peer may have taken the subnet over in the same transfer: its entry stays.
void PeerTable::DropSubnets(const Peer& peer) {
  for (const Prefix& subnet : peer.AllSubnets()) {
    const auto owned = owners_.find(subnet);
    if (owned != owners_.end() && owned->second == peer.node_id) owners_.erase(owned);
  }
}

void PeerTable::ForgetTransfer() {
  in_snapshot_ = false;
  pending_.clear();
  pending_text_bytes_ = 0;
}

}  // namespace heddle::node
