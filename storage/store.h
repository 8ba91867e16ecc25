// The controller's truth: guarded transactions, an ordered feed of what was committed, and fenced
// leadership. RocksDB alone (storage/rocksdb), etcd for several controllers (storage/etcd) and
// memory for tests (storage/memory) stand behind it; storage/conformance.h is the suite that each
// must pass.
//
// Contract. Commits are linearizable and atomic. One transaction is one batch in the feed, and no
// change is skipped there; revisions only rise, and not always by one: what an engine keeps for
// itself has revisions, too. A replica that was away too long gets what it missed as one batch. A
// transaction that changes nothing (no writes, or only deletes of absent keys) applies without a
// revision of its own and makes no batch. A transaction with a fence applies only while that fence
// is the newest. A subscriber's callbacks come from one engine thread at a time. Whatever position
// an engine answers, the feed has reached it by then: a batch is delivered before the Commit that
// made it is answered. Limits are those of the smallest engine and enforced by all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::storage {

using Revision = std::uint64_t;  // total order of committed transactions; 0 = before the first

// A point in one continuous history. A restore or re-initialisation starts a new history id, so a
// revision is never compared across histories.
struct Position {
  std::string history;
  Revision revision = 0;
};

// What a continuous history is, and how it began.
struct History {
  std::string id;
  absl::Time began = absl::UnixEpoch();
  // It began with a copy of an older state: nodes may hold what the store does not know.
  bool restored = false;
};

struct Record {
  std::string key, value;
  Revision created = 0, modified = 0;
};

// Proof of leadership. Callers only carry it; the engine checks it inside the commit.
class Fence {
 public:
  Fence(std::uint64_t term, std::string token) : term_(term), token_(std::move(token)) {}
  std::uint64_t term() const { return term_; }  // grows with every leadership
  const std::string& token() const { return token_; }

 private:
  std::uint64_t term_;
  std::string token_;
};

struct Guard {
  enum class Kind { kAbsent, kCreatedAt, kModifiedAt, kPrefixEmpty };
  Kind kind = Kind::kAbsent;
  std::string key;  // of kPrefixEmpty: the prefix
  Revision at = 0;  // of kCreatedAt and kModifiedAt; an absent key counts as 0
};

struct Write {
  enum class Kind { kPut, kDelete };
  Kind kind = Kind::kPut;
  std::string key, value;
};

struct Transaction {
  std::optional<Fence> fence;  // absent only for tools and tests
  std::vector<Guard> guards;
  std::vector<Write> writes;  // distinct keys
};

struct Outcome {
  enum class Kind { kApplied, kGuardFailed, kFenced };
  Kind kind = Kind::kApplied;
  Position position;  // of the commit, or of the refusing read
  // When a guard failed: the record of each guarded key that exists, and for kPrefixEmpty the first
  // record under the prefix.
  std::vector<Record> current;
};

struct Page {
  std::vector<Record> records;
  Position position;        // every page of one listing has the same position
  std::string next_cursor;  // empty at the end
};

// A put carries the whole record. A delete carries the key, `created` of the record that went, and
// `modified` of the transaction that deleted it.
struct Change {
  Record record;
  bool deleted = false;
};

class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  // All changes of one transaction under the prefix; not called for a transaction without any. No
  // callback may call the store, block, or destroy its own subscription.
  virtual void OnBatch(Revision revision, std::vector<Change> changes) = 0;
  // Everything up to `revision` has been delivered: for revisions with nothing under the prefix.
  // An engine may leave some out; it never says one twice or after a greater one.
  virtual void OnProgress(Revision revision) = 0;
  virtual void OnCompacted(Revision oldest_available) = 0;  // terminal: list again, then resume
  virtual void OnEnd(absl::Status why) = 0;                 // terminal: resume from last revision
};

class Subscription {  // destroying it ends delivery before the destructor returns
 public:
  virtual ~Subscription() = default;
};

// A controller that stands for leadership.
struct Member {
  std::string id;       // unique among the members
  std::string address;  // host:port at which the other members reach it
  std::string version;  // of its software

  friend bool operator==(const Member& a, const Member& b) {
    return a.id == b.id && a.address == b.address && a.version == b.version;
  }
};

class LeadershipListener {  // called from an engine thread; must not block or call the store
 public:
  virtual ~LeadershipListener() = default;
  // The feed has delivered all that was committed before this leadership began.
  virtual void OnElected(Fence fence) = 0;
  virtual void OnDeposed() = 0;
  // Who leads now, oneself included; nothing when nobody does, or it is not known. Comes before
  // OnElected and after OnDeposed.
  virtual void OnLeader(std::optional<Member> leader) = 0;
};

class Candidacy {  // destroying it resigns, and takes the member off the list
 public:
  virtual ~Candidacy() = default;
  // Gives the lead to another member at once and goes on standing. FailedPrecondition: it does not
  // lead, or there is no other member.
  virtual absl::Status StepDown() = 0;
  // By the clock, at this moment: OnDeposed may come late to a process that was paused. As long as
  // it is true, the feed has delivered all that was committed under a fence. Does not block.
  virtual bool Leads() const = 0;
};

struct Limits {
  std::size_t max_writes = 64;
  std::size_t max_guards = 64;
  std::size_t max_transaction_bytes = 1u << 20;
};

struct Health {
  std::string engine, detail;
  bool writable = false;
  Position position;  // that the feed has reached
  History history;
  std::uint64_t bytes = 0;
  std::vector<std::string> alarms;
  std::vector<Member> members;  // that stand for leadership, by id
  std::optional<Member> leader;
  // Since when the shared store has not been heard of; what is read locally is as old as that.
  std::optional<absl::Time> unreachable_since;
};

// Thread-safe.
class Store {
 public:
  using CommitDone = std::function<void(absl::StatusOr<Outcome>)>;
  virtual ~Store() = default;

  // `done` is called once, from an engine thread (or before Commit returns). InvalidArgument: over
  // a limit, an empty key, or a key twice. Unknown: perhaps applied; read the keys back, or wait
  // for the feed, before trying again. Any other error: surely not applied; of these Unavailable
  // passes by itself, DataLoss (a record could not be read) does not.
  virtual void Commit(Transaction transaction, CommitDone done) = 0;

  // kLocal may lag but never goes back in one process; kLinearizable sees every commit acknowledged
  // before the call.
  enum class Consistency { kLinearizable, kLocal };
  virtual absl::StatusOr<std::optional<Record>> Get(absl::string_view key, Consistency c) = 0;
  // Records under `prefix` in key order from `cursor` ("" = the start), at most `limit` (an engine
  // may return fewer; only an empty next_cursor is the end). FailedPrecondition: the cursor's
  // position is no longer held; start again. InvalidArgument: a limit of 0, or a cursor that no
  // listing of this prefix gave.
  virtual absl::StatusOr<Page> List(absl::string_view prefix, absl::string_view cursor,
                                    std::size_t limit, Consistency c) = 0;

  // The position of every commit that was acknowledged before the call; when `done` is called the
  // feed has reached it. For a reader who must know that it is not behind. Unavailable: the store
  // cannot be asked now. `done` as for Commit.
  using PositionDone = std::function<void(absl::StatusOr<Position>)>;
  virtual void ReadPosition(PositionDone done) = 0;

  // Delivers what was committed after `after` under `prefix`, then what follows. A position of
  // another history, or one in the future, is FailedPrecondition. `sink` must outlive the
  // subscription.
  virtual absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix,
                                                                  Position after,
                                                                  ChangeSink* sink) = 0;
  // Stands for leadership; `listener` must outlive the candidacy. AlreadyExists: an engine for one
  // process has a candidate already.
  virtual absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                              LeadershipListener* listener) = 0;

  // Begins a new history with the records as they are, of which nodes may hold newer ones (see
  // History::restored). Every subscription, of every replica, ends; every listing and every fence
  // of before is old; who leads is elected anew. Blocks. Unknown: perhaps done.
  virtual absl::Status StartNewHistory() = 0;

  // The feed before `keep_from` is no longer needed. Advisory, and done in order with commits.
  virtual absl::Status TrimHistory(Revision keep_from) = 0;
  virtual Health Describe() = 0;
};

}  // namespace heddle::storage
