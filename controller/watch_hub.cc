#include "controller/watch_hub.h"

#include <algorithm>
#include <limits>

namespace heddle::controller {
namespace {

// Streams that lag by different amounts; beyond that many cursors a delta is built for one reader.
constexpr std::size_t kCachedDeltas = 8;
constexpr std::uint64_t kLastOrder = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void WatchHub::Load(const storage::Position& position, const std::vector<Peer>& peers,
                    const std::optional<Network>& network) {
  MutexLock lock(&mutex_);
  history_ = position.history;
  head_ = released_ = progress_ = oldest_ = network_revision_ = position.revision;
  network_ = network;
  set_hash_ = 0;
  entries_.clear();
  places_.clear();
  tombstones_.clear();
  tombstone_count_ = 0;
  for (const Peer& peer : peers) Change(position.revision, {peer.node_id, peer});
  hashes_.assign(1, {head_, set_hash_});
  release_at_ = absl::InfiniteFuture();
  snapshot_ = nullptr;
  body_ = nullptr;
  deltas_.clear();
}

void WatchHub::set_settling(bool settling) {
  MutexLock lock(&mutex_);
  if (settling_ == settling) return;
  settling_ = settling;
  snapshot_ = nullptr;
  deltas_.clear();
}

bool WatchHub::settling() const {
  MutexLock lock(&mutex_);
  return settling_;
}

void WatchHub::set_stale_since(std::optional<absl::Time> stale_since) {
  MutexLock lock(&mutex_);
  stale_since_ = stale_since;
}

std::optional<absl::Time> WatchHub::stale_since() const {
  MutexLock lock(&mutex_);
  return stale_since_;
}

void WatchHub::Freeze(std::string why) {
  MutexLock lock(&mutex_);
  frozen_ = std::move(why);
}

absl::Status WatchHub::serving() const {
  MutexLock lock(&mutex_);
  if (frozen_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(frozen_);
}

bool WatchHub::Publish(storage::Revision revision, const BookChanges& changes,
                       const std::optional<Network>& network, absl::Time now) {
  MutexLock lock(&mutex_);
  if (!frozen_.empty()) return false;
  progress_ = std::max(progress_, revision);
  bool announced = false;
  for (const PeerChange& change : changes.peers) announced |= Change(revision, change);
  if (changes.network_changed && network != network_) {
    network_ = network;
    network_revision_ = revision;
    announced = true;
  }
  if (!announced) return false;
  head_ = revision;
  hashes_.emplace_back(revision, set_hash_);
  deltas_.clear();
  Trim();
  const absl::Duration window =
      std::clamp(options_.window_per_stream * streams_, options_.window_min, options_.window_max);
  release_at_ = std::min(release_at_, std::max(now, last_release_ + window));
  return true;
}

// Puts the change at its new place. False when it says what is already known.
bool WatchHub::Change(storage::Revision revision, const PeerChange& change) {
  const auto known = places_.find(change.node_id);
  const Entry* old = known == places_.end() ? nullptr : &entries_.at(known->second);
  const bool removed = !change.peer.has_value();
  if (removed && (old == nullptr || old->removed)) return false;

  Entry entry{change.node_id, "", 0, removed};
  if (removed) {
    entry.bytes = RemovedBytes(change.node_id);
  } else {
    entry.digest = PeerDigest(*change.peer);
    entry.bytes = PutBytes(*change.peer);
    if (old != nullptr && !old->removed && old->bytes == entry.bytes) return false;
  }
  set_hash_ += entry.digest;
  if (old != nullptr) {
    set_hash_ -= old->digest;
    if (old->removed) --tombstone_count_;
    entries_.erase(known->second);
  }
  const Place place{revision, next_order_++};
  if (removed) {
    tombstones_.push_back(place);
    ++tombstone_count_;
  }
  places_[entry.node_id] = place;
  entries_.emplace(place, std::move(entry));
  return true;
}

void WatchHub::Trim() {
  while (tombstone_count_ > options_.max_tombstones ||
         tombstones_.size() > 2 * options_.max_tombstones + 16) {
    const Place place = tombstones_.front();
    tombstones_.pop_front();
    const auto found = entries_.find(place);
    if (found == entries_.end()) continue;  // the node came back since
    oldest_ = std::max(oldest_, place.first);
    places_.erase(found->second.node_id);
    entries_.erase(found);
    --tombstone_count_;
  }
  while (hashes_.size() > options_.max_tombstones + 1) {
    hashes_.pop_front();
    oldest_ = std::max(oldest_, hashes_.front().first);
  }
}

absl::Time WatchHub::release_at() const {
  MutexLock lock(&mutex_);
  return release_at_;
}

bool WatchHub::Release(absl::Time now) {
  MutexLock lock(&mutex_);
  if (now < release_at_) return false;
  released_ = head_;
  last_release_ = now;
  release_at_ = absl::InfiniteFuture();
  return true;
}

void WatchHub::set_stream_count(std::size_t streams) {
  MutexLock lock(&mutex_);
  streams_ = streams;
}

std::string WatchHub::history() const {
  MutexLock lock(&mutex_);
  return history_;
}

std::optional<Network> WatchHub::network() const {
  MutexLock lock(&mutex_);
  return network_;
}

storage::Revision WatchHub::head() const {
  MutexLock lock(&mutex_);
  return head_;
}

storage::Revision WatchHub::progress() const {
  MutexLock lock(&mutex_);
  return progress_;
}

storage::Revision WatchHub::released() const {
  MutexLock lock(&mutex_);
  return released_;
}

storage::Revision WatchHub::oldest_delta_revision() const {
  MutexLock lock(&mutex_);
  return oldest_;
}

std::uint64_t WatchHub::set_hash() const {
  MutexLock lock(&mutex_);
  return set_hash_;
}

std::size_t WatchHub::peer_count() const {
  MutexLock lock(&mutex_);
  return entries_.size() - tombstone_count_;
}

storage::Revision WatchHub::network_revision() const {
  MutexLock lock(&mutex_);
  return network_revision_;
}

std::optional<std::uint64_t> WatchHub::HashAtLocked(storage::Revision revision) const {
  if (revision < oldest_ || revision > progress_) return std::nullopt;
  const auto after =
      std::upper_bound(hashes_.begin(), hashes_.end(), revision,
                       [](storage::Revision r, const auto& point) { return r < point.first; });
  if (after == hashes_.begin()) return std::nullopt;
  return std::prev(after)->second;
}

std::optional<std::uint64_t> WatchHub::HashAt(storage::Revision revision) const {
  MutexLock lock(&mutex_);
  return HashAtLocked(revision);
}

std::optional<storage::Revision> WatchHub::ResumeFrom(storage::Revision revision,
                                                      std::uint64_t set_hash) const {
  MutexLock lock(&mutex_);
  if (revision > progress_) return std::nullopt;
  if (HashAtLocked(revision) == set_hash) return revision;
  // Older than what is held, as after a restart of the controller, but nothing has changed since.
  if (set_hash == set_hash_) return head_;
  return std::nullopt;
}

std::shared_ptr<const Delivery> WatchHub::Read(storage::Revision cursor) {
  MutexLock lock(&mutex_);
  if (cursor < oldest_ || cursor > progress_) return SnapshotLocked(cursor);
  if (const auto cached = deltas_.find(cursor); cached != deltas_.end()) return cached->second;
  auto delta = std::make_shared<Delivery>();
  delta->revision = std::max(head_, cursor);
  delta->set_hash = set_hash_;
  if (network_revision_ > cursor && network_) delta->frames.push_back(NetworkFrame(*network_));
  AppendChunks(cursor, /*with_removals=*/true, &delta->frames);
  delta->frames.push_back(SyncedFrame(delta->revision, set_hash_, settling_));
  if (deltas_.size() < kCachedDeltas) deltas_[cursor] = delta;
  return delta;
}

std::shared_ptr<const Delivery> WatchHub::Snapshot(storage::Revision cursor) {
  MutexLock lock(&mutex_);
  return SnapshotLocked(cursor);
}

// Always of the head: a node takes a snapshot for the whole and removes what it lacks, so an older
// one would cost it, until the delta came, every peer that is newer.
std::shared_ptr<const Delivery> WatchHub::SnapshotLocked(storage::Revision cursor) {
  const storage::Revision revision = std::max(head_, std::min(cursor, progress_));
  if (snapshot_ != nullptr && snapshot_->revision == revision) return snapshot_;
  if (body_ == nullptr || !CanExtend(body_->revision)) {
    body_ = std::make_shared<SnapshotBody>();
    body_->revision = head_;
    AppendChunks(0, /*with_removals=*/false, &body_->chunks);
  }
  auto snapshot = std::make_shared<Delivery>();
  snapshot->snapshot = true;
  snapshot->revision = revision;
  snapshot->set_hash = set_hash_;
  snapshot->frames.push_back(SnapshotBeginFrame(revision));
  snapshot->frames.insert(snapshot->frames.end(), body_->chunks.begin(), body_->chunks.end());
  AppendChunks(body_->revision, /*with_removals=*/false, &snapshot->frames);
  snapshot->frames.push_back(SyncedFrame(revision, set_hash_, settling_));
  snapshot_ = snapshot;
  return snapshot_;
}

// Whether what was put after `revision` is little beside the whole, so that the chunks made then
// and those few puts cost less than making all anew. A snapshot has no removals: one ends it.
bool WatchHub::CanExtend(storage::Revision revision) const {
  if (revision < oldest_) return false;
  std::size_t left = 16 + entries_.size() / 8;
  for (auto it = entries_.upper_bound({revision, kLastOrder}); it != entries_.end(); ++it) {
    if (left-- == 0 || it->second.removed) return false;
  }
  return true;
}

void WatchHub::AppendChunks(storage::Revision cursor, bool with_removals,
                            std::vector<Frame>* frames) const {
  std::string chunk;
  const auto flush = [&] {
    if (!chunk.empty()) frames->push_back(ChunkFrame(chunk));
    chunk.clear();
  };
  for (auto it = entries_.upper_bound({cursor, kLastOrder}); it != entries_.end(); ++it) {
    const Entry& entry = it->second;
    if (entry.removed && !with_removals) continue;
    if (chunk.size() + entry.bytes.size() > options_.chunk_bytes) flush();
    chunk += entry.bytes;
  }
  flush();
}

std::optional<std::vector<AnnouncedChange>> WatchHub::ChangesAfter(storage::Revision cursor) const {
  MutexLock lock(&mutex_);
  if (cursor < oldest_) return std::nullopt;
  std::vector<AnnouncedChange> changes;
  for (auto it = entries_.upper_bound({cursor, kLastOrder}); it != entries_.end(); ++it) {
    const Entry& entry = it->second;
    changes.push_back({it->first.first, entry.node_id, entry.removed, entry.bytes});
  }
  return changes;
}

bool WatchHub::IsAnnounced(absl::string_view node_id) const {
  MutexLock lock(&mutex_);
  const auto place = places_.find(node_id);
  return place != places_.end() && !entries_.at(place->second).removed;
}

std::vector<std::string> WatchHub::NodeIds() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> ids;
  ids.reserve(places_.size());
  for (const auto& [place, entry] : entries_) {
    if (!entry.removed) ids.push_back(entry.node_id);
  }
  return ids;
}

}  // namespace heddle::controller
