// One gRPC stream to one controller. Only node/session.cc uses it: the header carries gRPC's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "api/heddle/v1/node.grpc.pb.h"
#include "node/session.h"

namespace heddle::node {

// The agent's thread calls the public functions; gRPC's threads the On* ones, which only post.
class Stream final : private grpc::ClientBidiReactor<v1::NodeMessage, v1::ControllerMessage> {
 public:
  using Post = std::function<void(SessionEvent)>;

  // Starts the call and the first read. `post` is called for everything that happens; the last
  // event is kEnded.
  Stream(std::uint64_t number, const std::shared_ptr<grpc::Channel>& channel, Post post);
  // Cancels, and waits until gRPC has let go.
  ~Stream() override;

  void Read();
  // One write at a time: the next after kWritten.
  void Write(v1::NodeMessage message);
  void Cancel();
  // No further Read or Write will come: lets the call end.
  void Release();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::uint64_t number_;
  const Post post_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
  grpc::ClientContext context_;
  v1::ControllerMessage incoming_;
  v1::NodeMessage outgoing_;
  bool released_ = false;
  std::promise<void> done_;
  std::future<void> done_future_;
};

}  // namespace heddle::node
