// A node's end of a stream over gRPC, for tests of a whole controller.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/convert.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "controller/test_peers.h"
#include "controller/test_replica.h"

namespace heddle::controller {

// A node that does what it is told and applies all at once.
class TestNode {
 public:
  using Stream = grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>;

  TestNode(const std::shared_ptr<grpc::Channel>& channel, int number,
           const std::string& instance = "i", const std::vector<Prefix>& preferred = {},
           absl::Duration lasts_at_most = absl::Seconds(30),
           std::optional<Advertisement> advertisement = std::nullopt)
      : stub_(v1::NodeService::NewStub(channel)), number_(number) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + lasts_at_most));
    stream_ = stub_->Attach(&context_);
    v1::NodeMessage hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_node_id(absl::StrCat("node-", number));
    hello.mutable_hello()->set_instance_id(instance);
    stream_->Write(hello);
    v1::NodeMessage advertise;
    *advertise.mutable_advertise()->mutable_advertisement() =
        ToProto(advertisement.value_or(TestAdvertisement(number)));
    for (const Prefix& subnet : preferred) {
      *advertise.mutable_advertise()->add_preferred_subnets() = ToProto(subnet);
    }
    stream_->Write(advertise);
  }
  ~TestNode() {
    if (stream_ == nullptr) return;
    context_.TryCancel();
    End();
  }

  // Reads and answers until `done(this)`; false when the stream ended before.
  bool Until(const std::function<bool(TestNode*)>& done) {
    while (!done(this)) {
      v1::ControllerMessage message;
      if (!stream_->Read(&message)) return false;
      replica.Take(message.SerializeAsString());
      if (message.has_trust()) trust = message.trust();
      if (message.has_own_lease()) self = message.own_lease().self();
      if (message.has_accept_removals()) ++accepts;
      if (message.has_heartbeat()) ++heartbeats;
      if (message.has_heartbeat()) settling = message.heartbeat().settling();
      if (message.has_synced()) settling = message.synced().settling();
      if (message.has_synced()) synced_peers = replica.peers.size();
      if (!message.has_synced() && !message.has_heartbeat()) continue;
      v1::NodeMessage applied;
      applied.mutable_applied()->set_revision(replica.revision);
      applied.mutable_applied()->set_set_hash(replica.hash());
      applied.mutable_applied()->set_peers(replica.peers.size());
      applied.mutable_applied()->set_held_removals(held_removals);
      stream_->Write(applied);
    }
    return true;
  }
  bool UntilPeers(std::size_t count) {
    return Until([count](TestNode* node) { return node->synced_peers == count; });
  }
  grpc::Status End() {
    const grpc::Status status = stream_->Finish();
    stream_ = nullptr;
    return status;
  }

  TestReplica replica;
  v1::Peer self;
  v1::Trust trust;  // as it was told last
  int accepts = 0, heartbeats = 0;
  std::uint64_t held_removals = 0;  // what it reports
  std::size_t synced_peers = 0;
  bool settling = false;  // as it was told last

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
  const int number_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace heddle::controller
