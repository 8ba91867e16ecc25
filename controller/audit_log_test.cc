// What three controllers have in their audit logs after calls of all kinds: each is told once, by
// the controller that did or refused it.
#include "api/heddle/v1/node.grpc.pb.h"
#include "controller/secure_fixture.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Code = grpc::StatusCode;

class AuditLogTest : public SecureTest {
 protected:
  grpc::Status Reserve(const std::shared_ptr<grpc::Channel>& channel, const std::string& node_id) {
    v1::ReserveLeaseRequest request;
    request.set_node_id(node_id);
    return Call(channel, &Stub::ReserveLease, request);
  }
  grpc::Status Release(const std::shared_ptr<grpc::Channel>& channel, const std::string& node_id) {
    v1::ReleaseLeaseRequest request;
    request.set_node_id(node_id);
    return Call(channel, &Stub::ReleaseLease, request);
  }
  // Says hello as `node_id`; how that ends.
  static grpc::Status Attach(const std::shared_ptr<grpc::Channel>& channel,
                             const std::string& node_id) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    const auto stream = v1::NodeService::NewStub(channel)->Attach(&context);
    v1::NodeMessage hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_node_id(node_id);
    hello.mutable_hello()->set_instance_id("i");
    stream->Write(hello);
    v1::ControllerMessage told;
    EXPECT_FALSE(stream->Read(&told)) << "something was told before the refusal";
    return stream->Finish();
  }
  static grpc::Status Backup(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    const auto stream = v1::AdminService::NewStub(channel)->Backup(&context, {});
    v1::FileChunk chunk;
    while (stream->Read(&chunk)) continue;
    return stream->Finish();
  }
};

TEST_F(AuditLogTest, EachActionAndRefusalIsToldOnceWhereItWasDecided) {
  Start(3);
  const Credentials mallory = Issue("admin/mallory");
  const auto admin = Dial(1, "admin/alice"), viewer = Dial(1, "viewer/bob"),
             at_leader = Dial(0, "admin/carol"), revoked = Dial(1, &mallory);
  EXPECT_TRUE(Reserve(admin, "n1").ok());
  EXPECT_EQ(Release(viewer, "n1").error_code(), Code::PERMISSION_DENIED);
  EXPECT_EQ(Call(Dial(1, nullptr), &Stub::GetStatus, v1::GetStatusRequest()).error_code(),
            Code::UNAUTHENTICATED);
  EXPECT_TRUE(Call(viewer, &Stub::ListLeases, v1::ListLeasesRequest()).ok());
  EXPECT_TRUE(Call(viewer, &Stub::ListControllers, v1::ListControllersRequest()).ok());
  EXPECT_EQ(Release(at_leader, "nobody").error_code(), Code::NOT_FOUND);
  EXPECT_EQ(Attach(Dial(2, "node/h1"), "h2").error_code(), Code::PERMISSION_DENIED);
  EXPECT_TRUE(Backup(Dial(2, "admin/alice")).ok());
  EXPECT_TRUE(Reserve(revoked, "n2").ok());
  Revoke(mallory);
  // The leader's answer is passed on once controller 1 has read what it answers from, and so the
  // revocation, too.
  EXPECT_TRUE(Call(admin, &Stub::ListLeases, v1::ListLeasesRequest()).ok());
  EXPECT_EQ(Reserve(revoked, "n3").error_code(), Code::UNAUTHENTICATED);
  EXPECT_TRUE(Release(admin, "n1").ok());

  EXPECT_THAT(
      AuditLines(0),
      ElementsAre("admin/alice ReserveLease n1 OK", "admin/carol ReleaseLease nobody NOT_FOUND",
                  "admin/mallory ReserveLease n2 OK", "admin/alice ReleaseLease n1 OK"));
  EXPECT_THAT(AuditLines(1), ElementsAre("viewer/bob ReleaseLease  PERMISSION_DENIED",
                                         " GetStatus  UNAUTHENTICATED",
                                         "admin/mallory ReserveLease  UNAUTHENTICATED"));
  EXPECT_THAT(AuditLines(2),
              ElementsAre("node/h1 Attach h2 PERMISSION_DENIED", "admin/alice Backup  OK"));
}

TEST_F(AuditLogTest, WhoIsNotBelievedIsToldWithWhatItClaims) {
  Start(1);
  Credentials foreign = identity::MakeTestCredentials(identity::MakeTestAuthority(), "admin/alice");
  foreign.roots_pem = authority_.root().pem;
  const Credentials old =
      Issue("admin/carol", {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)});
  EXPECT_EQ(Reserve(Dial(0, &foreign), "n1").error_code(), Code::UNAUTHENTICATED);
  EXPECT_EQ(Reserve(Dial(0, &old), "n1").error_code(), Code::UNAUTHENTICATED);
  // One that has ended was once proven; of the other nothing is.
  EXPECT_THAT(AuditLines(0), ElementsAre(" ReserveLease  UNAUTHENTICATED",
                                         "admin/carol ReserveLease  UNAUTHENTICATED"));
  const std::string claim = AuditEntries(0)[0]["message"];
  EXPECT_THAT(claim, testing::HasSubstr("which says that it is of 'admin/alice' (serial " +
                                        foreign.leaf.serial));
}

TEST_F(AuditLogTest, WhoClaimsWhatIsAnothersIsTold) {
  Start(1);
  TestNode first(Dial(0, "node/node-1"), 1);
  ASSERT_TRUE(first.UntilPeers(1));
  Advertisement claim = TestAdvertisement(2);
  claim.public_address = TestAdvertisement(1).public_address;
  TestNode thief(Dial(0, "node/node-2"), 2, "i", {}, absl::Seconds(30), claim);
  EXPECT_FALSE(thief.UntilPeers(1));
  EXPECT_EQ(thief.End().error_code(), Code::ALREADY_EXISTS);
  TestNode twin(Dial(0, "node/node-1"), 1, "another process");
  EXPECT_FALSE(twin.UntilPeers(1));
  EXPECT_EQ(twin.End().error_code(), Code::ALREADY_EXISTS);
  EXPECT_THAT(AuditLines(0), ElementsAre("node/node-2 Attach node-2 ALREADY_EXISTS",
                                         "node/node-1 Attach node-1 ALREADY_EXISTS"));
}

TEST_F(AuditLogTest, AForwardedActionIsToldWithWhoItIsForAndThroughWhom) {
  Start(2);
  const Credentials alice = Issue("admin/alice");
  ASSERT_TRUE(Reserve(Dial(1, &alice), "n1").ok());
  ASSERT_EQ(AuditEntries(0).size(), 1U);
  const nlohmann::json line = AuditEntries(0)[0];
  EXPECT_EQ(line["who"], "admin/alice");
  EXPECT_EQ(line["serial"], alice.leaf.serial);
  EXPECT_EQ(line["through"], "controller/c-1");
  EXPECT_EQ(line["from"].get<std::string>().rfind("ipv4:127.0.0.1:", 0), 0U);
  EXPECT_GT(line["revision"].get<std::uint64_t>(), 0U);
  EXPECT_THAT(AuditLines(1), IsEmpty());
}

}  // namespace
}  // namespace heddle::controller
