#include "controller/restore_call.h"

#include <utility>

#include "controller/grpc_bytes.h"

namespace heddle::controller {

void RestoreCall::Begin(bool taken) {
  self_ = shared_from_this();
  if (taken) return StartRead(&incoming_);
  Stop(absl::FailedPreconditionError(
      "another restore is under way at this controller; try again when it is over"));
}

bool RestoreCall::StopTakingIn() {
  MutexLock lock(&mutex_);
  return std::exchange(is_taking_in_, false);
}

RestoreCall::Options RestoreCall::options() const {
  MutexLock lock(&mutex_);
  return options_;
}

void RestoreCall::Stop(const absl::Status& why) {
  if (StopTakingIn()) End(why);
}

void RestoreCall::End(const absl::Status& status) {
  ending_(this, status);
  Finish(ToGrpc(status));
}

void RestoreCall::Keep(std::shared_ptr<void> what) {
  MutexLock lock(&mutex_);
  kept_ = std::move(what);
}

void RestoreCall::OnReadDone(bool ok) {
  if (!ok) {
    if (StopTakingIn()) received_(self_);
    return;
  }
  if (std::exchange(first_, false)) {
    MutexLock lock(&mutex_);
    options_ = {incoming_.replace(), incoming_.dry_run()};
  }
  if (const absl::Status fed = check_.Feed(incoming_.bytes()); !fed.ok()) return Stop(fed);
  {
    MutexLock lock(&mutex_);
    if (!is_taking_in_) return;
  }
  StartRead(&incoming_);
}

void RestoreCall::OnDone() {
  const std::shared_ptr<RestoreCall> self = std::move(self_);
  Keep(nullptr);
}

}  // namespace heddle::controller
