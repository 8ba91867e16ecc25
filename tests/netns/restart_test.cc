// Programs die and come back, and the pods do not notice.
#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_monitor.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);
// A node writes its snapshot to disk a second after the last change.
constexpr absl::Duration kSnapshotSaved = absl::Seconds(2);
// Chance is repeatable: a failure shows again.
constexpr int kSeed = 20240607;

ClusterOptions DualStack(const std::string& backend = "vxlan") {
  ClusterOptions options;
  options.net_conf = absl::StrCat(
      R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
          "Backend": {"Type": ")",
      backend, R"("}})");
  options.node_flags = {"--ip-masq"};
  return options;
}

// By the backend's name.
class KilledNodeTest : public testing::TestWithParam<const char*> {};

TEST_P(KilledNodeTest, LosesNoPingAndRewritesNothing) {
  const std::string backend = GetParam();
  HEDDLE_SKIP_WITHOUT_LINKS(backend == "vxlan" ? "" : backend);
  Cluster cluster(DualStack(backend));
  ASSERT_TRUE(cluster.Up());
  ASSERT_TRUE(cluster.PodsReachEachOther(kSoon));
  Node& node = cluster.node(1);
  const std::set<std::string> before = OurObjects(node.host());
  const std::string rules_before = RulesWithHandles(node.host());
  KernelMonitor monitor(node.host());
  PingStream out(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  PingStream in(cluster.pod(3).netns(), cluster.pod(1).address(Family::kV6));
  for (int round = 0; round < 5; ++round) {
    node.process().Kill();
    absl::SleepFor(absl::Milliseconds(50 * round));
    node.Start();
    ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  }
  EXPECT_TRUE(out.StopWithoutLoss());
  EXPECT_TRUE(in.StopWithoutLoss());
  EXPECT_EQ(absl::StrJoin(monitor.ChangesOfOurs(), "\n"), "");
  EXPECT_EQ(RulesWithHandles(node.host()), rules_before);
  EXPECT_EQ(Difference(before, OurObjects(node.host())), "");
}

INSTANTIATE_TEST_SUITE_P(Restart, KilledNodeTest, testing::Values("vxlan", "wireguard"),
                         [](const testing::TestParamInfo<const char*>& param) {
                           return std::string(param.param);
                         });

TEST(RestartTest, ANodeKilledInTheMiddleOfWorkConverges) {
  ClusterOptions options = DualStack();
  options.lab.hosts = 8;
  Cluster cluster(options);
  std::mt19937 random(kSeed);
  Node& victim = cluster.node(1);
  for (int number = 2; number <= 8; ++number) {
    victim.Start();
    cluster.node(number).Start();
    absl::SleepFor(absl::Milliseconds(random() % 120));
    victim.process().Kill();
  }
  victim.Start();
  EXPECT_TRUE(cluster.Mesh(absl::Seconds(20)));
  // Both families' device, the addresses, and three objects a peer and family besides the rules.
  int nexthops = 0;
  for (const std::string& line : OurObjects(victim.host())) {
    nexthops += line.rfind("nexthop ", 0) == 0 ? 1 : 0;
  }
  EXPECT_EQ(nexthops, 14);
}

TEST(RestartTest, APeerRemovedWhileTheNodeWasDownIsGoneAfterItsStart) {
  Cluster cluster(DualStack());
  ASSERT_TRUE(cluster.Up());
  Node& node = cluster.node(1);
  const std::string gone = cluster.node(3).subnet_env()->subnet[Family::kV4]->ToString();
  node.process().Kill();
  cluster.node(3).process().Kill();
  ASSERT_EQ(cluster.ctl().Try("node remove h3 --yes").exit_code, 0);
  ASSERT_EQ(OurRoutes(node.host()).count(gone), 1u);
  node.Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  EXPECT_TRUE(Within(absl::Seconds(2), "no route to h3",
                     [&] { return OurRoutes(node.host()).count(gone) == 0; }));
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
}

// Takes away what a reboot takes away: every kernel object of ours, and the files under /run.
void ForgetAsAReboot(Node& node) {
  const Host& host = node.host();
  for (const char* command :
       {"nexthop flush proto 104", "link delete heddle.1", "link delete heddle6.1"}) {
    host.IpCommand(command);
  }
  RunCommand(&host.netns(), "nft flush ruleset");
  std::filesystem::remove(host.folder() + "/subnet.env");
}

TEST(RestartTest, NodesStartConnectedWithNoControllerInReach) {
  Cluster cluster(DualStack());
  ASSERT_TRUE(cluster.Up());
  absl::SleepFor(kSnapshotSaved);
  std::map<std::string, std::string> env_before;
  for (int number = 1; number <= 3; ++number) {
    env_before[cluster.node(number).id()] = cluster.node(number).subnet_env()->text;
    cluster.node(number).process().Kill();
  }
  cluster.controller().process().Kill();
  for (int number = 1; number <= 3; ++number) ForgetAsAReboot(cluster.node(number));
  ASSERT_FALSE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4), 84,
                     absl::Milliseconds(200)));

  cluster.StartNodes();
  EXPECT_TRUE(cluster.Mesh(kSoon));
  EXPECT_TRUE(cluster.PodsReachEachOther());
  for (int number = 1; number <= 3; ++number) {
    EXPECT_EQ(cluster.node(number).subnet_env()->text, env_before[cluster.node(number).id()]);
  }
  // And they find the controller when it is back.
  cluster.controller().Start();
  EXPECT_TRUE(Within(absl::Seconds(30), "all attached", [&] {
    const CommandResult status = cluster.ctl().Try("status -o json");
    return status.exit_code == 0 && nlohmann::json::parse(status.out)["attachedNodes"] == 3;
  }));
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

TEST(RestartTest, AControllerThatIsGoneChangesNothing) {
  ClusterOptions options = DualStack();
  options.controller_flags = {"--heartbeat-seconds", "1"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  KernelMonitor monitor(cluster.host(1));
  PingStream pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  cluster.controller().process().Kill();
  absl::SleepFor(absl::Seconds(8));  // several missed heartbeats
  for (int number = 1; number <= 3; ++number) {
    EXPECT_TRUE(cluster.node(number).process().running());
  }
  cluster.controller().Start();
  ASSERT_TRUE(Answers(cluster.ctl()));
  EXPECT_TRUE(cluster.Mesh(kSoon));
  EXPECT_TRUE(pings.StopWithoutLoss());
  EXPECT_EQ(absl::StrJoin(monitor.ChangesOfOurs(), "\n"), "");
}

// What the nodes know to be theirs, and each subnet's one holder.
class Acknowledged {
 public:
  // Looks at the nodes' subnet.env files once more.
  void Look(Cluster& cluster) {
    for (int number = 1; number <= cluster.size(); ++number) {
      const auto env = cluster.node(number).subnet_env();
      if (!env) continue;
      const std::string id = cluster.node(number).id();
      const std::string subnet = env->subnet[Family::kV4]->ToString();
      const auto [mine, first] = subnet_of_.emplace(id, subnet);
      EXPECT_EQ(mine->second, subnet) << id << " lost its subnet";
      const auto [holder, is_new] = holder_of_.emplace(subnet, id);
      EXPECT_EQ(holder->second, id) << subnet << " was given twice";
    }
  }
  const std::map<std::string, std::string>& subnet_of() const { return subnet_of_; }

 private:
  std::map<std::string, std::string> subnet_of_, holder_of_;
};

TEST(RestartTest, AControllerKilledDuringJoinsLosesNoLeaseAndGivesNoneTwice) {
  constexpr int kHosts = 12;
  ClusterOptions options;
  options.lab.hosts = kHosts;
  Cluster cluster(options);
  std::mt19937 random(kSeed);
  Acknowledged acknowledged;
  for (int number = 1; number <= kHosts; ++number) {
    cluster.node(number).Start();
    absl::SleepFor(absl::Milliseconds(random() % 60));
    cluster.controller().process().Kill();
    acknowledged.Look(cluster);
    cluster.controller().Start();
    absl::SleepFor(absl::Milliseconds(random() % 300));
    acknowledged.Look(cluster);
  }
  ASSERT_TRUE(Answers(cluster.ctl()));
  EXPECT_TRUE(cluster.Mesh(absl::Seconds(60)));
  acknowledged.Look(cluster);
  EXPECT_EQ(acknowledged.subnet_of().size(), static_cast<std::size_t>(kHosts));
  const nlohmann::json list = cluster.ctl().Json("lease list");
  EXPECT_EQ(list["leases"].size(), static_cast<std::size_t>(kHosts));
  for (const auto& lease : list["leases"]) {
    EXPECT_EQ(acknowledged.subnet_of().at(lease["nodeId"]), lease["ipv4Subnet"]);
  }
}

}  // namespace
}  // namespace heddle::lab
