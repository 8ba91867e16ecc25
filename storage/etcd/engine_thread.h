// The one thread that owns the engine's state, and its clock: runs what is posted, in order, and
// what was put off, when it is due.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "base/mailbox.h"

namespace heddle::storage {

class EngineThread {
 public:
  using Task = std::function<void()>;

  // Tasks are bounded by those who post them: each commit, read and call posts one, and what is
  // under way of each is bounded.
  EngineThread() : mailbox_(std::numeric_limits<std::size_t>::max()) {}
  ~EngineThread() {
    Stop([] {});
  }

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }
  // From any thread. After Stop it does nothing.
  void Post(Task task) { mailbox_.Post(std::move(task)); }
  // From the thread itself. Not run when Stop comes before.
  void After(absl::Duration delay, Task task) {
    due_.emplace(Clock::now() + absl::ToChronoNanoseconds(delay), std::move(task));
  }
  // Runs what was posted before, then `last`, then what that led to; then returns. Not from the
  // thread itself.
  void Stop(Task last) {
    if (!thread_.joinable()) return;
    Post([this, last = std::move(last)] {
      last();
      mailbox_.Close();
    });
    thread_.join();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Run() {
    for (;;) {
      const auto tasks = mailbox_.TakeAll(UntilDue());
      if (tasks.empty() && mailbox_.closed()) return;
      for (const Task& task : tasks) task();
      RunDue();
    }
  }

  absl::Duration UntilDue() const {
    if (due_.empty()) return absl::InfiniteDuration();
    return std::max(absl::FromChrono(due_.begin()->first - Clock::now()), absl::ZeroDuration());
  }

  void RunDue() {
    const auto now = Clock::now();
    while (!due_.empty() && due_.begin()->first <= now && !mailbox_.closed()) {
      const Task task = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      task();
    }
  }

  Mailbox<Task> mailbox_;
  std::multimap<Clock::time_point, Task> due_;
  std::thread thread_;
};

}  // namespace heddle::storage
