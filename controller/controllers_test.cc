// Nodes at controllers that do not lead: several controllers on one store, over gRPC on loopback.
#include <thread>

#include "api/convert.h"
#include "api/heddle/v1/replica.grpc.pb.h"
#include "controller/admin_replicas_fixture.h"
#include "controller/node_messages.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class ControllersTest : public AdminReplicasTest {
 protected:
  const std::shared_ptr<grpc::Channel>& channel(std::size_t at) { return replicas_[at]->channel; }
  // The node as the leader knows it.
  v1::Node NodeAtLeader(const std::string& node_id, std::size_t leader = 0) {
    v1::ListNodesResponse nodes;
    EXPECT_TRUE(Call(leader, &Stub::ListNodes, {}, &nodes).ok());
    for (const v1::Node& node : nodes.nodes()) {
      if (node.node_id() == node_id) return node;
    }
    return {};
  }
  bool UntilAttached(const std::string& node_id, std::size_t leader = 0) {
    return Until([&] { return NodeAtLeader(node_id, leader).attached(); });
  }
};

TEST_F(ControllersTest, ANodeAtAFollowerIsTheLeadersToo) {
  Start(3);
  TestNode first(channel(0), 1), second(channel(1), 2), third(channel(2), 3);
  for (TestNode* node : {&first, &second, &third}) ASSERT_TRUE(node->UntilPeers(3));
  EXPECT_EQ(first.replica.peers, third.replica.peers);
  for (const char* id : {"node-1", "node-2", "node-3"}) EXPECT_TRUE(UntilAttached(id));
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(10);
  v1::WaitAppliedResponse waited;
  ASSERT_TRUE(Call(0, &Stub::WaitApplied, wait, &waited).ok());
  EXPECT_EQ(waited.laggards_size(), 0);

  v1::NodeRequest request;
  request.set_node_id("node-2");
  third.held_removals = 9;
  request.set_node_id("node-3");
  const int before = third.heartbeats;
  ASSERT_TRUE(third.Until([&](TestNode* node) { return node->heartbeats == before + 2; }));
  ASSERT_TRUE(Until([&] { return NodeAtLeader("node-3").held_removals() == 9; }));
  v1::RevisionResponse revision;
  ASSERT_TRUE(Call(0, &Stub::AcceptRemovals, request, &revision).ok());
  EXPECT_TRUE(third.Until([](TestNode* node) { return node->accepts == 1; }));
  ASSERT_TRUE(Call(0, &Stub::RemoveNode, request, &revision).ok());
  EXPECT_FALSE(third.Until([](TestNode*) { return false; }));
  // The leader says it, and so does the copy here: whichever comes first.
  EXPECT_THAT(third.End().error_message(), AnyOf(HasSubstr("removed by an administrator"),
                                                 HasSubstr("ended by an administrator")));
  EXPECT_TRUE(Until([&] { return !NodeAtLeader("node-3").attached(); }));
}

TEST_F(ControllersTest, TheLeadMovesAndStreamsAreUndisturbed) {
  Start(3);
  TestNode first(channel(0), 1), second(channel(1), 2), third(channel(2), 3);
  for (TestNode* node : {&first, &second, &third}) ASSERT_TRUE(node->UntilPeers(3));
  v1::StepDownResponse stepped;
  ASSERT_TRUE(Call(0, &Stub::StepDown, {}, &stepped).ok());
  ASSERT_EQ(stepped.leader(), "c-1");
  for (const char* id : {"node-1", "node-2", "node-3"}) EXPECT_TRUE(UntilAttached(id, 1)) << id;
  TestNode fourth(channel(0), 4);
  ASSERT_TRUE(fourth.UntilPeers(4)) << "granted through the new leader";
  for (TestNode* node : {&first, &second, &third}) {
    EXPECT_TRUE(node->UntilPeers(4));
    EXPECT_EQ(node->replica.snapshots, 1) << "one stream, from its beginning";
  }
}

TEST_F(ControllersTest, TheLeaderDiesAndTheOthersGoOn) {
  Start(3);
  TestNode second(channel(1), 2), third(channel(2), 3);
  for (TestNode* node : {&second, &third}) ASSERT_TRUE(node->UntilPeers(2));
  replicas_[0]->controller.reset();
  ASSERT_TRUE(Until([&] { return Status(1).leader_id() == "c-1"; }));
  EXPECT_TRUE(UntilAttached("node-3", 1));
  TestNode fourth(channel(2), 4);
  ASSERT_TRUE(fourth.UntilPeers(3));
  EXPECT_TRUE(third.UntilPeers(3));
  EXPECT_EQ(third.replica.snapshots, 1);
}

TEST_F(ControllersTest, OneProcessPerIdAcrossControllers) {
  Start(3);
  TestNode first(channel(1), 1, "i-1");
  ASSERT_TRUE(first.UntilPeers(1));
  ASSERT_TRUE(UntilAttached("node-1"));
  // Its heartbeats keep the first live while the second is told.
  std::thread alive([&] { first.Until([](TestNode* node) { return node->heartbeats >= 5; }); });
  TestNode second(channel(2), 1, "i-2");
  second.Until([](TestNode*) { return false; });
  const grpc::Status refused = second.End();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ALREADY_EXISTS) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("to the controller 'c-1'"));
  alive.join();
  // The same process at another controller: the earlier stream gives way, wherever it is.
  TestNode moved(channel(2), 1, "i-1");
  ASSERT_TRUE(moved.UntilPeers(1));
  EXPECT_FALSE(first.Until([](TestNode*) { return false; }));
  EXPECT_THAT(first.End().error_message(), HasSubstr("newer stream"));
  EXPECT_TRUE(NodeAtLeader("node-1").attached());
}

TEST_F(ControllersTest, WhatAFollowerSaysIsChecked) {
  Start(2);
  const auto stub = v1::ReplicaService::NewStub(channel(0));
  v1::AcquireRequest acquire;
  acquire.set_node_id("../..");
  const auto refuse = [&](v1::ReplicaService::Stub* at) {
    grpc::ClientContext context;
    v1::AcquireResponse response;
    return at->Acquire(&context, acquire, &response).error_code();
  };
  EXPECT_EQ(refuse(stub.get()), grpc::StatusCode::INVALID_ARGUMENT);
  acquire = ToMessage(AcquireRequest{"node-1", TestAdvertisement(1), {}});
  EXPECT_EQ(refuse(v1::ReplicaService::NewStub(channel(1)).get()), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(refuse(stub.get()), grpc::StatusCode::OK);

  const std::string history = Status(0).position().history();
  v1::FollowerMessage hello, nodes;
  hello.mutable_hello()->set_controller_id("c-9");
  hello.mutable_hello()->set_history(history);
  nodes.mutable_nodes()->add_attached()->set_node_id("no/slashes");
  const auto end_of = [&](std::size_t at, const std::vector<v1::FollowerMessage>& said) {
    grpc::ClientContext context;
    const auto stream = v1::ReplicaService::NewStub(channel(at))->Follow(&context);
    for (const v1::FollowerMessage& message : said) stream->Write(message);
    v1::LeaderMessage answer;
    while (stream->Read(&answer)) {
    }
    return stream->Finish();
  };
  EXPECT_EQ(end_of(1, {hello}).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(end_of(0, {nodes}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(end_of(0, {hello, nodes}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(end_of(0, {hello, hello}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  hello.mutable_hello()->set_controller_id("c-0");
  EXPECT_THAT(end_of(0, {hello}).error_message(), HasSubstr("needs an id of its own"));
  hello.mutable_hello()->set_controller_id("c-9");
  hello.mutable_hello()->set_history("another");
  EXPECT_EQ(end_of(0, {hello}).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace heddle::controller
