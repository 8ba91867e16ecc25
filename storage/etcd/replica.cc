#include "storage/etcd/replica.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace heddle::storage {
namespace {

// On an etcd of our own every revision comes by the watch. Where others write, too, theirs do not,
// and one of ours is needed to know that all before it has come: wanted after so long.
constexpr absl::Duration kLookEvery = absl::Milliseconds(20);

}  // namespace

Replica::Replica(std::unique_ptr<LocalCopy> copy, absl::Duration patience, EngineThread* thread)
    : copy_(std::move(copy)), patience_(patience), thread_(thread) {
  ForgetTaken();
  Note();
}

Replica::Reached Replica::reached() const {
  MutexLock lock(&mutex_);
  return reached_;
}

void Replica::Note() {
  MutexLock lock(&mutex_);
  reached_.position = {copy_->history().id, copy_->revision()};
  reached_.history = copy_->history();
  reached_.heard = copy_->origin().heard;
}

absl::StatusOr<std::unique_ptr<Subscription>> Replica::Subscribe(absl::string_view prefix,
                                                                 const Position& after,
                                                                 ChangeSink* sink) {
  // The database, not reached_: a listing may have seen what is not delivered yet.
  const auto check = [&](const Database& database) -> absl::Status {
    HEDDLE_ASSIGN_OR_RETURN(const Meta meta, database.ReadMeta());
    return CheckPosition(after, meta.position());
  };
  HEDDLE_RETURN_IF_ERROR(database().With(check));
  std::unique_ptr<Subscription> subscription = feed_.Add(std::string(prefix), after.revision, sink);
  // A history that ended in between has not ended this one.
  HEDDLE_RETURN_IF_ERROR(database().With(check));
  thread_->Post([this] {
    if (is_open_) feed_.Publish({}, copy_->revision(), copy_->log());
  });
  return subscription;
}

void Replica::Heard(std::uint64_t cluster_id, std::uint64_t raft_term) {
  copy_->Heard({cluster_id, raft_term, absl::Now()});
  MutexLock lock(&mutex_);
  reached_.heard = copy_->origin().heard;
}

bool Replica::Check(const absl::Status& status) {
  if (status.ok()) return true;
  is_open_ = false;
  ForgetTaken();
  waiters_.FailAll(
      absl::UnavailableError(absl::StrCat("the local copy cannot be written: ", status.message())));
  hooks_.broken(status);
  return false;
}

void Replica::Advance(Batch batch) {
  if (!is_open_ || batch.revision <= taken_revision_) return;
  Take(std::move(batch));
  AdvanceOwn();
}

void Replica::AddOwn(Batch batch) {
  if (!is_open_ || batch.revision <= taken_revision_) return;
  own_.emplace(batch.revision, std::move(batch));
  AdvanceOwn();
}

void Replica::AdvanceOwn() {
  while (!own_.empty() && own_.begin()->first <= taken_revision_ + 1) {
    Batch batch = std::move(own_.begin()->second);
    own_.erase(own_.begin());
    if (batch.revision > taken_revision_) Take(std::move(batch));
  }
}

void Replica::Take(Batch batch) {
  taken_revision_ = batch.revision;
  taken_.push_back(std::move(batch));
  if (std::exchange(delivery_is_due_, true)) return;
  // Behind what waits for the thread by now.
  thread_->Post([this] {
    delivery_is_due_ = false;
    Deliver();
  });
}

void Replica::Deliver() {
  if (taken_.empty()) return;
  copy_->Heard({origin().cluster_id, origin().raft_term, absl::Now()});
  const absl::StatusOr<std::vector<Batch>> fresh = copy_->Apply(std::exchange(taken_, {}));
  if (!Check(fresh.status())) return;
  Note();
  feed_.Publish(*fresh, copy_->revision(), copy_->log());
  waiters_.Reached(copy_->revision());
}

void Replica::ForgetTaken() {
  own_.clear();
  taken_.clear();
  taken_revision_ = copy_->revision();
}

void Replica::Await(Revision revision, RevisionWaiters::Done done) {
  if (!is_open_) return done(absl::UnavailableError("the local copy is not open"));
  if (revision <= copy_->revision()) return done(absl::OkStatus());
  waiters_.Add(revision, absl::Now(), std::move(done));
  if (std::exchange(look_is_due_, true)) return;
  thread_->After(kLookEvery, [this] { LookAtWaiters(); });
}

void Replica::LookAtWaiters() {
  look_is_due_ = false;
  const absl::Time now = absl::Now();
  const bool is_late = waiters_.FailOverdue(now - patience_, [this](Revision revision) {
    return absl::UnavailableError(absl::StrCat("etcd's watch did not bring revision ", revision,
                                               " in ", absl::FormatDuration(patience_)));
  });
  if (is_late) hooks_.silent();
  if (waiters_.NoteOverdue(now - kLookEvery)) hooks_.wanted();
  if (waiters_.empty() || std::exchange(look_is_due_, true)) return;
  thread_->After(kLookEvery, [this] { LookAtWaiters(); });
}

void Replica::BeginHistory(const History& history, Revision revision) {
  Deliver();
  if (!is_open_ || !Check(copy_->BeginHistory(history, revision))) return;
  EndHistory();
}

void Replica::Replace(const History& history, std::vector<Record> listing, Revision revision) {
  Deliver();
  if (!is_open_ || !Check(copy_->Replace(history, std::move(listing), revision))) return;
  EndHistory();
}

void Replica::EndHistory() {
  Note();
  ForgetTaken();
  feed_.EndAll(absl::FailedPreconditionError("the store has begun a new history; list again"));
  waiters_.Reached(copy_->revision());
  waiters_.FailAll(absl::UnavailableError("the store has begun a new history"));
}

void Replica::Trim(Revision keep_from) {
  Deliver();
  if (!is_open_) return;
  // A subscriber that waits for its first batches is served from the log as it was.
  feed_.Publish({}, copy_->revision(), copy_->log());
  Check(copy_->Trim(keep_from));
}

absl::Status Replica::Reopen() {
  HEDDLE_RETURN_IF_ERROR(copy_->Reopen());
  is_open_ = true;
  ForgetTaken();
  Note();
  return absl::OkStatus();
}

void Replica::End() {
  Deliver();
  is_open_ = false;  // the answers of transactions still come, and must not wait
  waiters_.FailAll(absl::UnavailableError("the store was closed"));
  feed_.EndAll(absl::UnavailableError("the store was closed"));
}

}  // namespace heddle::storage
