// The parts of MemoryStore that make trouble: elections and fault knobs.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "storage/memory/memory_store.h"

namespace heddle::storage {

class MemoryStore::MemoryCandidacy final : public Candidacy {
 public:
  MemoryCandidacy(MemoryStore* store, std::shared_ptr<Candidate> candidate)
      : store_(store), candidate_(std::move(candidate)) {}
  ~MemoryCandidacy() override { store_->Resign(candidate_); }
  absl::Status StepDown() override { return store_->StepDown(candidate_); }
  bool Leads() const override {
    MutexLock lock(&store_->mutex_);
    return store_->leader_ == candidate_;
  }

 private:
  MemoryStore* const store_;
  const std::shared_ptr<Candidate> candidate_;
};

absl::StatusOr<std::unique_ptr<Candidacy>> MemoryStore::Campaign(const Member& self,
                                                                 LeadershipListener* listener) {
  auto candidate = std::make_shared<Candidate>(self, listener);
  {
    MutexLock lock(&mutex_);
    candidates_.push_back(candidate);
    ElectNext();
    TellLeader();
  }
  DeliverAll();
  return std::make_unique<MemoryCandidacy>(this, std::move(candidate));
}

void MemoryStore::ElectNext() {
  if (leader_ != nullptr || candidates_.empty()) return;
  leader_ = candidates_.front();
  ++term_;
  fence_ = Fence(term_, absl::StrCat(leader_->id(), "-", term_));
  TellLeader();
  events_.push_back([leader = leader_, fence = *fence_] { leader->Elect(fence); });
}

void MemoryStore::TellLeader() {
  std::optional<Member> leader;
  if (leader_ != nullptr) leader = leader_->self();
  events_.push_back([leader, candidates = candidates_] {
    for (const auto& candidate : candidates) candidate->TellLeader(leader);
  });
}

absl::Status MemoryStore::StepDown(const std::shared_ptr<Candidate>& candidate) {
  {
    MutexLock lock(&mutex_);
    if (leader_ != candidate) return absl::FailedPreconditionError("it does not lead");
    if (candidates_.size() < 2) return absl::FailedPreconditionError("nobody else could lead");
  }
  Depose();
  return absl::OkStatus();
}

void MemoryStore::Resign(const std::shared_ptr<Candidate>& candidate) {
  candidate->Resign();
  {
    MutexLock lock(&mutex_);
    candidates_.erase(std::remove(candidates_.begin(), candidates_.end(), candidate),
                      candidates_.end());
    if (leader_ == candidate) leader_ = nullptr;
    ElectNext();
    if (leader_ == nullptr) TellLeader();
  }
  DeliverAll();
}

void MemoryStore::Depose() {
  {
    MutexLock lock(&mutex_);
    if (leader_ == nullptr) return;
    events_.push_back([leader = leader_] { leader->Depose(); });
    candidates_.erase(std::remove(candidates_.begin(), candidates_.end(), leader_),
                      candidates_.end());
    candidates_.push_back(std::move(leader_));
    leader_ = nullptr;
    ElectNext();
  }
  DeliverAll();
}

void MemoryStore::Crash() {
  std::deque<std::shared_ptr<Candidate>> gone;
  {
    MutexLock lock(&mutex_);
    events_.clear();
    listings_.Clear();
    gone.swap(candidates_);
    leader_ = nullptr;
    published_ = position_.revision;
  }
  for (const auto& candidate : gone) candidate->Resign();
  feed_.ForgetAll();
}

absl::Status MemoryStore::StartNewHistory() {
  {
    MutexLock lock(&mutex_);
    ++histories_;
    history_ = {absl::StrCat("memory-history-", histories_), absl::Now(), /*restored=*/true};
    position_.history = history_.id;
    log_.clear();
    listings_.Clear();
    published_ = position_.revision;
    fence_.reset();
    if (leader_ != nullptr) {
      events_.push_back([leader = std::move(leader_)] { leader->Depose(); });
      leader_ = nullptr;
      TellLeader();
      ElectNext();
    }
  }
  feed_.EndAll(absl::FailedPreconditionError(
      "the store has begun another history, as after a restore: list again"));
  DeliverAll();
  return absl::OkStatus();
}

void MemoryStore::FailNextCommits(int count) {
  MutexLock lock(&mutex_);
  fail_next_ = count;
}

void MemoryStore::AnswerUnknownNext(int count, bool applied) {
  MutexLock lock(&mutex_);
  unknown_next_ = count;
  unknown_applied_ = applied;
}

void MemoryStore::HoldDelivery(bool hold) {
  {
    MutexLock lock(&mutex_);
    hold_ = hold;
  }
  DeliverAll();
}

}  // namespace heddle::storage
