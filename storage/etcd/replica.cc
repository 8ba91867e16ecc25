#include "storage/etcd/replica.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace heddle::storage {

Replica::Replica(std::unique_ptr<LocalCopy> copy, absl::Duration patience, EngineThread* thread)
    : copy_(std::move(copy)), patience_(patience), thread_(thread) {
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
  own_.clear();
  waiters_.FailAll(
      absl::UnavailableError(absl::StrCat("the local copy cannot be written: ", status.message())));
  hooks_.broken(status);
  return false;
}

void Replica::Advance(Batch batch) {
  if (!is_open_ || batch.revision <= copy_->revision()) return;
  if (batch.changes.empty()) {
    if (!Check(copy_->MoveTo(batch.revision))) return;
  } else {
    absl::StatusOr<Batch> applied = copy_->Apply(std::move(batch));
    if (!Check(applied.status())) return;
    batch = *std::move(applied);
  }
  Note();
  std::vector<Batch> fresh;
  if (!batch.changes.empty()) fresh.push_back(std::move(batch));
  feed_.Publish(fresh, copy_->revision(), copy_->log());
  waiters_.Reached(copy_->revision());
  AdvanceOwn();
}

void Replica::AddOwn(Batch batch) {
  if (!is_open_ || batch.revision <= copy_->revision()) return;
  own_.emplace(batch.revision, std::move(batch));
  AdvanceOwn();
}

void Replica::AdvanceOwn() {
  while (!own_.empty() && own_.begin()->first <= copy_->revision() + 1) {
    Batch batch = std::move(own_.begin()->second);
    own_.erase(own_.begin());
    Advance(std::move(batch));
  }
}

void Replica::Await(Revision revision, RevisionWaiters::Done done) {
  if (!is_open_) return done(absl::UnavailableError("the local copy is not open"));
  if (revision <= copy_->revision()) return done(absl::OkStatus());
  const std::uint64_t id = waiters_.Add(revision, std::move(done));
  thread_->After(patience_, [this, revision, id] {
    const bool late = waiters_.Fail(
        revision, id,
        absl::UnavailableError(absl::StrCat("etcd's watch did not bring revision ", revision,
                                            " in ", absl::FormatDuration(patience_))));
    if (late) hooks_.silent();
  });
  hooks_.wanted(revision);
}

void Replica::BeginHistory(const History& history, Revision revision) {
  if (!is_open_ || !Check(copy_->BeginHistory(history, revision))) return;
  EndHistory();
}

void Replica::Replace(const History& history, std::vector<Record> listing, Revision revision) {
  if (!is_open_ || !Check(copy_->Replace(history, std::move(listing), revision))) return;
  EndHistory();
}

void Replica::EndHistory() {
  Note();
  own_.clear();
  feed_.EndAll(absl::FailedPreconditionError("the store has begun a new history; list again"));
  waiters_.Reached(copy_->revision());
  waiters_.FailAll(absl::UnavailableError("the store has begun a new history"));
}

void Replica::Trim(Revision keep_from) {
  if (!is_open_) return;
  // A subscriber that waits for its first batches is served from the log as it was.
  feed_.Publish({}, copy_->revision(), copy_->log());
  Check(copy_->Trim(keep_from));
}

absl::Status Replica::Reopen() {
  HEDDLE_RETURN_IF_ERROR(copy_->Reopen());
  is_open_ = true;
  Note();
  return absl::OkStatus();
}

void Replica::End() {
  is_open_ = false;  // the answers of transactions still come, and must not wait
  waiters_.FailAll(absl::UnavailableError("the store was closed"));
  feed_.EndAll(absl::UnavailableError("the store was closed"));
}

}  // namespace heddle::storage
