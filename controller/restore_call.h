// One Restore: takes the file in, then is carried out on a thread of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/mutex.h"
#include "controller/backup_check.h"

namespace heddle::controller {

// Lives until gRPC is done with it and nobody else holds it.
class RestoreCall final : public grpc::ServerReadReactor<v1::RestoreRequest>,
                          public std::enable_shared_from_this<RestoreCall> {
 public:
  struct Options {
    bool replace = false, dry_run = false;
  };
  // Called once, when all of the file is there; must see to it that End is called.
  using Received = std::function<void(std::shared_ptr<RestoreCall>)>;

  // `ending` is called once, as soon as it is known how the call ends, before the caller hears of
  // it.
  RestoreCall(v1::RestoreResponse* response, Received received,
              std::function<void(RestoreCall*, const absl::Status&)> ending)
      : response_(response), received_(std::move(received)), ending_(std::move(ending)) {}

  // Once, when it is owned by a shared_ptr. Refused, it takes nothing in.
  void Begin(bool taken);
  // Holds `what` until gRPC is done with the call. After Begin.
  void Keep(std::shared_ptr<void> what);
  // Ends it, unless all of the file is there. Thread-safe.
  void Stop(const absl::Status& why);
  // The call's end; for who was given it by `received`.
  void End(const absl::Status& status);
  // It is to be asked of another controller, and is nothing to this one.
  void set_another_controllers() { is_another_controllers_ = true; }
  bool is_another_controllers() const { return is_another_controllers_; }

  // For who was given it by `received`.
  Options options() const;
  BackupCheck& check() { return check_; }
  v1::RestoreResponse* response() { return response_; }

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  // True once: who is told so ends the call, or has it ended.
  bool StopTakingIn();

  v1::RestoreResponse* const response_;
  const Received received_;
  const std::function<void(RestoreCall*, const absl::Status&)> ending_;
  std::shared_ptr<RestoreCall> self_;
  v1::RestoreRequest incoming_;
  bool first_ = true;
  BackupCheck check_;
  bool is_another_controllers_ = false;
  mutable Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);
  bool is_taking_in_ ABSL_GUARDED_BY(mutex_) = true;
  std::shared_ptr<void> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
