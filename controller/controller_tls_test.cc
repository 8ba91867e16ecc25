#include "controller/controller_tls.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "controller/ca_files.h"
#include "controller/test_stream_node.h"
#include "controller/test_tls.h"

namespace heddle::controller {
namespace {

using identity::Credentials;
using identity::Role;
using ::testing::HasSubstr;

class ControllerTlsTest : public TlsControllerTest {
 protected:
  // Reads the stream until it was told this of trust.
  bool UntilTrust(TestNode* node, std::size_t roots, const std::string& issuer) {
    return node->Until([&](TestNode* n) {
      const auto told = identity::ParseRoots(n->trust.roots_pem());
      return told.ok() && told->size() == roots && n->trust.issuer() == issuer;
    });
  }
  bool GoesOn(TestNode* node) {
    const int before = node->heartbeats;
    return node->Until([before](TestNode* n) { return n->heartbeats >= before + 2; });
  }
  // Puts another certificate of its own in the controller's place.
  void Replace(const identity::Authority& signing, absl::Time now, absl::Duration lifetime) {
    const auto next = IssueLocally(signing, {Role::kController, "c1"}, now, lifetime,
                                   tls_->credentials()->Current()->roots_pem, "");
    ASSERT_TRUE(WriteFileAtomically(files_.own(), next->key_pem + next->chain_pem, 0600).ok());
  }
};

// The three steps, and at each of them clients of both roots. The node's stream lives through all.
TEST_F(ControllerTlsTest, AnotherRootTakesOverAndNoStreamIsLost) {
  Start();
  const std::string first = tls_->authority()->root().key_id;
  const Credentials old_admin = Issue(Role::kAdmin, "old");
  TestNode node(Dial(Issue(Role::kNode, "node-1")), 1, "i", {}, absl::Minutes(2));
  ASSERT_TRUE(node.UntilPeers(1));
  ASSERT_TRUE(UntilTrust(&node, 1, first));

  ASSERT_TRUE(AddRoot(files_, absl::Now()).ok());
  ASSERT_TRUE(UntilTrust(&node, 2, first));
  EXPECT_TRUE(Ask(old_admin).ok());
  EXPECT_EQ(server_.issuer, first);

  ASSERT_TRUE(PromoteRoot(files_).ok());
  ASSERT_TRUE(Eventually([&] { return Own().issuer != first; })) << "not renewed";
  const std::string second = Own().issuer;
  ASSERT_TRUE(UntilTrust(&node, 2, second));
  const Credentials new_admin = Issue(Role::kAdmin, "new");
  EXPECT_EQ(new_admin.leaf.issuer, second);
  EXPECT_TRUE(Ask(new_admin).ok());
  EXPECT_EQ(server_.issuer, second);
  const grpc::Status knows_first_only = Ask(old_admin);
  EXPECT_TRUE(knows_first_only.ok()) << knows_first_only.error_message();
  EXPECT_EQ(server_.issuer, second) << "believed by who knows only the former root";

  ASSERT_TRUE(RetireRoots(files_).ok());
  ASSERT_TRUE(UntilTrust(&node, 1, second));
  EXPECT_TRUE(Ask(new_admin).ok());
  EXPECT_FALSE(Ask(old_admin).ok());
  EXPECT_TRUE(GoesOn(&node));
  EXPECT_EQ(node.replica.snapshots, 1) << "it was one stream all the time";
}

TEST_F(ControllerTlsTest, ItsCertificateIsRenewedWhileItServes) {
  Start();
  const Credentials admin = Issue(Role::kAdmin, "a");
  TestNode node(Dial(Issue(Role::kNode, "node-1")), 1);
  ASSERT_TRUE(node.UntilPeers(1));
  ASSERT_TRUE(Ask(admin).ok());
  const std::string before = server_.serial;
  // Nearly over: valid since 61 minutes, for another three.
  Replace(*tls_->authority(), absl::Now() - absl::Minutes(1), absl::Minutes(4));
  ASSERT_TRUE(Eventually([&] {
    return Own().serial != before && Own().not_after > absl::Now() + absl::Hours(24 * 300);
  }));
  EXPECT_EQ(ToString(Own().principal), "controller/c1");
  ASSERT_TRUE(Ask(admin).ok());
  EXPECT_EQ(server_.serial, Own().serial);
  EXPECT_EQ(identity::LoadCredentials(files_.credentials())->leaf.serial, Own().serial)
      << "and it is on the disk";
  EXPECT_TRUE(GoesOn(&node));
}

TEST_F(ControllerTlsTest, WithoutTheCaKeyItKeepsWhatItHas) {
  Start();
  const auto signing = tls_->authority();
  ASSERT_EQ(unlink(files_.ca_key().c_str()), 0);
  ASSERT_TRUE(Eventually([&] { return tls_->authority() == nullptr; }));
  Replace(*signing, absl::Now() - absl::Minutes(1), absl::Minutes(4));
  const std::string serial = identity::LoadCredentials(files_.credentials())->leaf.serial;
  ASSERT_TRUE(Eventually([&] { return Own().serial == serial; }));
  absl::SleepFor(absl::Seconds(3));
  EXPECT_EQ(Own().serial, serial) << "there was nothing to renew it with";
}

TEST_F(ControllerTlsTest, AWrongCaKeyLeavesTheOneBefore) {
  Start();
  const std::string signing = tls_->authority()->root().key_id;
  const auto other = identity::Authority::Create(absl::Now(), absl::Hours(24));
  ASSERT_TRUE(WriteFileAtomically(files_.ca_key(), other->key_pem(), 0600).ok());
  absl::SleepFor(absl::Seconds(3));
  ASSERT_NE(tls_->authority(), nullptr);
  EXPECT_EQ(tls_->authority()->root().key_id, signing);
}

TEST_F(ControllerTlsTest, WithoutFilesItSaysWhatToDo) {
  const auto none = ControllerTls::Open({"c1", files_, {}}, &clock_);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("heddle-controller init"));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("--insecure"));
}

TEST_F(ControllerTlsTest, OnlyAControllersCertificateWillDo) {
  Start();
  const std::string path = folder_.path() + "/node.pem";
  ASSERT_TRUE(WriteIdentityFile(path, Issue(Role::kNode, "h1")).ok());
  const auto wrong = ControllerTls::Open({"c1", {}, identity::IdentityFile(path)}, &clock_);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("node/h1"));
}

}  // namespace
}  // namespace heddle::controller
