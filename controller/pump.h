// The thread that moves time for the services: releases of the hub, heartbeats, waits with a
// timeout. It wakes at the earliest time that a task asked for, or when told to.
#pragma once

#include <condition_variable>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace heddle::controller {

class Pump {
 public:
  // Runs on the pump's thread and answers when it wants to run again at the latest. Every task runs
  // at every wake, so it must be cheap when there is nothing to do.
  using Task = std::function<absl::Time(absl::Time now)>;

  explicit Pump(const Clock* clock) : clock_(clock) {}
  ~Pump() { Stop(); }

  void Add(Task task) { tasks_.push_back(std::move(task)); }  // before Start
  void Start();
  void Stop();  // idempotent
  void Wake();  // thread-safe, and callable from a task

 private:
  void Loop();

  const Clock* const clock_;
  std::vector<Task> tasks_;
  Mutex mutex_;
  std::condition_variable changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heddle::controller
