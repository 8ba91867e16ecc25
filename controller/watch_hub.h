// What nodes are told, ready to be sent: every announced peer serialised once, indexed by the
// revision of its last change.
//
// A stream is a cursor: "I have everything up to revision r". What it still needs is every entry
// above r, so a later change to a peer replaces an earlier one that was not sent yet, and a slow
// stream costs nothing but what it has not read. Removals are kept as tombstones, up to a bound; a
// cursor older than the oldest one kept gets a snapshot instead. Readers at the same cursor share
// one set of frames, and newcomers share a snapshot's bytes.
//
// Only announced changes move the head: a renewal commits a revision that no node hears of. The
// progress is how far the feed came, such revisions included. A node that was served by another
// replica may stand anywhere up to the progress: from the head on it holds the head's set. What it
// is sent then is labelled with its own revision, so that no node is ever led back.
//
// Pacing: what is published becomes visible to streams at a release. In a quiet system that is at
// once; in a busy one releases keep a distance that grows with the number of streams, 5 to 500 ms,
// so that many changes go out as one delta.
//
// Thread-safe: one thread publishes (the writer), many read. Time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "api/peer.h"
#include "base/mutex.h"
#include "controller/frames.h"
#include "controller/lease_book.h"
#include "storage/store.h"

namespace heddle::controller {

// Frames to send in order; they end with Synced(revision, set_hash). Immutable and shared.
struct Delivery {
  bool snapshot = false;
  storage::Revision revision = 0;
  std::uint64_t set_hash = 0;
  std::vector<Frame> frames;
};

// One announced change, for an administrator's watch.
struct AnnouncedChange {
  storage::Revision revision = 0;
  std::string node_id;
  bool removed = false;
  std::string bytes;  // as PutBytes / RemovedBytes made them
};

class WatchHub {
 public:
  struct Options {
    std::size_t max_tombstones = 10'000;  // also bounds the set hashes kept
    std::size_t chunk_bytes = 256 << 10;
    absl::Duration window_min = absl::Milliseconds(5);
    absl::Duration window_max = absl::Milliseconds(500);
    absl::Duration window_per_stream = absl::Microseconds(250);
  };

  WatchHub() : WatchHub(Options()) {}
  explicit WatchHub(Options options) : options_(options) {}

  // ---- The writer ----
  // The state at the start. Deltas reach back to `position`, not further.
  void Load(const storage::Position& position, const std::vector<Peer>& peers,
            const std::optional<Network>& network);
  // Whether a restored store settles, which every delivery and heartbeat says.
  void set_settling(bool settling);
  // Since when the shared store has not been heard of, which every heartbeat says.
  void set_stale_since(std::optional<absl::Time> stale_since);
  // From now on no stream begins, and none hears anything new: what the store has is torn. `why` is
  // what nodes are told.
  void Freeze(std::string why);
  // What one committed revision changed, if anything; `network` is the present one. Revisions must
  // rise. True when nodes have something to hear. Without changes it says how far the feed came.
  bool Publish(storage::Revision revision, const BookChanges& changes,
               const std::optional<Network>& network, absl::Time now);

  // ---- Pacing ----
  // When Release is due; InfiniteFuture when all is released.
  absl::Time release_at() const;
  // Makes everything published visible if that is due. True when it did.
  bool Release(absl::Time now);
  void set_stream_count(std::size_t streams);

  // ---- Streams ----
  std::string history() const;
  std::optional<Network> network() const;
  bool settling() const;
  std::optional<absl::Time> stale_since() const;
  // FailedPrecondition when frozen.
  absl::Status serving() const;
  storage::Revision head() const;      // newest announced
  storage::Revision progress() const;  // newest known, announced or not; at least the head
  storage::Revision released() const;  // newest that streams should have
  storage::Revision oldest_delta_revision() const;
  std::uint64_t set_hash() const;  // at head
  std::size_t peer_count() const;
  // Whether a node that holds, at `revision` of this history, the set with this hash can go on with
  // deltas; answers the cursor to go on from. Nothing: it needs a snapshot, or it knows more than
  // this hub (`revision` is above the progress).
  std::optional<storage::Revision> ResumeFrom(storage::Revision revision,
                                              std::uint64_t set_hash) const;
  // The hash of the announced set at `revision`, while it is known.
  std::optional<std::uint64_t> HashAt(storage::Revision revision) const;
  // Everything after `cursor` up to the head; a snapshot when deltas do not reach back that far.
  std::shared_ptr<const Delivery> Read(storage::Revision cursor);
  // Everything at the head, for a node that stands at `cursor`, which the progress has reached.
  std::shared_ptr<const Delivery> Snapshot(storage::Revision cursor = 0);

  // ---- Administrators ----
  // Peers changed after `cursor`, in order; nothing when that is older than what is held.
  std::optional<std::vector<AnnouncedChange>> ChangesAfter(storage::Revision cursor) const;
  storage::Revision network_revision() const;  // of its last change
  bool IsAnnounced(absl::string_view node_id) const;
  // Ids of all announced nodes, unordered.
  std::vector<std::string> NodeIds() const;

 private:
  struct Entry {
    std::string node_id;
    std::string bytes;
    std::uint64_t digest = 0;
    bool removed = false;
  };
  // The bulk of the snapshots of several heads: all peers at one revision.
  struct SnapshotBody {
    storage::Revision revision = 0;
    std::vector<Frame> chunks;
  };
  // Revision of the last change, then order of arrival inside it.
  using Place = std::pair<storage::Revision, std::uint64_t>;

  bool Change(storage::Revision revision, const PeerChange& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CanExtend(storage::Revision revision) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<std::uint64_t> HashAtLocked(storage::Revision revision) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<const Delivery> SnapshotLocked(storage::Revision cursor)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AppendChunks(storage::Revision cursor, bool with_removals, std::vector<Frame>* frames) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  std::string history_ ABSL_GUARDED_BY(mutex_);
  storage::Revision head_ ABSL_GUARDED_BY(mutex_) = 0;
  storage::Revision progress_ ABSL_GUARDED_BY(mutex_) = 0;
  storage::Revision released_ ABSL_GUARDED_BY(mutex_) = 0;
  storage::Revision oldest_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t set_hash_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_order_ ABSL_GUARDED_BY(mutex_) = 0;
  bool settling_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Time> stale_since_ ABSL_GUARDED_BY(mutex_);
  std::string frozen_ ABSL_GUARDED_BY(mutex_);  // why; empty: it is not
  absl::btree_map<Place, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Place> places_ ABSL_GUARDED_BY(mutex_);
  std::deque<Place> tombstones_ ABSL_GUARDED_BY(mutex_);  // oldest first; some are gone by now
  std::size_t tombstone_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<storage::Revision, std::uint64_t>> hashes_ ABSL_GUARDED_BY(mutex_);

  std::optional<Network> network_ ABSL_GUARDED_BY(mutex_);
  storage::Revision network_revision_ ABSL_GUARDED_BY(mutex_) = 0;

  absl::Time release_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time last_release_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::size_t streams_ ABSL_GUARDED_BY(mutex_) = 0;

  std::shared_ptr<const Delivery> snapshot_ ABSL_GUARDED_BY(mutex_);  // the last one made
  std::shared_ptr<SnapshotBody> body_ ABSL_GUARDED_BY(mutex_);
  // Deltas to the present head, by cursor.
  absl::flat_hash_map<storage::Revision, std::shared_ptr<const Delivery>> deltas_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
