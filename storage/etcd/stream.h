// One bidirectional stream to one endpoint, as EtcdClient promises it.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "storage/etcd/client.h"

namespace heddle::storage {

// What the client does with a stream of any type. Thread-safe.
class OpenEtcdStream {
 public:
  virtual ~OpenEtcdStream() = default;
  // To be called once; `metadata` goes with the call.
  virtual void Begin(int endpoint, const std::map<std::string, std::string>& metadata) = 0;
  // Ends it, at once after its beginning when it has not begun; `why` is told instead of gRPC's
  // word for it.
  virtual void End(absl::Status why) = 0;
  // -1 before it began.
  virtual int endpoint() const = 0;
};

template <typename Request, typename Response>
class EtcdStreamCall final : public EtcdStream<Request>,
                             public OpenEtcdStream,
                             private grpc::ClientBidiReactor<Request, Response> {
  using Reactor = grpc::ClientBidiReactor<Request, Response>;

 public:
  struct Parts {
    EtcdClient::StreamEvents<Response> events;
    // Binds the reactor to a call at that endpoint.
    std::function<void(int, grpc::ClientContext*, Reactor*)> bind;
    // What gRPC says of the end, in our words.
    std::function<absl::Status(int, const grpc::Status&)> explain;
    // No longer to be called by the client. Runs in the destructor.
    std::function<void(OpenEtcdStream*)> gone;
  };

  explicit EtcdStreamCall(Parts parts) : parts_(std::move(parts)), done_(promise_.get_future()) {}
  ~EtcdStreamCall() override {
    parts_.gone(this);
    bool has_begun;
    {
      MutexLock lock(&mutex_);
      is_deaf_ = true;
      has_begun = endpoint_ >= 0;
      if (has_begun) context_.TryCancel();
      Release();
    }
    if (has_begun) done_.wait();
  }

  void Write(Request request) override {
    MutexLock lock(&mutex_);
    if (is_over_) return;
    waiting_.push_back(std::move(request));
    if (is_held_ && waiting_.size() == 1) this->StartWrite(&waiting_.front());
  }

  void Begin(int endpoint, const std::map<std::string, std::string>& metadata) override {
    MutexLock lock(&mutex_);
    if (is_deaf_) return;
    endpoint_ = endpoint;
    for (const auto& [name, value] : metadata) context_.AddMetadata(name, value);
    parts_.bind(endpoint, &context_, this);
    this->AddHold();  // writes are started from outside of reactions
    is_held_ = true;
    this->StartRead(&incoming_);
    if (!waiting_.empty()) this->StartWrite(&waiting_.front());
    this->StartCall();
  }

  void End(absl::Status why) override {
    MutexLock lock(&mutex_);
    why_ = std::move(why);
    context_.TryCancel();
  }

  int endpoint() const override {
    MutexLock lock(&mutex_);
    return endpoint_;
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      MutexLock lock(&mutex_);
      return Release();
    }
    Tell([this] { parts_.events.read(std::move(incoming_)); });
    incoming_ = Response();
    this->StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mutex_);
    waiting_.pop_front();
    if (ok && is_held_ && !waiting_.empty()) this->StartWrite(&waiting_.front());
  }

  void OnDone(const grpc::Status& status) override {
    std::promise<void> done = std::move(promise_);
    absl::Status why;
    int endpoint;
    {
      MutexLock lock(&mutex_);
      is_over_ = true;
      why = why_;
      endpoint = endpoint_;
    }
    if (why.ok()) why = parts_.explain(endpoint, status);
    Tell([&] { parts_.events.ended(std::move(why)); });
    done.set_value();
  }

  // Nothing is said any more once the destructor has begun.
  template <typename Say>
  void Tell(Say say) {
    {
      MutexLock lock(&mutex_);
      if (is_deaf_) return;
    }
    say();
  }

  // Lets the call end. No write is begun after it.
  void Release() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (std::exchange(is_held_, false)) this->RemoveHold();
  }

  const Parts parts_;
  grpc::ClientContext context_;
  Response incoming_;
  mutable Mutex mutex_;
  std::deque<Request> waiting_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  absl::Status why_ ABSL_GUARDED_BY(mutex_);
  int endpoint_ ABSL_GUARDED_BY(mutex_) = -1;
  bool is_held_ ABSL_GUARDED_BY(mutex_) = false;  // a call that may be written to
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_deaf_ ABSL_GUARDED_BY(mutex_) = false;
  std::promise<void> promise_;
  std::future<void> done_;
};

}  // namespace heddle::storage
