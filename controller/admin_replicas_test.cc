// The AdminService at controllers that do not lead: several on one store, over gRPC on loopback.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "controller/leader_call.h"
#include "controller/test_cut_store.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/etcd/test_ports.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;
using Stub = v1::AdminService::Stub;

constexpr char kNetConf[] = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";

struct Replica {
  explicit Replica(storage::Store* shared) : store(shared) {}
  CutStore store;
  std::string address;
  std::unique_ptr<Controller> controller;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
};

class AdminReplicasTest : public ::testing::Test {
 protected:
  // c-0 leads.
  void Start(int count) {
    for (int i = 0; i < count; ++i) {
      auto replica = std::make_unique<Replica>(&store_);
      replica->address = *storage::FreeEndpoint("127.0.0.1");
      ControllerOptions options;
      options.listen = {replica->address};
      options.id = absl::StrCat("c-", i);
      options.advertise = replica->address;
      options.heartbeat_seconds = 1;
      if (i == 0) options.net_conf_json = kNetConf;
      auto controller = Controller::Start(options, &replica->store, nullptr);
      ASSERT_TRUE(controller.ok()) << controller.status();
      replica->controller = *std::move(controller);
      replica->channel = grpc::CreateChannel(replica->address, grpc::InsecureChannelCredentials());
      replica->stub = v1::AdminService::NewStub(replica->channel);
      replicas_.push_back(std::move(replica));
    }
  }

  template <typename Request, typename Response>
  grpc::Status Call(std::size_t at,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response,
                    absl::Duration patience = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    response->Clear();
    return ((*replicas_[at]->stub).*method)(&context, request, response);
  }
  grpc::Status Reserve(std::size_t at, const std::string& node_id, v1::LeaseResponse* response,
                       absl::Duration patience = absl::Seconds(20)) {
    v1::ReserveLeaseRequest request;
    request.set_node_id(node_id);
    return Call(at, &Stub::ReserveLease, request, response, patience);
  }
  v1::GetStatusResponse Status(std::size_t at) {
    v1::GetStatusResponse status;
    EXPECT_TRUE(Call(at, &Stub::GetStatus, {}, &status).ok());
    return status;
  }
  std::vector<std::string> Leases(std::size_t at) {
    v1::ListLeasesResponse leases;
    const grpc::Status status = Call(at, &Stub::ListLeases, {}, &leases);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> ids;
    for (const v1::Lease& lease : leases.leases()) ids.push_back(lease.node_id());
    return ids;
  }
  // From here on the news of elections waits. The former leader, c-0, hears that it is none.
  void LoseLeader() {
    store_.HoldDelivery(true);
    store_.Depose();
    ASSERT_TRUE(store_.Step());
    ASSERT_TRUE(Until([&] { return Status(0).leader_id().empty(); }));
  }
  // News travels on other threads.
  bool Until(const std::function<bool()>& holds) {
    for (const absl::Time end = absl::Now() + absl::Seconds(10); absl::Now() < end;) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  storage::MemoryStore store_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

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

TEST_F(AdminReplicasTest, ACallWaitsForTheNextLeader) {
  Start(3);
  LoseLeader();
  std::vector<std::future<grpc::Status>> answers;
  std::vector<v1::LeaseResponse> responses(3);
  for (std::size_t at = 0; at < 3; ++at) {
    answers.push_back(std::async(std::launch::async, [&, at] {
      return Reserve(at, absl::StrCat("node-", at), &responses[at]);
    }));
  }
  absl::SleepFor(absl::Milliseconds(300));
  for (auto& answer : answers) {
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  store_.HoldDelivery(false);
  for (auto& answer : answers) {
    const grpc::Status status = answer.get();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_EQ(Status(0).leader_id(), "c-1");
  EXPECT_EQ(Leases(0).size(), 3u);
}

TEST_F(AdminReplicasTest, WithNobodyLeadingViewsAreAnsweredAndChangesRefused) {
  Start(2);
  v1::LeaseResponse reserved;
  ASSERT_TRUE(Reserve(0, "node-1", &reserved).ok());
  LoseLeader();
  const absl::Duration patience = absl::Seconds(1);
  v1::ListLeasesResponse leases;
  ASSERT_TRUE(Call(0, &Stub::ListLeases, {}, &leases, patience).ok());
  EXPECT_EQ(leases.leases_size(), 1);
  v1::ListNodesResponse nodes;
  EXPECT_TRUE(Call(0, &Stub::ListNodes, {}, &nodes, patience).ok());
  v1::GetNetworkResponse network;
  EXPECT_TRUE(Call(0, &Stub::GetNetwork, {}, &network, patience).ok());

  grpc::Status refused = Reserve(0, "node-2", &reserved, patience);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.error_message(), HasSubstr("no controller leads"));
  EXPECT_THAT(refused.error_message(), HasSubstr("candidates (c-0, c-1)"));
  replicas_[0]->store.unreachable_since = absl::FromUnixSeconds(1700000000);
  refused = Reserve(0, "node-2", &reserved, patience);
  EXPECT_THAT(refused.error_message(), HasSubstr("since 2023-11-14T22:13:20Z"));
  EXPECT_EQ(Status(0).store_unreachable_since_unix_ms(), 1700000000000);
  store_.HoldDelivery(false);
}

TEST_F(AdminReplicasTest, AChangeWhoseAnswerIsLostIsSaidToBePerhapsMade) {
  Start(2);
  store_.HoldDelivery(true);  // what it commits is not answered
  v1::LeaseResponse reserved;
  const grpc::Status lost = Reserve(1, "node-1", &reserved, absl::Seconds(1));
  EXPECT_EQ(lost.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_THAT(lost.error_message(), HasSubstr("'c-0' at 127.0.0.1"));
  EXPECT_THAT(lost.error_message(), HasSubstr("may have been made, or not"));
  EXPECT_THAT(lost.error_message(), HasSubstr("heddlectl lease list"));
  store_.HoldDelivery(false);
  ASSERT_TRUE(Reserve(1, "node-1", &reserved).ok());
  EXPECT_EQ(Leases(1).size(), 1u);
}

TEST_F(AdminReplicasTest, ALeaderThatEndsLeavesItsCallsToTheNext) {
  Start(3);
  v1::LeaseResponse reserved;
  ASSERT_TRUE(Reserve(2, "node-1", &reserved).ok());
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(3);
  v1::ReserveLeaseRequest request;
  auto waited = std::async(std::launch::async, [&] {
    v1::WaitAppliedResponse response;
    return Call(2, &Stub::WaitApplied, wait, &response);
  });
  absl::SleepFor(absl::Milliseconds(200));
  replicas_[0]->controller.reset();
  const grpc::Status after = Reserve(2, "node-2", &reserved);
  EXPECT_TRUE(after.ok()) << after.error_message();
  const grpc::Status status = waited.get();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Status(2).leader_id(), "c-1");
}

TEST_F(AdminReplicasTest, AControllerThatEndsAnswersWhoWaitsThere) {
  Start(2);
  LoseLeader();
  std::vector<std::future<grpc::Status>> answers;
  std::vector<v1::LeaseResponse> responses(2);
  for (std::size_t at = 0; at < 2; ++at) {
    answers.push_back(
        std::async(std::launch::async, [&, at] { return Reserve(at, "node-1", &responses[at]); }));
  }
  grpc::ClientContext context;
  const auto events = replicas_[0]->stub->Diagnose(&context, {});
  absl::SleepFor(absl::Milliseconds(200));
  const absl::Time began = absl::Now();
  for (const std::size_t at : {1, 0}) {
    replicas_[at]->controller->Drain();
    const grpc::Status status = answers[at].get();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(status.error_message(), HasSubstr("is ending"));
  }
  EXPECT_LT(absl::Now() - began, absl::Seconds(2)) << "they waited for their patience's end";
  v1::DiagnoseEvent event;
  EXPECT_FALSE(events->Read(&event));
  EXPECT_EQ(events->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  store_.HoldDelivery(false);
}

TEST_F(AdminReplicasTest, TheDoctorWaitsForTheNextLeader) {
  Start(2);
  LoseLeader();
  grpc::ClientContext context;
  const auto events = replicas_[0]->stub->Diagnose(&context, {});
  absl::SleepFor(absl::Milliseconds(200));
  store_.HoldDelivery(false);
  v1::DiagnoseEvent event;
  EXPECT_FALSE(events->Read(&event)) << "there is no node";
  const grpc::Status status = events->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(AdminReplicasTest, ADoctorsCallThatIsGivenUpLeavesNothingBehind) {
  Start(2);
  LoseLeader();
  for (int i = 0; i < 10; ++i) {  // more than may be under way at once
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(50)));
    const auto events = replicas_[0]->stub->Diagnose(&context, {});
    v1::DiagnoseEvent event;
    EXPECT_FALSE(events->Read(&event));
    EXPECT_NE(events->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << i;
  }
  store_.HoldDelivery(false);
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
