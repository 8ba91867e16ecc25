#include "controller/pump.h"

#include <algorithm>
#include <utility>

namespace heddle::controller {

void Pump::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Pump::Stop() {
  {
    MutexLock lock(&mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Pump::Wake() {
  {
    MutexLock lock(&mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Pump::Loop() {
  while (true) {
    absl::Time next = absl::InfiniteFuture();
    for (const Task& task : tasks_) next = std::min(next, task(clock_->Now()));
    // Never long, so that a step of the clock cannot put the pump to sleep.
    const absl::Duration wait =
        std::clamp(next - clock_->Now(), absl::ZeroDuration(), absl::Seconds(1));
    MutexLock lock(&mutex_);
    changed_.wait_for(lock.native(), absl::ToChronoNanoseconds(wait),
                      [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return woken_ || ending_; });
    if (ending_) return;
    woken_ = false;
  }
}

}  // namespace heddle::controller
