// Asking and waiting in tests of what answers on other threads.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace heddle::storage {

// The answer that `call` gives to the callback it is given.
template <typename Response, typename Call>
absl::StatusOr<Response> Ask(Call call) {
  const auto promise = std::make_shared<std::promise<absl::StatusOr<Response>>>();
  auto answer = promise->get_future();
  call([promise](absl::StatusOr<Response> response) { promise->set_value(std::move(response)); });
  if (answer.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
    return absl::DeadlineExceededError("the callback was not called within a minute");
  }
  return answer.get();
}

// Whether `is_true` becomes true within `limit`.
template <typename Condition>
bool Eventually(absl::Duration limit, Condition is_true) {
  const absl::Time end = absl::Now() + limit;
  while (!is_true()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace heddle::storage
