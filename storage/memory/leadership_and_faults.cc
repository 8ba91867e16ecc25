// The parts of MemoryStore that make trouble: elections and fault knobs.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/memory/memory_store.h"

namespace heddle::storage {

class MemoryStore::MemoryCandidacy final : public Candidacy {
 public:
  MemoryCandidacy(MemoryStore* store, std::shared_ptr<Candidate> candidate)
      : store_(store), candidate_(std::move(candidate)) {}
  ~MemoryCandidacy() override { store_->Resign(candidate_); }

 private:
  MemoryStore* const store_;
  const std::shared_ptr<Candidate> candidate_;
};

absl::StatusOr<std::unique_ptr<Candidacy>> MemoryStore::Campaign(absl::string_view self_id,
                                                                 LeadershipListener* listener) {
  auto candidate = std::make_shared<Candidate>(std::string(self_id), listener);
  {
    MutexLock lock(&mutex_);
    candidates_.push_back(candidate);
    ElectNext();
  }
  DeliverAll();
  return std::make_unique<MemoryCandidacy>(this, std::move(candidate));
}

void MemoryStore::ElectNext() {
  if (leader_ != nullptr || candidates_.empty()) return;
  leader_ = candidates_.front();
  ++term_;
  fence_ = Fence(term_, absl::StrCat(leader_->id(), "-", term_));
  events_.push_back([leader = leader_, fence = *fence_] { leader->Elect(fence); });
}

void MemoryStore::Resign(const std::shared_ptr<Candidate>& candidate) {
  candidate->Resign();
  {
    MutexLock lock(&mutex_);
    candidates_.erase(std::remove(candidates_.begin(), candidates_.end(), candidate),
                      candidates_.end());
    if (leader_ == candidate) leader_ = nullptr;
    ElectNext();
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

void MemoryStore::StartNewHistory(std::string history) {
  {
    MutexLock lock(&mutex_);
    position_.history = std::move(history);
    log_.clear();
    events_.clear();
    listings_.Clear();
    published_ = position_.revision;
  }
  feed_.EndAll(absl::FailedPreconditionError("the store was restored; list again"));
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
