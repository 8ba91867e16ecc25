#include "controller/restore_call.h"

#include <utility>

#include "controller/grpc_bytes.h"

namespace heddle::controller {

void RestoreCall::Begin(bool taken) {
  self_ = shared_from_this();
  if (taken) return StartRead(&incoming_);
  End(absl::FailedPreconditionError(
      "another restore is under way at this controller; try again when it is over"));
}

void RestoreCall::End(const absl::Status& status) {
  ending_(this);
  Finish(ToGrpc(status));
}

void RestoreCall::OnReadDone(bool ok) {
  if (!ok) {
    received_(self_);
    return;
  }
  if (std::exchange(first_, false)) options_ = {incoming_.replace(), incoming_.dry_run()};
  if (const absl::Status fed = check_.Feed(incoming_.bytes()); !fed.ok()) {
    End(fed);
    return;
  }
  StartRead(&incoming_);
}

void RestoreCall::OnDone() { const std::shared_ptr<RestoreCall> self = std::move(self_); }

}  // namespace heddle::controller
