// What tests of a Store need: waiting commits, short ways to write a transaction, sinks and
// listeners that remember.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace heddle::storage {

inline constexpr std::chrono::seconds kTestPatience(20);

inline Write Put(std::string key, std::string value) {
  return {Write::Kind::kPut, std::move(key), std::move(value)};
}
inline Write Delete(std::string key) { return {Write::Kind::kDelete, std::move(key), ""}; }
inline Guard Absent(std::string key) { return {Guard::Kind::kAbsent, std::move(key), 0}; }
inline Guard CreatedAt(std::string key, Revision at) {
  return {Guard::Kind::kCreatedAt, std::move(key), at};
}
inline Guard ModifiedAt(std::string key, Revision at) {
  return {Guard::Kind::kModifiedAt, std::move(key), at};
}
inline Guard PrefixEmpty(std::string prefix) {
  return {Guard::Kind::kPrefixEmpty, std::move(prefix), 0};
}

// A value that one thread sets and another waits for. Unlike a std::promise it may be destroyed as
// soon as Wait has returned.
template <typename T>
class Awaited {
 public:
  void Set(T value) {
    MutexLock lock(&mutex_);
    value_ = std::move(value);
    set_.notify_all();
  }
  // Nothing when it does not come.
  std::optional<T> Wait() {
    MutexLock lock(&mutex_);
    set_.wait_for(lock.native(), kTestPatience, [&] { return value_.has_value(); });
    return value_;
  }

 private:
  Mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

// Commits and waits for the answer; DeadlineExceeded, which no engine gives, when none comes.
inline absl::StatusOr<Outcome> CommitAndWait(Store& store, Transaction transaction) {
  auto answer = std::make_shared<Awaited<absl::StatusOr<Outcome>>>();
  store.Commit(std::move(transaction),
               [answer](absl::StatusOr<Outcome> outcome) { answer->Set(std::move(outcome)); });
  return answer->Wait().value_or(absl::DeadlineExceededError("the commit was never answered"));
}

class RecordingSink final : public ChangeSink {
 public:
  struct Seen {
    Revision revision;
    std::vector<Change> changes;
  };

  void OnBatch(Revision revision, std::vector<Change> changes) override {
    Note([&] { seen_.push_back({revision, std::move(changes)}); });
  }
  void OnProgress(Revision revision) override {
    Note([&] { progress_ = revision; });
  }
  void OnCompacted(Revision oldest_available) override {
    Note([&] { compacted_ = oldest_available; });
  }
  void OnEnd(absl::Status why) override {
    Note([&] { ended_ = std::move(why); });
  }

  // What has come by now.
  std::vector<Seen> seen() {
    MutexLock lock(&mutex_);
    return seen_;
  }
  std::vector<Revision> revisions() {
    std::vector<Revision> result;
    for (const Seen& seen : seen()) result.push_back(seen.revision);
    return result;
  }

  // Each waits, and says whether it came.
  bool WaitForCount(std::size_t count) {
    return Wait([&] { return seen_.size() >= count; });
  }
  std::optional<Revision> WaitForCompacted() {
    Wait([&] { return compacted_.has_value(); });
    MutexLock lock(&mutex_);
    return compacted_;
  }
  // Whether batches or progress have come so far.
  bool WaitForProgress(Revision revision) {
    return Wait([&] {
      return progress_ >= revision || (!seen_.empty() && seen_.back().revision >= revision);
    });
  }
  bool WaitForEnd() {
    return Wait([&] { return ended_.has_value(); });
  }

 private:
  template <typename Change>
  void Note(const Change& change) {
    MutexLock lock(&mutex_);
    change();
    changed_.notify_all();
  }
  template <typename Condition>
  bool Wait(const Condition& condition) {
    MutexLock lock(&mutex_);
    return changed_.wait_for(lock.native(), kTestPatience, condition);
  }

  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Seen> seen_;
  Revision progress_ = 0;
  std::optional<Revision> compacted_;
  std::optional<absl::Status> ended_;
};

class RecordingListener final : public LeadershipListener {
 public:
  void OnElected(Fence fence) override {
    MutexLock lock(&mutex_);
    fence_ = std::move(fence);
    leader_at_election_ = leader_;
    changed_.notify_all();
  }
  void OnDeposed() override {
    MutexLock lock(&mutex_);
    fence_.reset();
    ++depositions_;
  }
  void OnLeader(std::optional<Member> leader) override {
    MutexLock lock(&mutex_);
    leader_ = std::move(leader);
    changed_.notify_all();
  }

  std::optional<Member> leader() {
    MutexLock lock(&mutex_);
    return leader_;
  }

  std::optional<Member> leader_at_election() {
    MutexLock lock(&mutex_);
    return leader_at_election_;
  }

  std::optional<Fence> fence() {
    MutexLock lock(&mutex_);
    return fence_;
  }
  int depositions() {
    MutexLock lock(&mutex_);
    return depositions_;
  }
  std::optional<Fence> WaitForElection() { return WaitForNextElection(0); }
  // Of a term above `term`.
  std::optional<Fence> WaitForNextElection(std::uint64_t term) {
    MutexLock lock(&mutex_);
    changed_.wait_for(lock.native(), kTestPatience,
                      [&] { return fence_.has_value() && fence_->term() > term; });
    return fence_;
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  std::optional<Fence> fence_;
  std::optional<Member> leader_, leader_at_election_;
  int depositions_ = 0;
};

}  // namespace heddle::storage
