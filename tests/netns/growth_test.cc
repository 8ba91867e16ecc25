// The pod network's configuration changes while pods talk.
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr const char* kSmall =
    R"({"Network": "10.244.0.0/20", "SubnetLen": 24, "Backend": {"Type": "vxlan"}})";
constexpr const char* kBig =
    R"({"Network": "10.244.0.0/16", "SubnetLen": 24, "Backend": {"Type": "vxlan"}})";

std::string File(const std::string& net_conf) {
  const std::string path = "/run/lab/new-net-conf.json";
  std::ofstream(path) << net_conf;
  return path;
}

class GrowthTest : public testing::Test {
 protected:
  static ClusterOptions Options(const char* net_conf) {
    ClusterOptions options;
    options.net_conf = net_conf;
    options.node_flags = {"--ip-masq"};
    return options;
  }
};

TEST_F(GrowthTest, TheRangeGrowsUnderRunningPingsWithoutLoss) {
  Cluster cluster(Options(kSmall));
  ASSERT_TRUE(cluster.Up());
  PingStream there(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  PingStream back(cluster.pod(3).netns(), cluster.pod(1).address(Family::kV4));

  const CommandResult set = cluster.ctl().Try("network set " + File(kBig) + " --wait");
  EXPECT_EQ(set.exit_code, 0) << set.out << set.err;
  for (int number = 1; number <= 3; ++number) {
    const SubnetEnv env = *cluster.node(number).subnet_env();
    EXPECT_EQ(env.network[Family::kV4]->ToString(), "10.244.0.0/16");
    const std::string rules = RunCommand(&cluster.host(number).netns(), "nft list ruleset");
    EXPECT_TRUE(absl::StrContains(rules, "10.244.0.0/16")) << rules;
    EXPECT_FALSE(absl::StrContains(rules, "10.244.0.0/20")) << rules;
  }
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_TRUE(there.StopWithoutLoss());
  EXPECT_TRUE(back.StopWithoutLoss());

  // The new part is lent: a reservation there is granted.
  EXPECT_EQ(cluster.ctl().Try("lease reserve h9 10.244.200.0/24").exit_code, 0);
}

TEST_F(GrowthTest, ShrinkingIsRefusedAndNamesTheLeasesInTheWay) {
  Cluster cluster(Options(kBig));
  ASSERT_EQ(cluster.ctl().Try("lease reserve h3 10.244.200.0/24").exit_code, 0);
  ASSERT_TRUE(cluster.Up());
  EXPECT_EQ(cluster.node(3).subnet_env()->subnet[Family::kV4]->ToString(), "10.244.200.0/24");
  const CommandResult set = cluster.ctl().Try("network set " + File(kSmall));
  EXPECT_EQ(set.exit_code, 4) << set.out << set.err;
  EXPECT_TRUE(absl::StrContains(set.err, "h3")) << set.err;
  EXPECT_TRUE(absl::StrContains(set.err, "10.244.200.0/24")) << set.err;
  EXPECT_EQ(cluster.ctl().Json("network show")["ipv4"]["network"], "10.244.0.0/16");
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

TEST_F(GrowthTest, CheckSaysWhatWouldHappenAndChangesNothing) {
  Cluster cluster(Options(kSmall));
  ASSERT_TRUE(cluster.Up());
  const nlohmann::json before = cluster.ctl().Json("network show");
  const nlohmann::json check = cluster.ctl().Json("network check " + File(kBig));
  EXPECT_EQ(check["dryRun"], true);
  EXPECT_FALSE(check["effects"].empty());
  EXPECT_EQ(cluster.ctl().Json("network show"), before);
  EXPECT_EQ(cluster.node(1).subnet_env()->network[Family::kV4]->ToString(), "10.244.0.0/20");
}

TEST_F(GrowthTest, AWrongConfigurationIsRefusedWithTheKey) {
  Cluster cluster(Options(kSmall));
  struct Case {
    const char *net_conf, *named;
  };
  for (const Case& wrong :
       {Case{R"({"Netwrok": "10.244.0.0/16"})", "Network"},
        Case{R"({"Network": "10.244.0.0/16", "SubnetLen": 40})", "SubnetLen"},
        Case{
            R"({"Network": "10.244.0.0/16", "SubnetMin": "10.244.9.0", "SubnetMax": "10.244.5.0"})",
            "SubnetMin"},
        Case{R"({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlam"}})", "vxlan"},
        Case{R"({"Network": )", "JSON"}}) {
    const CommandResult set = cluster.ctl().Try("network set " + File(wrong.net_conf));
    EXPECT_NE(set.exit_code, 0) << wrong.net_conf;
    EXPECT_TRUE(absl::StrContains(set.err, wrong.named)) << wrong.net_conf << ": " << set.err;
  }
  EXPECT_EQ(cluster.ctl().Json("network show")["ipv4"]["network"], "10.244.0.0/20");
}

}  // namespace
}  // namespace heddle::lab
