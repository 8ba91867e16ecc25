// One candidate for leadership inside an engine. Its mutex is held during each callback: that is
// how Resign waits for one to return. Thread-safe.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "storage/store.h"

namespace heddle::storage {

class Candidate {
 public:
  Candidate(Member self, LeadershipListener* listener)
      : self_(std::move(self)), listener_(listener) {}

  const Member& self() const { return self_; }
  const std::string& id() const { return self_.id; }

  // Says nothing when it is what was said last.
  void TellLeader(const std::optional<Member>& leader) {
    MutexLock lock(&mutex_);
    if (listener_ == nullptr || (told_ && leader_ == leader)) return;
    told_ = true;
    leader_ = leader;
    listener_->OnLeader(leader);
  }

  void Elect(const Fence& fence) {
    MutexLock lock(&mutex_);
    if (listener_ == nullptr || elected_) return;
    elected_ = true;
    listener_->OnElected(fence);
  }

  void Depose() {
    MutexLock lock(&mutex_);
    if (listener_ != nullptr && elected_) listener_->OnDeposed();
    elected_ = false;
  }

  void Resign() {
    MutexLock lock(&mutex_);
    listener_ = nullptr;
    elected_ = false;
    resigned_ = true;
  }

  // Without the mutex, so that an engine may ask while a callback runs.
  bool elected() const { return elected_; }
  bool resigned() const { return resigned_; }

 private:
  const Member self_;
  Mutex mutex_;                   // of each callback and change
  bool told_ = false;             // guarded by mutex_
  std::optional<Member> leader_;  // guarded by mutex_; as told last
  LeadershipListener* listener_;  // guarded by mutex_; null once resigned
  std::atomic<bool> elected_{false}, resigned_{false};
};

}  // namespace heddle::storage
