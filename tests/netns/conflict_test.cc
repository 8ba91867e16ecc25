// What is refused, what is held back, and what an administrator can do about it.
#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/foreign_objects.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(15);

TEST(ConflictTest, ASecondNodeOfOneIdIsRefusedWhileTheFirstLives) {
  ClusterOptions options;
  options.nodes = 2;
  options.controller_flags = {"--heartbeat-seconds", "1"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const std::string subnet = cluster.node(1).subnet_env()->subnet[Family::kV4]->ToString();
  Node twin(cluster.host(3), NodeOptions{"h1", cluster.controller().endpoint(), {}});
  twin.options().pki = cluster.pki();
  twin.Start();
  EXPECT_TRUE(Within(kSoon, "a refusal that names the id", [&] {
    return absl::StrContains(twin.process().Log(), "h1") &&
           absl::StrContains(twin.process().Log(), "in use");
  }));
  absl::SleepFor(absl::Seconds(2));
  EXPECT_FALSE(twin.ready());
  EXPECT_FALSE(twin.subnet_env().has_value());
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["publicIpv4"], "192.0.2.1");
  EXPECT_TRUE(cluster.PodsReachEachOther());

  cluster.node(1).process().Kill();
  EXPECT_TRUE(Within(absl::Seconds(40), "the twin, now the only one, is ready",
                     [&] { return twin.ready(); }));
  EXPECT_EQ(twin.subnet_env()->subnet[Family::kV4]->ToString(), subnet);
}

TEST(ConflictTest, AReservationOutsideTheRangeIsRefused) {
  ClusterOptions options;
  options.lab.hosts = 1;
  Cluster cluster(options);
  for (const char* subnet : {"10.99.0.0/24", "10.244.7.0/25", "10.244.0.0/16"}) {
    const CommandResult result = cluster.ctl().Try(absl::StrCat("lease reserve h9 ", subnet));
    EXPECT_EQ(result.exit_code, 4) << subnet << ": " << result.out << result.err;
    EXPECT_TRUE(absl::StrContains(result.err, subnet)) << result.err;
  }
  EXPECT_EQ(cluster.ctl().Try("lease reserve h9 not-a-subnet").exit_code, 2);
  EXPECT_EQ(cluster.ctl().Try("lease show h9").exit_code, 5);
}

TEST(ConflictTest, AnExhaustedRangeIsExplainedAndAReleaseHelps) {
  ClusterOptions options;
  options.lab.hosts = 4;
  // Room for three: the first of four subnets is not lent.
  options.net_conf =
      R"({"Network": "10.244.0.0/28", "SubnetLen": 30, "Backend": {"Type": "vxlan"}})";
  options.controller_flags = {"--rest", "1s"};
  Cluster cluster(options);
  for (int number = 1; number <= 3; ++number) cluster.node(number).Start();
  for (int number = 1; number <= 3; ++number) {
    ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(number).ready(); }));
  }
  Node& late = cluster.node(4);
  late.Start();
  EXPECT_TRUE(Within(kSoon, "a message that says that nothing is free, and of what", [&] {
    const std::string log = late.process().Log();
    return absl::StrContains(log, "no free IPv4 subnet") && absl::StrContains(log, "10.244.0.4");
  }));
  EXPECT_FALSE(late.ready());

  const std::string freed = cluster.node(1).subnet_env()->subnet[Family::kV4]->ToString();
  cluster.node(1).process().Kill();
  ASSERT_EQ(cluster.ctl().Try("node remove h1 --yes").exit_code, 0);
  EXPECT_TRUE(Within(absl::Seconds(40), "h4 gets the freed subnet", [&] { return late.ready(); }));
  EXPECT_EQ(late.subnet_env()->subnet[Family::kV4]->ToString(), freed);
}

TEST(ConflictTest, AReservedSubnetWaitsForItsNodeAndRestsWhenReleased) {
  ClusterOptions options;
  options.lab.hosts = 2;
  Cluster cluster(options);
  ASSERT_EQ(cluster.ctl().Try("lease reserve h1 10.244.77.0/24").exit_code, 0);
  const CommandResult taken = cluster.ctl().Try("lease reserve h7 10.244.77.0/24");
  EXPECT_EQ(taken.exit_code, 4);
  EXPECT_TRUE(absl::StrContains(taken.err, "h1")) << taken.err;
  cluster.StartNodes();
  ASSERT_TRUE(cluster.Mesh(kSoon));
  EXPECT_EQ(cluster.node(1).subnet_env()->subnet[Family::kV4]->ToString(), "10.244.77.0/24");
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["expires"], nullptr);

  cluster.node(1).process().Kill();
  ASSERT_EQ(cluster.ctl().Try("lease release h1 --yes").exit_code, 0);
  EXPECT_EQ(cluster.ctl().Json("lease list")["leases"].size(), 1u);
  bool resting = false;
  const nlohmann::json list = cluster.ctl().Json("lease list --resting");
  for (const auto& lease : list["leases"]) {
    resting |= lease["ipv4Subnet"] == "10.244.77.0/24" && lease["state"] == "resting";
  }
  EXPECT_TRUE(resting);
  // Nobody else is given it while it rests; its last holder may have it back.
  cluster.node(1).Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(1).ready(); }));
  EXPECT_EQ(cluster.node(1).subnet_env()->subnet[Family::kV4]->ToString(), "10.244.77.0/24");
}

TEST(ConflictTest, AMassRemovalIsHeldUntilItIsAccepted) {
  ClusterOptions options;
  options.lab.hosts = 6;
  options.node_flags = {"--hold-removals-min", "3", "--hold-removals-fraction", "0.5"};
  options.controller_flags = {"--heartbeat-seconds", "1"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const std::set<std::string> routes = OurRoutes(cluster.host(1));
  // The controller loses its data, and most of the nodes are away.
  for (int number = 2; number <= 6; ++number) cluster.node(number).process().Kill();
  cluster.controller().process().Kill();
  std::filesystem::remove_all(cluster.lab().control().folder() + "/data");
  cluster.controller().Start();
  ASSERT_TRUE(Answers(cluster.ctl()));
  ASSERT_TRUE(Within(absl::Seconds(40), "h1 reports what it holds back", [&] {
    const CommandResult shown = cluster.ctl().Try("node show h1 -o json");
    return shown.exit_code == 0 && nlohmann::json::parse(shown.out)["heldRemovals"] == 5;
  }));
  EXPECT_EQ(Difference(routes, OurRoutes(cluster.host(1))), "");
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));

  const CommandResult accept = cluster.ctl().Try("node accept h1");
  EXPECT_EQ(accept.exit_code, 0) << accept.err;
  EXPECT_TRUE(
      Within(kSoon, "the routes are gone", [&] { return OurRoutes(cluster.host(1)).empty(); }));
  EXPECT_TRUE(Within(kSoon, "nothing is held any more",
                     [&] { return cluster.ctl().Json("node show h1")["heldRemovals"] == 0; }));
}

TEST(ConflictTest, CleanupRemovesEverythingOursAndNothingElse) {
  ClusterOptions options;
  options.net_conf =
      R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
          "Backend": {"Type": "vxlan"}})";
  options.node_flags = {"--ip-masq"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  Node& node = cluster.node(1);
  const ForeignObjects foreign(node.host());
  EXPECT_GT(OurObjects(node.host()).size(), 10u);
  EXPECT_EQ(node.process().Stop(), 0);
  EXPECT_GT(OurObjects(node.host()).size(), 10u);  // stopping alone leaves the pods connected
  EXPECT_TRUE(cluster.PodsReachEachOther());

  const CommandResult cleanup = node.Cleanup();
  EXPECT_EQ(cleanup.exit_code, 0) << cleanup.out << cleanup.err;
  EXPECT_EQ(Difference({}, OurObjects(node.host())), "");
  EXPECT_EQ(foreign.Change(), "");
  EXPECT_EQ(node.Cleanup().exit_code, 0);  // twice is no error
  node.Start();
  EXPECT_TRUE(cluster.Mesh(kSoon));
}

}  // namespace
}  // namespace heddle::lab
