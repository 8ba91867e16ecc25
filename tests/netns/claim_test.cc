// A node that claims the public address of another one.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

// Two nodes whose pods ping each other, and a third that has h1's address for its own.
class ClaimTest : public testing::Test {
 protected:
  ClaimTest()
      : cluster_(Options()),
        thief_(cluster_.host(3),
               NodeOptions{"", cluster_.controller().endpoint(), {"--public-ip", "192.0.2.1"}}) {
    thief_.options().pki = cluster_.pki();
  }
  static ClusterOptions Options() {
    ClusterOptions options;
    options.nodes = 2;
    options.lab.ipv6 = false;
    options.controller_flags = {"--heartbeat-seconds", "1"};
    return options;
  }
  // The audit line with all of these; "": there is none.
  std::string Audited(const std::vector<std::string>& words) {
    for (const absl::string_view line :
         absl::StrSplit(cluster_.controller().process().Log(), '\n')) {
      bool has_all = absl::StrContains(line, " audit {");
      for (const std::string& word : words) has_all = has_all && absl::StrContains(line, word);
      if (has_all) return std::string(line);
    }
    return "";
  }
  std::string AddressOf(const std::string& node_id) {
    return cluster_.ctl().Json("lease show " + node_id).at("publicIpv4").dump();
  }

  Cluster cluster_;
  Node thief_;
};

TEST_F(ClaimTest, IsRefusedWhileThatOneLives) {
  ASSERT_TRUE(cluster_.Up());
  ASSERT_TRUE(cluster_.PodsReachEachOther());
  PingStream pings(cluster_.pod(2).netns(), cluster_.pod(1).address(Family::kV4));
  const auto objects = OurObjects(cluster_.host(2));
  thief_.Start();
  EXPECT_TRUE(Within(kSoon, "it is told of both nodes and what to do", [&] {
    const std::string log = thief_.process().Log();
    return absl::StrContains(log, "192.0.2.1") && absl::StrContains(log, "h1") &&
           absl::StrContains(log, "heddlectl node allow-address");
  })) << thief_.process().Log();
  EXPECT_TRUE(Within(kSoon, "the audit log has it", [&] {
    return !Audited({R"("who":"node/h3")", "192.0.2.1", "ALREADY_EXISTS"}).empty();
  })) << cluster_.controller().process().Log();
  EXPECT_FALSE(thief_.ready());
  EXPECT_EQ(cluster_.ctl().Try("lease show h3").exit_code, 5) << "it has no lease";
  EXPECT_EQ(AddressOf("h1"), "\"192.0.2.1\"");
  EXPECT_TRUE(Within(kSoon, "a hundred pings", [&] { return pings.sent() >= 100; }));
  EXPECT_TRUE(pings.StopWithoutLoss());
  EXPECT_EQ(OurObjects(cluster_.host(2)), objects) << "h2 sends as before";

  // An administrator's word decides, and is in the audit log with the change's revision.
  const CommandResult allowed = cluster_.ctl().Try("node allow-address h3 192.0.2.1");
  ASSERT_EQ(allowed.exit_code, 0) << allowed.err;
  const std::string line = Audited({R"("who":"admin/alice")", "AllowAddress", R"("result":"OK")"});
  EXPECT_TRUE(absl::StrContains(line, R"("revision":)")) << line;
  EXPECT_TRUE(Within(kSoon, "h3 is ready", [&] { return thief_.ready(); }));
  EXPECT_EQ(AddressOf("h3"), "\"192.0.2.1\"");
  EXPECT_TRUE(Within(kSoon, "h1 is refused that address now",
                     [&] { return absl::StrContains(cluster_.node(1).process().Log(), "h3"); }));
}

TEST_F(ClaimTest, IsTakenWhenThatOneIsGone) {
  ASSERT_TRUE(cluster_.Up());
  thief_.Start();
  EXPECT_TRUE(Within(kSoon, "it is refused", [&] {
    return !Audited({R"("who":"node/h3")", "ALREADY_EXISTS"}).empty();
  }));
  EXPECT_FALSE(thief_.ready());
  cluster_.node(1).process().Kill();
  EXPECT_TRUE(Within(kSoon, "h3 is ready", [&] { return thief_.ready(); }));
  EXPECT_EQ(AddressOf("h3"), "\"192.0.2.1\"");
}

}  // namespace
}  // namespace heddle::lab
