// A value that is read for each packet and replaced whole: readers take no lock and write nothing
// that others read but at quiescent points, where they say that they hold nothing.
//
// Why it is right. Replace() stores the new pointer, then raises `generation_` with release. A
// reader at a quiescent point loads `generation_` with acquire: once it sees G, each later load of
// the pointer gives what was stored before G, or something newer. It then stores G into its slot
// with release, after its last use of what it had. Replace() frees the former value only after it
// has loaded at least G from each slot with acquire: so all uses happened before, and no reader can
// come by the former value again. A reader's slot starts at the generation it registered in and
// ends at the highest there is; registering, leaving and replacing exclude one another.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace heddle::node::forwarder {

// Each reader is of one thread; Replace() by one thread at a time. Outlives its readers.
template <typename T>
class Swapped {
 public:
  explicit Swapped(std::unique_ptr<const T> first) : owned_(std::move(first)), now_(owned_.get()) {}
  Swapped(const Swapped&) = delete;
  Swapped& operator=(const Swapped&) = delete;

  // One thread's way to the value.
  class Reader {
   public:
    // `wake` makes the reader's thread come to a quiescent point soon, though it has nothing to do;
    // called by whoever replaces the value.
    Reader(Swapped* value, std::function<void()> wake) : value_(value), wake_(std::move(wake)) {
      value_->Enter(this);
    }
    ~Reader() {
      // First, since whoever waits for this reader holds what Leave() waits for.
      seen_.store(UINT64_MAX, std::memory_order_release);
      value_->Leave(this);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // Valid until this thread's next quiescent point.
    const T& Get() const { return *value_->now_.load(std::memory_order_acquire); }
    // This thread holds nothing that Get() gave.
    void Quiesce() {
      seen_.store(value_->generation_.load(std::memory_order_acquire), std::memory_order_release);
    }

   private:
    friend class Swapped;
    Swapped* const value_;
    const std::function<void()> wake_;
    std::atomic<std::uint64_t> seen_{0};
  };

  // Returns when every reader has let go of the former value, which is gone then.
  void Replace(std::unique_ptr<const T> next) {
    MutexLock lock(&mutex_);
    now_.store(next.get(), std::memory_order_release);
    const std::uint64_t generation = generation_.load(std::memory_order_relaxed) + 1;
    generation_.store(generation, std::memory_order_release);
    for (Reader* reader : readers_) reader->wake_();
    for (Reader* reader : readers_) {
      // A batch of packets takes well below a millisecond.
      while (reader->seen_.load(std::memory_order_acquire) < generation) {
        absl::SleepFor(absl::Microseconds(50));
      }
    }
    owned_ = std::move(next);
  }

  // For whoever replaces it.
  const T& Get() const { return *owned_; }

 private:
  void Enter(Reader* reader) {
    MutexLock lock(&mutex_);
    reader->Quiesce();
    readers_.push_back(reader);
  }
  void Leave(Reader* reader) {
    MutexLock lock(&mutex_);
    readers_.erase(std::find(readers_.begin(), readers_.end(), reader));
  }

  Mutex mutex_;
  std::vector<Reader*> readers_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<const T> owned_;
  std::atomic<const T*> now_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace heddle::node::forwarder
