// What this replica has reached: the copy, the feed of its subscribers, and those who wait for a
// revision. Changes come in here, from the watch or from our own transactions, and are in the copy
// and delivered when the call returns.
//
// Of the engine thread, except where it says so.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "storage/etcd/engine_thread.h"
#include "storage/etcd/local_copy.h"
#include "storage/etcd/waiters.h"
#include "storage/feed.h"
#include "storage/store.h"

namespace heddle::storage {

class Replica {
 public:
  Replica(std::unique_ptr<LocalCopy> copy, absl::Duration patience, EngineThread* thread);

  struct Hooks {
    std::function<void()> wanted;  // somebody waits for a revision, and it does not come at once
    std::function<void()> silent;  // it has not come in time
    std::function<void(absl::Status)> broken;  // the copy cannot be written; Reopen is needed
  };
  void set_hooks(Hooks hooks) { hooks_ = std::move(hooks); }

  // ---- Any thread. ----
  // Whether everything up to `revision` has been taken.
  bool HasTaken(Revision revision) const { return revision <= taken_revision_; }
  struct Reached {
    Position position;
    History history;
    absl::Time heard;  // of etcd, last
  };
  Reached reached() const;
  DatabaseSlot& database() { return copy_->database(); }
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix,
                                                          const Position& after, ChangeSink* sink);

  // ---- The engine thread. ----
  bool is_open() const { return is_open_; }
  const History& history() const { return copy_->history(); }
  // The newest that was taken; the feed may still have to come there.
  Revision revision() const { return taken_revision_; }
  const LocalCopy::Origin& origin() const { return copy_->origin(); }
  const LocalCopy& copy() {
    Deliver();
    return *copy_;
  }

  void Heard(std::uint64_t cluster_id, std::uint64_t raft_term);
  // The next batch, perhaps of nothing, above `revision()`: nothing has changed in between. What
  // the thread takes in one go is written to the copy, and delivered, together: soon after, or with
  // Deliver now.
  void Advance(Batch batch);
  void Deliver();
  // A transaction of ours, as its answer has it: taken at once when its turn has come, else left
  // to the watch.
  void AddOwn(Batch batch);
  // Calls `done` once the feed has reached `revision`; Unavailable when it does not in time, or
  // another history begins before.
  void Await(Revision revision, RevisionWaiters::Done done);
  // As LocalCopy's; every subscription ends.
  void BeginHistory(const History& history, Revision revision);
  void Replace(const History& history, std::vector<Record> listing, Revision revision);
  void Trim(Revision keep_from);
  absl::Status Reopen();
  void End();  // nothing is awaited or delivered any more

 private:
  // False, after telling hooks_.broken, when it is an error.
  bool Check(const absl::Status& status);
  void AdvanceOwn();
  void Take(Batch batch);
  void ForgetTaken();
  void LookAtWaiters();
  void Note();
  void EndHistory();

  const std::unique_ptr<LocalCopy> copy_;
  const absl::Duration patience_;
  EngineThread* const thread_;
  Hooks hooks_;
  Feed feed_;
  RevisionWaiters waiters_;
  std::map<Revision, Batch> own_;  // those whose turn has not come
  std::vector<Batch> taken_;       // and are to be delivered
  std::atomic<Revision> taken_revision_{0};
  bool delivery_is_due_ = false;  // posted
  bool look_is_due_ = false;
  bool is_open_ = true;

  mutable Mutex mutex_;
  Reached reached_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::storage
