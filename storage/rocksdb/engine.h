// The engine thread: it alone writes to the database, delivers the feed and elects the candidate.
//
// Commit, Subscribe, Campaign, Trim and health may be called from any thread.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mailbox.h"
#include "base/mutex.h"
#include "storage/candidate.h"
#include "storage/feed.h"
#include "storage/rocksdb/acknowledged_mark.h"
#include "storage/rocksdb/commit_group.h"
#include "storage/rocksdb/database_slot.h"
#include "storage/rocksdb/directory.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/store.h"

namespace heddle::storage {

class Engine {
 public:
  struct WriteHealth {
    bool writable = true;
    std::string alarm;  // why not, and what to do
    Position position;  // newest acknowledged
    History history;    // of `position`
  };

  Engine(RocksdbOptions options, OpenedDirectory opened, std::unique_ptr<AcknowledgedMark> mark);
  // Commits what was accepted, then ends every subscription.
  ~Engine();

  void Commit(Transaction transaction, Store::CommitDone done);
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix,
                                                          const Position& after, ChangeSink* sink);
  absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                      LeadershipListener* listener);
  std::optional<Member> candidate();
  absl::Status Trim(Revision keep_from);
  // See Store::StartNewHistory.
  absl::Status StartNewHistory();

  DatabaseSlot& database() { return slot_; }
  WriteHealth write_health();

 private:
  struct Commitment {
    Transaction transaction;
    Store::CommitDone done;
  };
  struct Trimming {
    Revision keep_from = 0;
  };
  struct Beginning {  // of a new history
    std::function<void(const absl::Status&)> done;
  };
  struct Wake {};
  using Work = std::variant<Commitment, Trimming, Beginning, Wake>;

  void Run();
  void CommitAll(std::deque<Commitment> waiting);
  void CommitNextGroup(std::deque<Commitment>* waiting);
  void ElectWaiting();
  void Trim();
  void KeepWithinHistoryLimit();
  absl::Status BeginHistory();
  void LeaveFormerHistory();

  void StopWriting(const absl::Status& why);
  void ReopenIfDue();
  void AdoptReopened(OpenedDirectory opened);
  void Refuse(const std::deque<Commitment>& waiting);
  void PublishNew(const std::vector<Batch>& fresh);
  void NoteOnMark();
  void SetHealth(bool writable, std::string alarm);

  const RocksdbOptions options_;
  DatabaseSlot slot_;
  Feed feed_;
  Mailbox<Work> mailbox_;

  // Of the engine thread.
  const std::unique_ptr<AcknowledgedMark> mark_;
  Position position_;  // newest durable
  History history_;    // its id is that of position_
  std::uint64_t term_;
  std::optional<Fence> fence_;
  Revision keep_from_ = 0;  // asked for and not done yet
  bool writable_ = true;
  bool mark_failed_ = false;
  std::chrono::steady_clock::time_point next_reopen_;

  Mutex mutex_;
  WriteHealth health_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Candidate> candidate_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace heddle::storage
