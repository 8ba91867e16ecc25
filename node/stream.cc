#include "node/stream.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "node/wire.h"

namespace heddle::node {
namespace {

// A node has one stream, idle for most of its life: what gRPC sets aside for busy servers is
// switched off. Retrying and choosing among controllers is the session's.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetMaxReceiveMessageSize(16 << 20);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::UnavailableError("the controller ended the stream");
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

Stream::Stream(std::uint64_t number, const std::string& target, Post post)
    : number_(number),
      post_(std::move(post)),
      stub_(v1::NodeService::NewStub(MakeChannel(target))),
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
  post_({SessionEvent::Kind::kEnded, number_, AcceptRemovals{}, false, ToStatus(status)});
  done.set_value();
}

}  // namespace heddle::node
