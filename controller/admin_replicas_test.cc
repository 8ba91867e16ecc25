// The AdminService at controllers that do not lead.
#include <chrono>
#include <future>

#include "controller/admin_replicas_fixture.h"
#include "controller/leader_call.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

TEST_F(AdminReplicasTest, ChangesAreMadeAndSeenAtAny) {
  Start(3);
  v1::LeaseResponse reserved;
  const grpc::Status status = Reserve(1, "node-1", &reserved);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reserved.lease().state(), "reserved");
  EXPECT_GE(Status(1).leases(), 1u) << "answered before it was read here";
  for (std::size_t at = 0; at < 3; ++at) EXPECT_EQ(Leases(at), std::vector{std::string("node-1")});

  v1::SetNetworkRequest grow;
  grow.set_net_conf_json(R"({"Network":"10.240.0.0/12","Backend":{"Type":"vxlan"}})");
  v1::SetNetworkResponse grown;
  ASSERT_TRUE(Call(2, &Stub::SetNetwork, grow, &grown).ok());
  EXPECT_TRUE(grown.changed());
  v1::GetNetworkResponse network;
  ASSERT_TRUE(Call(1, &Stub::GetNetwork, {}, &network).ok());
  EXPECT_EQ(network.source_json(), grow.net_conf_json());

  v1::ReleaseLeaseRequest release;
  release.set_node_id("node-1");
  ASSERT_TRUE(Call(2, &Stub::ReleaseLease, release, &reserved).ok());
  EXPECT_EQ(Status(2).leases(), 0u);
}

TEST_F(AdminReplicasTest, TheLeadersRefusalIsTheCallers) {
  Start(2);
  v1::ReleaseLeaseRequest release;
  release.set_node_id("node-1");
  v1::LeaseResponse response;
  const grpc::Status there = Call(0, &Stub::ReleaseLease, release, &response);
  const grpc::Status here = Call(1, &Stub::ReleaseLease, release, &response);
  EXPECT_EQ(here.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(here.error_code(), there.error_code());
  EXPECT_EQ(here.error_message(), there.error_message());
}

TEST_F(AdminReplicasTest, TheAnswerWaitsUntilItIsReadHere) {
  Start(2);
  replicas_[1]->store.Cut();
  v1::LeaseResponse reserved;
  auto answer = std::async(std::launch::async, [&] { return Reserve(1, "node-1", &reserved); });
  ASSERT_TRUE(Until([&] { return Status(0).leases() == 1; }));
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_EQ(Status(1).leases(), 0u);
  replicas_[1]->store.End();
  ASSERT_TRUE(answer.get().ok());
  EXPECT_EQ(Status(1).leases(), 1u);
}

TEST_F(AdminReplicasTest, NodesOfTheLeaderAreAskedFromAny) {
  Start(2);
  TestNode node(replicas_[0]->channel, 1);
  ASSERT_TRUE(node.UntilPeers(1));
  v1::ListNodesResponse nodes;
  ASSERT_TRUE(Call(1, &Stub::ListNodes, {}, &nodes).ok());
  ASSERT_EQ(nodes.nodes_size(), 1);
  EXPECT_TRUE(nodes.nodes(0).attached());
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(10);
  v1::WaitAppliedResponse waited;
  ASSERT_TRUE(Call(1, &Stub::WaitApplied, wait, &waited).ok());
  EXPECT_EQ(waited.laggards_size(), 0);
  v1::RevisionResponse revision;
  v1::NodeRequest accept;
  accept.set_node_id("node-1");
  EXPECT_THAT(Call(1, &Stub::AcceptRemovals, accept, &revision).error_message(),
              HasSubstr("holds no removals"));

  grpc::ClientContext context;
  const auto events = replicas_[1]->stub->Diagnose(&context, {});
  v1::DiagnoseEvent event;
  ASSERT_TRUE(events->Read(&event));
  EXPECT_TRUE(event.node_done());
  EXPECT_THAT(event.node_error(), HasSubstr("cannot probe")) << "known of it by the leader alone";
  EXPECT_FALSE(events->Read(&event));
  EXPECT_TRUE(events->Finish().ok());
}

TEST_F(AdminReplicasTest, AForwardedCallIsNotForwardedAgain) {
  Start(2);
  for (const bool at_leader : {true, false}) {
    grpc::ClientContext context;
    context.AddMetadata(kForwardedKey, "1");
    v1::ListNodesResponse nodes;
    const grpc::Status status = replicas_[at_leader ? 0 : 1]->stub->ListNodes(&context, {}, &nodes);
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto by = metadata.find(kAnsweredKey);
    ASSERT_TRUE(by != metadata.end());
    EXPECT_EQ(by->second, at_leader ? kAnsweredByLeader : kAnsweredByOther);
    EXPECT_EQ(status.error_code(),
              at_leader ? grpc::StatusCode::OK : grpc::StatusCode::FAILED_PRECONDITION);
  }
}

TEST_F(AdminReplicasTest, ControllersAreListedWithWhyOneIsSilent) {
  Start(2);
  struct Mute final : storage::LeadershipListener {
    void OnElected(storage::Fence) override {}
    void OnDeposed() override {}
    void OnLeader(std::optional<storage::Member>) override {}
  } mute;
  const std::string nowhere = *storage::FreeEndpoint("127.0.0.1");
  const auto candidacy = store_.Campaign({"c-9", nowhere, "0.1"}, &mute);
  ASSERT_TRUE(candidacy.ok());
  v1::ListControllersResponse list;
  ASSERT_TRUE(Call(1, &Stub::ListControllers, {}, &list).ok());
  EXPECT_EQ(list.answered_by(), "c-1");
  ASSERT_EQ(list.controllers_size(), 3);
  for (int i = 0; i < 2; ++i) {
    const v1::ControllerState& state = list.controllers(i);
    EXPECT_EQ(state.id(), absl::StrCat("c-", i));
    EXPECT_EQ(state.leader(), i == 0);
    EXPECT_TRUE(state.serving()) << state.error();
    EXPECT_EQ(state.status().controller_id(), state.id());
    EXPECT_EQ(state.status().leader_id(), "c-0");
    EXPECT_EQ(state.address(), replicas_[i]->address);
  }
  EXPECT_FALSE(list.controllers(2).serving());
  EXPECT_FALSE(list.controllers(2).has_status());
  EXPECT_THAT(list.controllers(2).error(), HasSubstr(nowhere));
}

TEST_F(AdminReplicasTest, StepDownAnswersWhenAnotherLeads) {
  Start(2);
  v1::StepDownResponse stepped;
  for (const char* next : {"c-1", "c-0"}) {
    const std::string former = Status(1).leader_id();
    const grpc::Status status = Call(1, &Stub::StepDown, {}, &stepped);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(stepped.former_leader(), former);
    EXPECT_EQ(stepped.leader(), next);
    ASSERT_TRUE(Until([&] { return Status(0).leader_id() == next; }));
    ASSERT_TRUE(Until([&] { return Status(1).leader_id() == next; }));
    EXPECT_TRUE(Status(0).writable()) << "through the leader";
  }
}

TEST_F(AdminReplicasTest, OneAloneCannotStepDown) {
  Start(1);
  v1::StepDownResponse stepped;
  const grpc::Status status = Call(0, &Stub::StepDown, {}, &stepped);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Status(0).leader_id(), "c-0");
}

}  // namespace
}  // namespace heddle::controller
