// A NodeStream without gRPC, with the node at its other end, for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/convert.h"
#include "controller/node_registry.h"
#include "controller/node_stream.h"
#include "controller/test_peers.h"
#include "controller/test_replica.h"
#include "controller/watch_hub.h"
#include "gtest/gtest.h"

namespace heddle::controller {

class TestLiveStream final : public LiveStream {
 public:
  void Close(absl::Status why) override { closed = std::move(why); }
  void SendAcceptRemovals() override {}
  void SendProbeRequest(const ProbeRequest&) override {}
  void OnOwnChange(const PeerChange&) override {}
  absl::Status closed;
};

// A stream with the node at its other end.
struct Connection {
  explicit Connection(const NodeStream::Shared* shared, absl::Time now,
                      const std::string& remote = "192.0.2.1:1000")
      : stream(
            shared, remote, live,
            [this](AcquireRequest request) {
              requests.push_back(std::move(request));
              return absl::OkStatus();
            },
            now) {}

  // Takes everything there is to send.
  std::vector<v1::ControllerMessage> Drain(absl::Time now) {
    std::vector<v1::ControllerMessage> messages;
    while (const Frame frame = stream.Next(now)) messages.push_back(replica.Take(*frame));
    return messages;
  }

  std::shared_ptr<TestLiveStream> live = std::make_shared<TestLiveStream>();
  std::vector<AcquireRequest> requests;
  TestReplica replica;
  NodeStream stream;
};

inline v1::NodeMessage Hello(const std::string& id, const std::string& instance = "i-1") {
  v1::NodeMessage message;
  message.mutable_hello()->set_protocol_version(1);
  message.mutable_hello()->set_node_id(id);
  message.mutable_hello()->set_instance_id(instance);
  return message;
}

inline v1::NodeMessage HelloWith(const std::string& id, const std::string& history,
                                 const TestReplica& replica) {
  v1::NodeMessage message = Hello(id);
  message.mutable_hello()->mutable_resume()->set_history(history);
  message.mutable_hello()->mutable_resume()->set_revision(replica.revision);
  message.mutable_hello()->set_set_hash(replica.hash());
  return message;
}

inline v1::NodeMessage Advertise(int number, const std::string& backend = "vxlan") {
  v1::NodeMessage message;
  Advertisement advertisement = TestAdvertisement(number);
  advertisement.backend_type = backend;
  if (backend != "vxlan") advertisement.vtep_mac = Mac();
  *message.mutable_advertise()->mutable_advertisement() = ToProto(advertisement);
  return message;
}

inline v1::NodeMessage Applied(std::uint64_t revision, std::uint64_t hash) {
  v1::NodeMessage message;
  message.mutable_applied()->set_revision(revision);
  message.mutable_applied()->set_set_hash(hash);
  return message;
}

class NodeStreamTest : public ::testing::Test {
 protected:
  NodeStreamTest() {
    std::vector<Peer> peers;
    for (int i = 1; i <= 20; ++i) peers.push_back(TestPeer(i));
    hub_.Load({"h-1", 100}, peers, TestNetwork());
    shared_.hub = &hub_;
    shared_.registry = &registry_;
    shared_.controller_version = "test";
  }

  LeaseGrant Grant(int number) {
    LeaseGrant grant;
    const Peer peer = TestPeer(number);
    grant.lease.node_id = peer.node_id;
    grant.lease.subnets = peer.subnets;
    grant.lease.advertisement = peer.advertisement;
    grant.lease.expires = now_ + absl::Hours(24);
    grant.revision = hub_.head();
    return grant;
  }
  void Publish(const PeerChange& change) {
    BookChanges changes;
    changes.peers.push_back(change);
    hub_.Publish(hub_.head() + 1, changes, hub_.network(), now_);
    hub_.Release(hub_.release_at());
  }
  void PublishNetwork(const Network& network) {
    BookChanges changes;
    changes.network_changed = true;
    hub_.Publish(hub_.head() + 1, changes, network, now_);
  }
  // node-1, all the way to Synced.
  std::unique_ptr<Connection> Attached(const v1::NodeMessage& hello) {
    auto connection = std::make_unique<Connection>(&shared_, now_);
    EXPECT_TRUE(connection->stream.OnMessage(hello, now_).ok());
    EXPECT_TRUE(connection->stream.OnMessage(Advertise(1), now_).ok());
    EXPECT_TRUE(connection->stream.OnGrant(Grant(1)).ok());
    return connection;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  WatchHub hub_;
  NodeRegistry registry_{absl::Seconds(15)};
  NodeStream::Shared shared_;
};

}  // namespace heddle::controller
