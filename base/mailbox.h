// A bounded queue into the one thread that owns a state. Many threads post; one thread takes.
//
// Order is kept. A full mailbox refuses (Post returns false) rather than growing: the caller turns
// that into "try again later" or closes the stream that overflowed. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace heddle {

template <typename T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  // False, leaving `item` unconsumed, when full or closed.
  bool Post(T&& item) {
    {
      MutexLock lock(&mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }

  // Takes all that waits, in order. Blocks until something arrives, the mailbox is closed, or
  // `timeout` has passed (then empty).
  std::deque<T> TakeAll(absl::Duration timeout) {
    MutexLock lock(&mutex_);
    if (items_.empty() && !closed_) {
      const auto has_work = [this] { return !items_.empty() || closed_; };
      if (timeout == absl::InfiniteDuration()) {
        ready_.wait(lock.native(), has_work);
      } else {
        ready_.wait_for(lock.native(), absl::ToChronoNanoseconds(timeout), has_work);
      }
    }
    return std::exchange(items_, {});
  }

  // After this every Post is refused and TakeAll no longer blocks.
  void Close() {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

  bool closed() const {
    MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> items_;  // guarded by mutex_
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace heddle
