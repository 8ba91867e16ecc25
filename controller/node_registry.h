// The nodes that are attached, and what each last said: applied revision, problems, held removals.
//
// Also the rule of one stream per node id. A second process with the same id is refused while the
// first is live; a stream that has gone quiet, or an earlier stream of the same process, gives way.
// What a node said last is kept after it detached, so that laggards can be named, until Forget.
//
// Every controller has its own nodes here, and gives their changes out for the leader; the leader's
// has those of the others, too, and the rule holds across controllers: of two streams of one
// process the one that was attached later stays, wherever news of it comes from first.
//
// Thread-safe. Time is an argument.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/probe.h"
#include "base/mutex.h"
#include "controller/lease_book.h"
#include "storage/store.h"

namespace heddle::controller {

// An attached node's stream, from outside. Thread-safe; each call returns at once. Not to be called
// while holding a lock that the stream's own calls to the registry would need.
class LiveStream {
 public:
  virtual ~LiveStream() = default;
  // Ends the stream with `why`; the node sees it.
  virtual void Close(absl::Status why) = 0;
  // Tells the node that an administrator accepts the removals it holds back.
  virtual void SendAcceptRemovals() = 0;
  // Asks the node to probe its peers; only for nodes that can.
  virtual void SendProbeRequest(const ProbeRequest& request) = 0;
  // The node's own announced entry changed (absent: its lease ended).
  virtual void OnOwnChange(const PeerChange& change) = 0;
};

struct NodeReport {
  storage::Revision applied_revision = 0;
  std::uint64_t peers = 0;
  std::uint64_t held_removals = 0;
  std::vector<std::string> problems;
  Reachability reachability;
};

struct NodeInfo {
  std::string node_id;
  bool attached = false;
  std::string controller_id;  // that it is, or was last, attached to; "": this one
  std::string instance_id, remote_address, software_version;
  bool can_probe = false;
  NodeReport report;
  absl::Time attached_at, last_heard;
};

class NodeRegistry {
 public:
  // A stream that has said nothing for `live_for` counts as dead.
  explicit NodeRegistry(absl::Duration live_for) : live_for_(live_for) {}

  struct Newcomer {
    std::string node_id, instance_id, remote_address, software_version;
    std::weak_ptr<LiveStream> stream;
    bool can_probe = false;
  };
  struct Attached {
    std::uint64_t attachment = 0;           // names this attachment in the calls below
    std::shared_ptr<LiveStream> displaced;  // to be closed by the caller; null: none
  };
  // AlreadyExists: another process with that id is live; names it and says what to do.
  absl::StatusOr<Attached> Attach(Newcomer newcomer, absl::Time now);
  // These do nothing when a later attachment has taken the node's place.
  void Heard(absl::string_view node_id, std::uint64_t attachment, absl::Time now);
  void Report(absl::string_view node_id, std::uint64_t attachment, NodeReport report,
              absl::Time now);
  void Detach(absl::string_view node_id, std::uint64_t attachment);
  // Drops what a detached node said.
  void Forget(absl::string_view node_id);

  // ---- Nodes of other controllers: at the leader ----
  struct Remote {
    NodeInfo info;  // its controller_id is not ""; times as of this controller's clock
    std::uint64_t attachment = 0;  // as that controller counts
    std::weak_ptr<LiveStream> stream;
  };
  // News of a node that is attached to another controller; the first, or a later one. Answers what
  // it displaced here, to be closed by the caller; null: nothing. An error is why its stream there
  // is to be ended: AlreadyExists as by Attach; Aborted when a later stream of that process is
  // attached elsewhere.
  absl::StatusOr<std::shared_ptr<LiveStream>> AttachRemote(Remote remote, absl::Time now);
  // That controller says that the node is no longer attached to it. False: it was elsewhere.
  bool DetachRemote(absl::string_view controller_id, absl::string_view node_id);
  // All of its nodes: it is not heard of any more. Answers their ids.
  std::vector<std::string> DetachAllOf(absl::string_view controller_id);

  // ---- This controller's own nodes: for the leader, elsewhere ----
  struct Local {
    NodeInfo info;
    std::uint64_t attachment = 0;
  };
  struct LocalChanges {
    std::uint64_t cursor = 0;  // to go on from
    std::vector<Local> attached;
    std::vector<std::string> detached_node_ids;
  };
  // What attached, reported or detached after `cursor`; with 0 all that are attached. Nothing when
  // what has changed since is not known any more: begin again with 0.
  std::optional<LocalChanges> LocalChangesAfter(std::uint64_t cursor) const;
  // Called after each such change, without a lock. Before the first node attaches.
  void OnLocalChange(std::function<void()> changed) { on_local_change_ = std::move(changed); }

  // Ids of the attached nodes: those whose leases the writer renews.
  absl::flat_hash_set<std::string> Alive() const;
  std::size_t attached_count() const;
  // By node id.
  std::vector<NodeInfo> List() const;
  std::shared_ptr<LiveStream> FindStream(absl::string_view node_id) const;
  // Only while `attachment` is the present one.
  std::shared_ptr<LiveStream> FindStream(absl::string_view node_id, std::uint64_t attachment) const;
  // Nodes of `node_ids` that have not applied `revision`, by id.
  std::vector<NodeInfo> Laggards(const std::vector<std::string>& node_ids,
                                 storage::Revision revision) const;
  // Grows with each report and each attachment's end; to see cheaply whether anything moved.
  std::uint64_t reports() const;

 private:
  struct Entry {
    NodeInfo info;
    std::uint64_t attachment = 0;
    std::weak_ptr<LiveStream> stream;
    std::uint64_t change = 0;  // the last of a node of this controller's own
  };
  Entry* FindLocked(absl::string_view node_id, std::uint64_t attachment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ChangedLocked(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DetachLocked(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellLocalChange() const;

  const absl::Duration live_for_;
  std::function<void()> on_local_change_;
  mutable Mutex mutex_;
  absl::btree_map<std::string, Entry> nodes_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_attachment_ ABSL_GUARDED_BY(mutex_) = 1;
  std::uint64_t reports_ ABSL_GUARDED_BY(mutex_) = 0;
  std::size_t attached_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t local_changes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Nodes of its own that were forgotten, with their last change; the oldest go.
  struct Forgotten {
    std::uint64_t change = 0;
    std::string node_id;
  };
  std::deque<Forgotten> forgotten_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t forgotten_gone_ ABSL_GUARDED_BY(mutex_) = 0;  // changes up to this one
};

}  // namespace heddle::controller
