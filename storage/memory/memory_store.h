// A Store in memory, for tests and for the simulation. It keeps the whole contract of
// storage/store.h, has no thread and no clock of its own, and has knobs for the faults that real
// engines show.
//
// By default everything happens inside the call that causes it: Commit delivers its batch to the
// subscribers and then answers before it returns. Called from a callback, a call queues what it
// causes behind what is being delivered. With HoldDelivery(true) the caller decides when: each
// Step() delivers one event (a batch to all subscribers, an answer, an election), in order.
// Thread-safe; called from several threads, one of them delivers for all, and a call of another may
// return before its own events are delivered.
//
// Several candidates may stand: the first leads, the others follow in order as leaders resign or
// are deposed. Destroy subscriptions and candidacies before the store.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/candidate.h"
#include "storage/feed.h"
#include "storage/open_listings.h"
#include "storage/store.h"

namespace heddle::storage {

struct MemoryOptions {
  std::string history = "memory-history-1";
  std::size_t history_limit = 100'000;  // batches kept for subscribers that come back
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryOptions options = {});
  ~MemoryStore() override;

  void Commit(Transaction transaction, CommitDone done) override;
  absl::StatusOr<std::optional<Record>> Get(absl::string_view key, Consistency c) override;
  absl::StatusOr<Page> List(absl::string_view prefix, absl::string_view cursor, std::size_t limit,
                            Consistency c) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix, Position after,
                                                          ChangeSink* sink) override;
  absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                      LeadershipListener* listener) override;
  void ReadPosition(PositionDone done) override;
  absl::Status StartNewHistory() override;
  absl::Status TrimHistory(Revision keep_from) override;
  Health Describe() override;

  // ---- Fault knobs. A commit that is invalid by itself uses none of them up. ----

  // The next `count` commits are answered Unavailable and not applied.
  void FailNextCommits(int count);
  // The next `count` commits (after those that fail) are answered Unknown; `applied` says which of
  // the two it was.
  void AnswerUnknownNext(int count, bool applied);
  // While held, batches, answers and elections wait for Step. Ending it delivers all that waits.
  void HoldDelivery(bool hold);
  // Delivers the oldest waiting event. False when none waits, or when called from a callback.
  bool Step();
  // Takes leadership from the leader, whose fence is old at once, and gives it to the next
  // candidate, or back with a new fence when there is no other.
  void Depose();
  // The process of the store's user dies: what is committed stays; answers, deliveries,
  // subscriptions, listings and candidacies are gone without a word. Not from a callback.
  void Crash();

 private:
  class Records;
  class Log;
  class MemoryCandidacy;
  using Table = std::map<std::string, Record>;
  using Event = std::function<void()>;
  struct Listing {
    std::shared_ptr<const Table> records;
    Position position;
  };

  absl::StatusOr<Outcome> CommitLocked(const Transaction& transaction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Outcome> Apply(const Transaction& transaction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Keep(Batch batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ElectNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellLeader() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StepDown(const std::shared_ptr<Candidate>& candidate);
  void Resign(const std::shared_ptr<Candidate>& candidate);
  void PublishUpTo(Revision revision, const std::vector<Batch>& fresh);
  bool DeliverOne(bool even_if_held);
  void DeliverAll();

  const MemoryOptions options_;
  Feed feed_;

  Mutex mutex_;
  Position position_ ABSL_GUARDED_BY(mutex_);
  History history_ ABSL_GUARDED_BY(mutex_);  // its id is that of position_
  int histories_ ABSL_GUARDED_BY(mutex_) = 1;
  Table records_ ABSL_GUARDED_BY(mutex_);
  std::deque<Batch> log_ ABSL_GUARDED_BY(mutex_);
  Revision published_ ABSL_GUARDED_BY(mutex_) = 0;
  OpenListings<Listing> listings_ ABSL_GUARDED_BY(mutex_);

  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;

  std::deque<std::shared_ptr<Candidate>> candidates_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Candidate> leader_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t term_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Fence> fence_ ABSL_GUARDED_BY(mutex_);

  int fail_next_ ABSL_GUARDED_BY(mutex_) = 0;
  int unknown_next_ ABSL_GUARDED_BY(mutex_) = 0;
  bool unknown_applied_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heddle::storage
