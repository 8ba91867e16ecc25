// Streams of whole controllers with TLS, and their end with the certificates that were shown.
#include "controller/admitted_streams.h"

#include <thread>

#include "controller/secure_fixture.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"

namespace heddle::controller {
namespace {

using ::testing::Contains;
using Code = grpc::StatusCode;

class AdmittedStreamsTest : public SecureTest {
 protected:
  // A watch on a thread of its own.
  struct Watch {
    explicit Watch(const std::shared_ptr<grpc::Channel>& channel)
        : stub(v1::AdminService::NewStub(channel)) {
      context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(40)));
      stream = stub->Watch(&context, {});
      stream->WaitForInitialMetadata();
    }
    grpc::Status End() {
      v1::WatchEvent event;
      while (stream->Read(&event)) continue;
      return stream->Finish();
    }
    std::unique_ptr<Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchEvent>> stream;
  };
  static bool IsServed(TestNode* node) {
    return node->Until([](TestNode* served) { return served->synced_peers >= 1; });
  }
  Credentials Short(const std::string& principal, absl::Duration life) {
    return Issue(principal, {absl::Now() - absl::Hours(1), absl::Now() + life});
  }
};

TEST_F(AdmittedStreamsTest, ARevokedNodesStreamEndsWithinASecondWithWords) {
  Start(1);
  const Credentials first = Issue("node/node-1"), second = Issue("node/node-2");
  TestNode revoked(Dial(0, &first), 1), other(Dial(0, &second), 2);
  ASSERT_TRUE(IsServed(&revoked));
  ASSERT_TRUE(IsServed(&other));
  const absl::Time began = absl::Now();
  Revoke(first);
  EXPECT_FALSE(revoked.Until([](TestNode*) { return false; }));
  EXPECT_LT(absl::Now() - began, absl::Seconds(1));
  const grpc::Status end = revoked.End();
  EXPECT_EQ(end.error_code(), Code::PERMISSION_DENIED);
  EXPECT_NE(end.error_message().find("revoked"), std::string::npos) << end.error_message();
  const int before = other.heartbeats;
  EXPECT_TRUE(other.Until([&](TestNode* node) { return node->heartbeats > before + 1; }));
  EXPECT_THAT(AuditLines(0), Contains("node/node-1 Attach  PERMISSION_DENIED").Times(1));
}

TEST_F(AdmittedStreamsTest, ANodesStreamEndsWithItsCertificate) {
  Start(1);
  const Credentials credentials = Short("node/node-1", absl::Seconds(6));
  TestNode node(Dial(0, &credentials), 1);
  ASSERT_TRUE(IsServed(&node));
  EXPECT_FALSE(node.Until([](TestNode*) { return false; }));
  EXPECT_GE(absl::Now(), credentials.leaf.not_after);
  EXPECT_LT(absl::Now(), credentials.leaf.not_after + absl::Seconds(1));
  EXPECT_EQ(node.End().error_code(), Code::UNAUTHENTICATED);
}

TEST_F(AdmittedStreamsTest, AStreamLivesOnByALaterCertificateUntilThatIsRevoked) {
  Start(1);
  const Credentials credentials = Short("node/node-1", absl::Seconds(4));
  const Credentials later = Issue("node/node-1");
  Commit(Record(later.leaf));
  TestNode node(Dial(0, &credentials), 1);
  ASSERT_TRUE(IsServed(&node));
  EXPECT_TRUE(node.Until(
      [&](TestNode*) { return absl::Now() > credentials.leaf.not_after + absl::Seconds(2); }));
  Revoke(later);
  EXPECT_FALSE(node.Until([](TestNode*) { return false; }));
  EXPECT_EQ(node.End().error_code(), Code::PERMISSION_DENIED);
}

TEST_F(AdmittedStreamsTest, AnotherNodesIdIsRefusedBeforeAnythingIsToldAndHarmsNobody) {
  Start(1);
  TestNode owner(Dial(0, "node/node-1"), 1);
  ASSERT_TRUE(IsServed(&owner));
  const auto channel = Dial(0, "node/node-2");
  {
    TestNode thief(channel, 1);
    EXPECT_FALSE(thief.Until([](TestNode*) { return false; }));
    EXPECT_EQ(thief.replica.revision, 0U);
    const grpc::Status end = thief.End();
    EXPECT_EQ(end.error_code(), Code::PERMISSION_DENIED);
    EXPECT_NE(end.error_message().find("node/node-2"), std::string::npos) << end.error_message();
  }
  TestNode itself(channel, 2);
  EXPECT_TRUE(IsServed(&itself));
  const int before = owner.heartbeats;
  EXPECT_TRUE(owner.Until([&](TestNode* node) { return node->heartbeats > before + 1; }));
  EXPECT_THAT(AuditLines(0), Contains("node/node-2 Attach node-1 PERMISSION_DENIED").Times(1));
}

TEST_F(AdmittedStreamsTest, AnAdministratorsWatchEndsWithTheCertificate) {
  Start(1);
  const Credentials bob = Issue("viewer/bob"), brief = Short("admin/alice", absl::Seconds(5));
  Watch revoked(Dial(0, &bob)), expiring(Dial(0, &brief));
  Revoke(bob);
  EXPECT_EQ(revoked.End().error_code(), Code::PERMISSION_DENIED);
  EXPECT_EQ(expiring.End().error_code(), Code::UNAUTHENTICATED);
  EXPECT_GE(absl::Now(), brief.leaf.not_after);
}

// The follower's nodes stay attached to it; it is the leader that knows them no more.
TEST_F(AdmittedStreamsTest, ARevokedControllersStreamEndsAndNothingIsPassedOnByIt) {
  Start(2);
  TestNode node(Dial(1, "node/node-1"), 1);
  ASSERT_TRUE(IsServed(&node));
  const auto attached = [&] {
    v1::ListNodesResponse nodes;
    grpc::ClientContext context;
    const auto status =
        v1::AdminService::NewStub(Dial(0, "viewer/bob"))->ListNodes(&context, {}, &nodes);
    return status.ok() && nodes.nodes_size() == 1 && nodes.nodes(0).attached();
  };
  ASSERT_TRUE(Until(attached));
  const auto follower = Dial(1, "admin/alice");
  ASSERT_TRUE(Call(follower, &Stub::ListNodes, v1::ListNodesRequest()).ok());
  Revoke(*replicas_[1]->credentials->Current());
  EXPECT_TRUE(Until([&] { return !attached(); }));
  const grpc::Status passed_on = Call(follower, &Stub::ListNodes, v1::ListNodesRequest());
  EXPECT_EQ(passed_on.error_code(), Code::UNAUTHENTICATED);
  EXPECT_NE(passed_on.error_message().find("controller/c-1"), std::string::npos)
      << passed_on.error_message();
}

}  // namespace
}  // namespace heddle::controller
