// The AdminService while nobody leads, and when the leader is lost with a call under way.
#include <chrono>
#include <future>

#include "controller/admin_replicas_fixture.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

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

TEST_F(AdminReplicasTest, AWaitGoesOnAtTheNextLeader) {
  Start(3);
  for (const int number : {1, 2}) {  // the first is gone when the second comes
    TestNode node(replicas_[0]->channel, number);
    ASSERT_TRUE(node.UntilPeers(number));
  }
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(2);
  std::vector<v1::WaitAppliedResponse> waited(3);
  std::vector<std::future<grpc::Status>> answers;
  for (std::size_t at = 0; at < 3; ++at) {
    answers.push_back(std::async(
        std::launch::async, [&, at] { return Call(at, &Stub::WaitApplied, wait, &waited[at]); }));
  }
  absl::SleepFor(absl::Milliseconds(300));
  v1::StepDownResponse stepped;
  ASSERT_TRUE(Call(1, &Stub::StepDown, {}, &stepped).ok());
  for (std::size_t at = 0; at < 3; ++at) {
    const grpc::Status status = answers[at].get();
    EXPECT_TRUE(status.ok()) << at << ": " << status.error_message();
    EXPECT_GE(waited[at].laggards_size(), 1) << at;
  }
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

}  // namespace
}  // namespace heddle::controller
