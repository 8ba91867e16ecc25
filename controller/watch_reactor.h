// An administrator's watch: every announced change from a cursor on, one event at a time.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/mutex.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

// Lives until gRPC is done with it and nobody else holds it. Thread-safe.
class WatchReactor final : public grpc::ServerWriteReactor<v1::WatchEvent>,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  WatchReactor(WatchHub* hub, storage::Revision cursor, std::function<void(WatchReactor*)> done);

  void Begin();  // once, when it is owned by a shared_ptr
  void Kick();   // sends what is new, if no write is under way
  void End(const grpc::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  bool Refill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WatchHub* const hub_;
  const std::function<void(WatchReactor*)> done_;
  std::shared_ptr<WatchReactor> self_;

  Mutex mutex_;
  storage::Revision cursor_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  v1::WatchEvent writing_event_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
