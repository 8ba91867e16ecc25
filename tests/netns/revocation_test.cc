// A revoked certificate: what was open ends within a second, and nothing opens again.
#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "identity/credentials.h"
#include "tests/lab/built.h"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(15);

bool Attached(const Heddlectl& ctl, const std::string& node_id) {
  const nlohmann::json listed = ctl.Json("node list");
  for (const auto& node : listed["nodes"]) {
    if (node["nodeId"] == node_id) return node["attached"];
  }
  return false;
}

class RevocationTest : public testing::TestWithParam<int> {
 protected:
  static ClusterOptions Options() {
    ClusterOptions options;
    options.replicas = GetParam();
    return options;
  }
  std::string NodeLog(int number) { return cluster_.node(number).process().Log(); }
  // By whichever controller led.
  bool Audited(const std::string& words) {
    bool found = false;
    for (int i = 0; i < std::max(1, GetParam()); ++i) {
      found |= absl::StrContains(cluster_.controller(i).process().Log(), words);
    }
    return found;
  }

  Cluster cluster_{Options()};
};

// Measured at the client, with every controller that there is.
TEST_P(RevocationTest, AStreamEndsWithinASecond) {
  ASSERT_TRUE(cluster_.Up());
  const Host& host = cluster_.host(3);
  const std::string path = host.folder() + "/h9.pem";
  cluster_.pki()->IssueInto(path, "node/h9");
  const int controller = std::max(0, GetParam() - 1);  // the last: a follower, or the only one
  Process stranger("stranger", host.folder() + "/stranger.log");
  Program program;
  program.netns = &host.netns();
  program.argv = {Built("tests/netns/stranger"), cluster_.controller(controller).endpoint(), path,
                  "h9", "60"};
  stranger.Start(program);
  ASSERT_TRUE(Within(kSoon, "it is attached",
                     [&] { return absl::StrContains(stranger.Log(), "attached"); }));
  const std::string serial = identity::LoadCredentials(identity::IdentityFile(path))->leaf.serial;
  absl::Time revoked;
  ASSERT_EQ(cluster_.ctl().Try("cert revoke --yes " + serial).exit_code, 0);
  revoked = absl::Now();
  ASSERT_TRUE(stranger.Wait(absl::Seconds(5)).has_value()) << "its stream goes on";
  const absl::Duration took = absl::Now() - revoked;
  RecordProperty("stream_ended_after_ms", static_cast<int>(absl::ToInt64Milliseconds(took)));
  EXPECT_LT(took, absl::Seconds(1));
  EXPECT_TRUE(absl::StrContains(stranger.Log(), "PERMISSION_DENIED")) << stranger.Log();
  EXPECT_TRUE(absl::StrContains(stranger.Log(), "revoked")) << stranger.Log();

  stranger.Start(program);
  ASSERT_TRUE(stranger.Wait(kSoon).has_value()) << "it is attached again";
  EXPECT_TRUE(absl::EndsWith(stranger.Log(), "\n"));
  const std::string log = stranger.Log();
  EXPECT_EQ(log.find("attached"), log.rfind("attached")) << log;
}

TEST_P(RevocationTest, ANodeKeepsItsLeaseUnlessItIsReleased) {
  ASSERT_TRUE(cluster_.Up());
  const Heddlectl& ctl = cluster_.ctl();
  ASSERT_EQ(ctl.Try("cert revoke --yes --node h2").exit_code, 0);
  EXPECT_TRUE(Within(absl::Seconds(2), "h2 is out", [&] { return !Attached(ctl, "h2"); }));
  EXPECT_TRUE(
      Within(kSoon, "h2 says why", [&] { return absl::StrContains(NodeLog(2), "revoked"); }));
  EXPECT_EQ(ctl.Try("lease show h2").exit_code, 0) << "its lease was not asked for";
  EXPECT_TRUE(cluster_.PodsReachEachOther()) << "its packets go on";

  ASSERT_EQ(ctl.Try("cert revoke --yes --node h3 --release").exit_code, 0);
  EXPECT_TRUE(Within(absl::Seconds(2), "h3 is out", [&] { return !Attached(ctl, "h3"); }));
  EXPECT_EQ(ctl.Try("lease show h3").exit_code, 5) << "its lease is free";
  EXPECT_TRUE(Attached(ctl, "h1"));
}

// While it runs, as an administrator decides; a ticket that lay about does not do it.
TEST_P(RevocationTest, ANodeComesBackWithATicketForItAlone) {
  ASSERT_TRUE(cluster_.Up());
  const Heddlectl& ctl = cluster_.ctl();
  const std::string folder = cluster_.host(2).folder(),
                    file = cluster_.node(2).options().ticket_path;
  ASSERT_EQ(ctl.Try("token create --uses 9 --out " + folder + "/open").exit_code, 0);
  ASSERT_EQ(ctl.Try("token create --node h2 --out " + folder + "/before").exit_code, 0);
  ASSERT_EQ(ctl.Try("cert revoke --yes --node h2").exit_code, 0);
  EXPECT_TRUE(Within(absl::Seconds(2), "h2 is out", [&] { return !Attached(ctl, "h2"); }));
  for (const auto& [ticket, why] : {std::pair("/open", "the token is not for that node alone"),
                                    std::pair("/before", "the token is from before")}) {
    std::filesystem::rename(folder + ticket, file);
    EXPECT_TRUE(Within(kSoon, "it is refused", [&, said = why] { return Audited(said); }))
        << ticket;
    EXPECT_FALSE(Attached(ctl, "h2")) << ticket;
  }
  ASSERT_EQ(ctl.Try("token create --node h2 --out " + folder + "/again").exit_code, 0);
  std::filesystem::rename(folder + "/again", file);
  EXPECT_TRUE(Within(kSoon, "h2 is back", [&] { return Attached(ctl, "h2"); }));
  EXPECT_TRUE(cluster_.PodsReachEachOther());
}

INSTANTIATE_TEST_SUITE_P(Controllers, RevocationTest, testing::Values(0, 3),
                         [](const auto& info) { return info.param == 0 ? "One" : "Three"; });

}  // namespace
}  // namespace heddle::lab
