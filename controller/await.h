// Waiting on one thread for what another answers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace heddle::controller {

// Calls `call(done)`, which must not block, and waits until `done` is called with a StatusOr.
// Cancelled once `ending` is true: the answer may come later, to nobody.
template <typename Result, typename Call>
absl::StatusOr<Result> Await(const std::atomic<bool>& ending, Call call) {
  struct Answer {
    Mutex mutex;
    std::condition_variable come;
    std::optional<absl::StatusOr<Result>> result;
  };
  auto answer = std::make_shared<Answer>();
  call([answer](absl::StatusOr<Result> result) {
    MutexLock lock(&answer->mutex);
    answer->result = std::move(result);
    answer->come.notify_all();
  });
  constexpr std::chrono::milliseconds kLookAtEnding(50);
  MutexLock lock(&answer->mutex);
  while (!answer->result) {
    if (ending) return absl::CancelledError("this controller is ending");
    answer->come.wait_for(lock.native(), kLookAtEnding);
  }
  return *std::move(answer->result);
}

}  // namespace heddle::controller
