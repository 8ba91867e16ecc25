// One candidate for leadership inside an engine. Its mutex is held during each callback: that is
// how Resign waits for one to return. Thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "storage/store.h"

namespace heddle::storage {

class Candidate {
 public:
  Candidate(std::string id, LeadershipListener* listener)
      : id_(std::move(id)), listener_(listener) {}

  const std::string& id() const { return id_; }

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
  const std::string id_;
  Mutex mutex_;                   // of each callback and change
  LeadershipListener* listener_;  // guarded by mutex_; null once resigned
  std::atomic<bool> elected_{false}, resigned_{false};
};

}  // namespace heddle::storage
