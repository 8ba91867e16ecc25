// The peers as the controller tells them, complete or not: the rules that keep a broken transfer
// from ever taking a peer away. Pure.
//
// A transfer is either a snapshot (SnapshotBegin, Chunks, Synced) or a delta (Chunks, Synced). It
// is gathered aside and takes effect at its Synced, if the set hash that it promises comes out;
// until then, and when the stream breaks, the table is as it was. Three kinds of removal are held
// back: one that a snapshot makes of more than a given part of a large set, any that a snapshot
// without a single peer makes, and any that the first snapshots of another history make. Held peers
// stay in the table, without being part of the controller's set, until an administrator accepts,
// the controller names them again, or a later snapshot compares well.
//
// While the controller says that its restored store is settling, a snapshot removes nobody. Who is
// missing is kept in the same way, and goes when the controller says that the time is over, unless
// that would then be too large a removal.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/peer.h"
#include "node/update.h"

namespace heddle::node {

// More than any cluster has; bounds what a controller gone mad can make a node hold: peers, the
// held ones included, and what the peers of one transfer say for the extension backend.
inline constexpr std::size_t kMaxPeers = 1 << 20;
inline constexpr std::size_t kMaxTransferTextBytes = 256 << 20;

struct RemovalGuard {
  double fraction = 0.5;      // a snapshot that removes more than this part is held; 1: never
  std::size_t min_peers = 8;  // of a set at least this large
};

// One peer's before and after, as far as the kernel is concerned.
struct PeerDifference {
  std::optional<Peer> before, after;
};

class PeerTable {
 public:
  using Peers = absl::btree_map<std::string, Peer>;

  explicit PeerTable(RemovalGuard guard) : guard_(guard) {}

  // Starts from what an earlier run had: the peers are used, nothing is held to be complete.
  // `position` may be empty: then the next stream must bring a snapshot.
  void Restore(Position position, Peers peers);

  // A stream to a controller of this history begins. What an earlier stream left half-sent is gone.
  void Attach(const std::string& history);

  // The following refuse what breaks the protocol or does not add up (DataLoss) and what is older
  // than what is known of the same history (Unavailable: a controller that lags behind; another may
  // not). Peers, position and hash are unchanged then, and the stream must be dropped; after
  // DataLoss a snapshot is needed.
  absl::Status Begin(const SnapshotBegin& begin);
  absl::Status Add(Chunk chunk);
  absl::StatusOr<std::vector<PeerDifference>> Complete(const Synced& synced);
  // The end of settling lets go of peers.
  absl::StatusOr<std::vector<PeerDifference>> Check(const Heartbeat& heartbeat);

  // Lets go of the held peers.
  std::vector<PeerDifference> Accept();

  // All peers that the kernel is to serve: the controller's set and the held ones. Holds this node
  // itself, too, as the controller sends it.
  const Peers& peers() const { return peers_; }
  // Where the controller's set stands. Empty before anything was complete.
  const Position& position() const { return position_; }
  // What is here is not to be built upon: only a snapshot helps, of this position or a later one.
  bool need_snapshot() const { return distrusted_; }
  std::uint64_t set_hash() const { return set_hash_; }
  std::size_t held() const { return held_.size(); }
  // The held peers are kept for as long as the store settles: nobody has to accept anything.
  bool settling() const { return settling_; }
  bool IsHeld(const std::string& node_id) const { return held_.contains(node_id); }
  // Whether a transfer was completed since the start of this process: before that nothing may be
  // removed from the kernel.
  bool complete() const { return complete_; }

 private:
  using Pending = absl::btree_map<std::string, std::optional<Peer>>;
  using Differences = std::vector<PeerDifference>;

  absl::Status CheckNotOlder(const std::string& what, std::uint64_t revision) const;
  absl::Status Distrust(const std::string& reason);
  absl::Status CheckSnapshot(std::uint64_t set_hash) const;
  absl::Status CheckDelta(std::uint64_t set_hash) const;
  absl::Status CheckDisjoint(bool whole) const;
  absl::Status CheckSize() const;
  bool MustHold(std::size_t removed) const;
  void HoldOrRemoveMissing(Differences* differences);
  void EndSettling(Differences* differences);
  bool TooMany(std::size_t removed) const;
  void ReleaseOverlapped(Differences* differences);
  void ApplyPending(Differences* differences);
  void Put(const Peer& peer, Differences* differences);
  void Remove(const std::string& node_id, Differences* differences);
  void DropSubnets(const Peer& peer);
  void ForgetTransfer();

  const RemovalGuard guard_;
  Peers peers_;
  absl::btree_map<Prefix, std::string> owners_;  // subnet -> node id, for all of peers_; disjoint
  absl::btree_set<std::string> held_;            // ids in peers_ that the controller did not tell
  std::uint64_t set_hash_ = 0;                   // of peers_ without held_
  Position position_;
  bool complete_ = false;
  // Peers are missing that another history (an emptied or restored store, or another cluster's)
  // had. They may only be late to come back, so all of them are held.
  bool other_history_ = false;
  bool settling_ = false;    // held_ is of a snapshot that came while the store settled
  bool distrusted_ = false;  // what is here and what the controller has differ somewhere

  std::string stream_history_;
  bool continued_ = false;    // the stream goes on from position_, or a snapshot has come on it
  bool in_snapshot_ = false;  // between SnapshotBegin and its Synced
  std::uint64_t snapshot_revision_ = 0;
  Pending pending_;
  std::size_t pending_text_bytes_ = 0;
  std::uint64_t suspect_revision_ = 0;  // where we stood when a later heartbeat did not match
};

}  // namespace heddle::node
