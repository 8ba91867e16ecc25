// Who is not let in: real programs with real certificates that are wrong in one thing each.
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "tests/lab/built.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(15);

ClusterOptions TwoNodesOfThreeHosts() {
  ClusterOptions options;
  options.nodes = 2;
  return options;
}

// Two nodes that carry pods' packets, and a third host from which strangers come.
class RefusalTest : public testing::Test {
 protected:
  RefusalTest() : cluster_(TwoNodesOfThreeHosts()), folder_(cluster_.host(3).folder()) {}

  void SetUp() override {
    ASSERT_TRUE(cluster_.Up());
    before_ = Subnets();
    pings_.emplace(cluster_.pod(1).netns(), cluster_.pod(2).address(Family::kV4));
  }
  // Nobody who belongs here has noticed anything.
  void TearDown() override {
    if (!pings_) return;
    EXPECT_TRUE(Within(kSoon, "fifty pings", [&] { return pings_->sent() >= 50; }));
    EXPECT_TRUE(pings_->StopWithoutLoss());
    EXPECT_EQ(Subnets(), before_);
    EXPECT_EQ(cluster_.ctl().Json("status")["attachedNodes"], 2);
    EXPECT_TRUE(cluster_.Mesh(kSoon)) << "and no route but these";
  }

  std::map<std::string, std::string> Subnets() {
    std::map<std::string, std::string> subnets;
    const nlohmann::json listed = cluster_.ctl().Json("lease list");
    for (const auto& lease : listed["leases"]) {
      subnets[lease.at("nodeId")] = lease.at("ipv4Subnet");
    }
    return subnets;
  }

  // What becomes of a stranger that attaches as `node_id`; `identity` as stranger.cc has it.
  std::string Attach(const std::string& identity, const std::string& node_id) {
    Program stranger;
    stranger.netns = &cluster_.host(3).netns();
    stranger.argv = {Built("tests/netns/stranger"), cluster_.controller().endpoint(), identity,
                     node_id, "3"};
    const CommandResult result = TryRun(stranger, kSoon);
    EXPECT_EQ(result.err, "") << "the stranger cannot even try";
    return result.out;
  }
  // An identity file of the cluster's own CA.
  std::string Issue(const std::string& principal, const identity::TestTerm& term = {}) {
    const std::string path = folder_ + "/stranger.pem";
    cluster_.pki()->IssueInto(path, principal, term);
    return path;
  }
  std::string Roots() { return cluster_.pki()->tls_dir() + "/ca.pem"; }

  // The audit log has a line with both of these.
  testing::AssertionResult Audited(const std::string& one, const std::string& other) {
    return Within(kSoon, absl::StrCat("an audit line with ", one, " and ", other), [&] {
      for (const absl::string_view line :
           absl::StrSplit(cluster_.controller().process().Log(), '\n')) {
        if (absl::StrContains(line, "audit") && absl::StrContains(line, one) &&
            absl::StrContains(line, other)) {
          return true;
        }
      }
      return false;
    });
  }

  Cluster cluster_;
  const std::string folder_;
  std::map<std::string, std::string> before_;
  std::optional<PingStream> pings_;
};

// A refusal below would prove nothing if this were refused, too.
TEST_F(RefusalTest, TheRightCertificateIsLetIn) {
  EXPECT_TRUE(absl::StartsWith(Attach(Issue("node/h9"), "h9"), "attached\n"));
  EXPECT_TRUE(Within(kSoon, "it is gone again",
                     [&] { return cluster_.ctl().Json("status")["attachedNodes"] == 2; }));
}

TEST_F(RefusalTest, NoCertificate) {
  const std::string answer = Attach("--none=" + Roots(), "h1");
  EXPECT_TRUE(absl::StartsWith(answer, "UNAUTHENTICATED: ")) << answer;
  EXPECT_TRUE(Audited("\"Attach\"", "UNAUTHENTICATED"));
}

TEST_F(RefusalTest, AnExpiredCertificate) {
  const absl::Time now = absl::Now();
  const std::string answer =
      Attach(Issue("node/h1", {now - absl::Hours(2), now - absl::Hours(1)}), "h1");
  EXPECT_TRUE(absl::StartsWith(answer, "UNAUTHENTICATED: ")) << answer;
  EXPECT_TRUE(Audited("\"Attach\"", "expired"));
}

// What a host shows whose clock was an hour ahead when it was given its certificate.
TEST_F(RefusalTest, ACertificateOfTheFuture) {
  const absl::Time now = absl::Now();
  const std::string answer =
      Attach(Issue("node/h1", {now + absl::Hours(1), now + absl::Hours(2)}), "h1");
  EXPECT_TRUE(absl::StartsWith(answer, "UNAUTHENTICATED: ")) << answer;
  EXPECT_TRUE(Audited("\"Attach\"", "not valid before"));
}

TEST_F(RefusalTest, ACertificateOfAnotherCa) {
  Pki other(folder_);
  other.InitController("", folder_ + "/other-tls");
  identity::Credentials forged = other.Issue("node/h1");
  forged.roots_pem = cluster_.pki()->Issue("node/h1").roots_pem;  // the stranger believes in us
  const std::string path = folder_ + "/forged.pem";
  ASSERT_TRUE(identity::WriteIdentityFile(path, forged).ok());
  const std::string answer = Attach(path, "h1");
  EXPECT_TRUE(absl::StartsWith(answer, "UNAUTHENTICATED: ")) << answer;
  EXPECT_TRUE(Audited("\"Attach\"", "does not lead to a root that is believed"));

  // And a node of that other cluster does not believe in this one's controller.
  Node node(cluster_.host(3), NodeOptions{"h1", cluster_.controller().endpoint(), {}});
  node.options().pki = &other;
  node.Start();
  EXPECT_TRUE(Within(kSoon, "it says that it does not believe the controller", [&] {
    return absl::StrContains(node.process().Log(), "is not believed");
  })) << node.process().Log();
  EXPECT_FALSE(node.ready());
}

TEST_F(RefusalTest, AnotherNodesCertificate) {
  std::filesystem::copy(cluster_.node(2).identity_path(), folder_ + "/stolen.pem");
  const std::string answer = Attach(folder_ + "/stolen.pem", "h1");
  EXPECT_TRUE(absl::StartsWith(answer, "PERMISSION_DENIED: ")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "h1") && absl::StrContains(answer, "h2")) << answer;
  EXPECT_TRUE(Audited("node/h2", "PERMISSION_DENIED"));

  // heddle-node itself does not even try.
  Node node(cluster_.host(3), NodeOptions{"h1", cluster_.controller().endpoint(), {}});
  node.options().pki = cluster_.pki();
  std::filesystem::create_directories(FolderOf(node.identity_path()));
  std::filesystem::copy(folder_ + "/stolen.pem", node.identity_path());
  node.Start();
  EXPECT_EQ(node.process().Wait(kSoon).value_or(-1), 2) << node.process().Log();
  EXPECT_TRUE(absl::StrContains(node.process().Log(), "node/h2")) << node.process().Log();
}

TEST_F(RefusalTest, CertificatesOfOtherRoles) {
  for (const std::string principal : {"admin/h1", "viewer/h1", "controller/h1"}) {
    const std::string answer = Attach(Issue(principal), "h1");
    EXPECT_TRUE(absl::StartsWith(answer, "PERMISSION_DENIED: ")) << principal << ": " << answer;
    EXPECT_TRUE(Audited(principal, "PERMISSION_DENIED"));
  }
}

TEST_F(RefusalTest, AViewerSeesAndChangesNothing) {
  const Heddlectl viewer(cluster_.host(3).netns(), cluster_.controller().endpoint(),
                         Issue("viewer/bob"));
  EXPECT_EQ(viewer.Json("lease list")["leases"].size(), 2u);
  for (const std::string& command : std::vector<std::string>{
           "lease reserve h9", "lease release --yes h1", "node remove --yes h1", "token create",
           "cert revoke --yes --node h1", "backup " + folder_ + "/stolen.backup",
           "cert create --role admin bob --out " + folder_ + "/risen.pem"}) {
    const CommandResult result = viewer.Try(command);
    EXPECT_NE(result.exit_code, 0) << command;
    EXPECT_TRUE(absl::StrContains(result.err, "viewer/bob")) << command << ": " << result.err;
  }
  for (const std::string action : {"ReserveLease", "ReleaseLease", "RemoveNode", "CreateToken",
                                   "RevokeCertificate", "Backup", "IssueCertificate"}) {
    EXPECT_TRUE(Audited("viewer/bob", action));
  }
}

// A certificate of a node is none of an administrator.
TEST_F(RefusalTest, ANodeIsNoAdministrator) {
  const Heddlectl node(cluster_.host(3).netns(), cluster_.controller().endpoint(),
                       Issue("node/h1"));
  EXPECT_NE(node.Try("lease list").exit_code, 0);
  EXPECT_NE(node.Try("lease release --yes h2").exit_code, 0);
}

TEST_F(RefusalTest, WhoSpeaksNoTls) {
  const Heddlectl plain(cluster_.host(3).netns(), cluster_.controller().endpoint(), "");
  EXPECT_NE(plain.Try("--timeout-seconds 3 lease list").exit_code, 0);
  Node node(cluster_.host(3), NodeOptions{"h1", cluster_.controller().endpoint(), {}});
  node.Start();
  absl::SleepFor(absl::Seconds(2));
  EXPECT_FALSE(node.ready());
}

// Nothing is done without security unless it was asked for by name.
TEST_F(RefusalTest, ProgramsWithoutCredentialsDoNotStart) {
  const Host& host = cluster_.host(3);
  for (const std::vector<std::string>& argv : std::vector<std::vector<std::string>>{
           {Built("controller/heddle-controller"), "--data-dir", folder_ + "/none", "--listen",
            "127.0.0.1:7999"},
           {Built("node/heddle-node"), "--controllers", cluster_.controller().endpoint(),
            "--node-id", "h9", "--subnet-file", folder_ + "/none.env", "--state-dir",
            folder_ + "/none"},
           {Built("cli/heddlectl"), "--identity", folder_ + "/none.pem", "lease", "list"}}) {
    Program program;
    program.netns = &host.netns();
    program.argv = argv;
    const CommandResult result = TryRun(program, kSoon);
    EXPECT_EQ(result.exit_code, 2) << argv[0] << ": " << result.err;
  }
}

}  // namespace
}  // namespace heddle::lab
