// Where clients on many threads write down what they were told.
#pragma once

#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "tests/chaos/history.h"

namespace heddle::chaos {

class Recorder {
 public:
  void Add(Operation operation) {
    MutexLock lock(&mutex_);
    history_.push_back(std::move(operation));
  }
  History history() const {
    MutexLock lock(&mutex_);
    return history_;
  }

 private:
  mutable Mutex mutex_;
  History history_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::chaos
