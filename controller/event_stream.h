// The server's side of a call that answers with a stream of events: one write at a time, and an end
// that waits for the write under way. What the events are is the derived class's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace heddle::controller {

// Lives until gRPC is done with it and nobody else holds it. Thread-safe. No lock is held while a
// write or the end is started.
template <typename Event>
class EventStream : public grpc::ServerWriteReactor<Event>,
                    public std::enable_shared_from_this<EventStream<Event>> {
 public:
  // Once, when it is owned by a shared_ptr.
  void Begin() {
    self_ = this->shared_from_this();
    this->StartSendInitialMetadata();
    Kick();
  }

  // Sends what there is, if no write is under way.
  void Kick() {
    Turn turn;
    {
      MutexLock lock(&mutex_);
      if (writing_ || ending_) return;
      turn = Next();
      if (turn.event) {
        writing_event_ = *std::move(turn.event);
        writing_ = true;
      }
    }
    if (turn.event) {
      this->StartWrite(&writing_event_);
    } else if (turn.end) {
      End(*turn.end);
    }
  }

  // What has not been sent by then is dropped. Only the first end counts.
  void End(const grpc::Status& status) {
    {
      MutexLock lock(&mutex_);
      if (ending_) return;
      ending_ = true;
      end_status_ = status;
      if (writing_) return;
      finished_ = true;
    }
    this->Finish(status);
  }

  void OnWriteDone(bool ok) final {
    bool finish = false;
    grpc::Status status;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (ending_ && !finished_) {
        finish = finished_ = true;
        status = end_status_;
      }
    }
    if (finish) {
      this->Finish(status);
    } else if (ok) {
      Kick();
    } else {
      End(grpc::Status::CANCELLED);
    }
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  // Holds `what` until gRPC is done with the call. After Begin.
  void Keep(std::shared_ptr<void> what) {
    MutexLock lock(&mutex_);
    kept_ = std::move(what);
  }

  void OnDone() final {
    const std::shared_ptr<EventStream> self = std::move(self_);
    Keep(nullptr);
    OnEnded();
  }

 protected:
  // The next event, or the call's end, or nothing for now; then somebody calls Kick later.
  struct Turn {
    std::optional<Event> event;
    std::optional<grpc::Status> end;
  };
  virtual Turn Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // gRPC is done with the call; the object is still whole.
  virtual void OnEnded() = 0;

  Mutex mutex_;

 private:
  std::shared_ptr<EventStream> self_;
  std::shared_ptr<void> kept_ ABSL_GUARDED_BY(mutex_);
  Event writing_event_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
