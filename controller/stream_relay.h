// The client's side of a call that answers with a stream of events, each passed on as it comes.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <utility>

namespace heddle::controller {

// Made with new and given to a stub's async call; then Begin. Deletes itself after `done`.
template <typename Event>
class StreamRelay final : public grpc::ClientReadReactor<Event> {
 public:
  StreamRelay(std::function<void(Event)> pass_on, std::function<void(const grpc::Status&)> done)
      : pass_on_(std::move(pass_on)), done_(std::move(done)) {}

  void Begin() {
    this->StartRead(&event_);
    this->StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    pass_on_(std::exchange(event_, Event()));
    this->StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override {
    done_(status);
    delete this;
  }

 private:
  const std::function<void(Event)> pass_on_;
  const std::function<void(const grpc::Status&)> done_;
  Event event_;
};

}  // namespace heddle::controller
