#include "node/stream.h"

#include <cassert>
#include <utility>

#include "node/connection.h"
#include "node/wire.h"

namespace heddle::node {
Stream::Stream(std::uint64_t number, const std::shared_ptr<grpc::Channel>& channel, Post post)
    : number_(number),
      post_(std::move(post)),
      stub_(v1::NodeService::NewStub(channel)),
      done_future_(done_.get_future()) {
  stub_->async()->Attach(&context_, this);
  AddHold();  // reads and writes are started from outside of reactions
  StartRead(&incoming_);
  StartCall();
}

Stream::~Stream() {
  Cancel();
  Release();
  done_future_.wait();
}

void Stream::Read() {
  assert(!released_);
  StartRead(&incoming_);
}

// After the last hold gRPC may have let go of the call already: what is started then works on
// memory that is gone.
void Stream::Write(v1::NodeMessage message) {
  assert(!released_);
  outgoing_ = std::move(message);
  StartWrite(&outgoing_);
}

void Stream::Cancel() { context_.TryCancel(); }

void Stream::Release() {
  if (!std::exchange(released_, true)) RemoveHold();
}

void Stream::OnReadDone(bool ok) {
  SessionEvent event{SessionEvent::Kind::kRead, number_, AcceptRemovals{}, ok, {}};
  if (ok) {
    event.update = Decode(incoming_);
    // A large message's memory is not kept for the next one.
    v1::ControllerMessage().Swap(&incoming_);
  }
  post_(std::move(event));
}

void Stream::OnWriteDone(bool ok) {
  post_({SessionEvent::Kind::kWritten, number_, AcceptRemovals{}, ok, {}});
}

void Stream::OnDone(const grpc::Status& status) {
  std::promise<void> done = std::move(done_);
  absl::Status end = ToStatus(status);
  if (end.ok()) end = absl::UnavailableError("the controller ended the stream");
  post_({SessionEvent::Kind::kEnded, number_, AcceptRemovals{}, false, std::move(end)});
  done.set_value();
}

}  // namespace heddle::node
