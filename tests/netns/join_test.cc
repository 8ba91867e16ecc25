// Hosts join: leases, kernel objects, subnet.env, and packets between pods, for every backend and
// family.
#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);

ClusterOptions WithNetwork(const std::string& net_conf) {
  ClusterOptions options;
  options.net_conf = net_conf;
  return options;
}

// What subnet.env should say, byte for byte, given the subnets that the node was lent.
std::string ExpectedSubnetEnv(const SubnetEnv& env, int mtu_bytes, bool ip_masq) {
  std::string text;
  env.subnet.ForEach([&](Family family, const Prefix& subnet) {
    const std::string prefix = family == Family::kV4 ? "FLANNEL_" : "FLANNEL_IPV6_";
    absl::StrAppend(&text, prefix, "NETWORK=", env.network[family]->ToString(), "\n");
    absl::StrAppend(&text, prefix, "SUBNET=", subnet.at(1).ToString(), "/", subnet.length(), "\n");
  });
  return absl::StrCat(text, "FLANNEL_MTU=", mtu_bytes, "\n",
                      "FLANNEL_IPMASQ=", ip_masq ? "true" : "false", "\n");
}

struct Scenario {
  std::string name, net_conf;
  bool underlay_ipv4, underlay_ipv6;
  int mtu_bytes;
  const char* device;      // the one that must carry the pods' packets
  const char* links = "";  // the type of links that not every kernel has, if it takes any
};

void PrintTo(const Scenario& value, std::ostream* out) { *out << value.name; }

class BackendTest : public testing::TestWithParam<Scenario> {};

std::int64_t PacketsSent(const Host& host, const std::string& device) {
  return host.IpJson("-s link show dev " + device)[0]["stats64"]["tx"]["packets"];
}

TEST_P(BackendTest, PodsOfThreeHostsReachEachOther) {
  const Scenario& scenario = GetParam();
  HEDDLE_SKIP_WITHOUT_LINKS(scenario.links);
  ClusterOptions options = WithNetwork(scenario.net_conf);
  options.lab.ipv4 = scenario.underlay_ipv4;
  options.lab.ipv6 = scenario.underlay_ipv6;
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  EXPECT_TRUE(cluster.PodsReachEachOther());
  for (int number = 1; number <= 3; ++number) {
    const SubnetEnv env = *cluster.node(number).subnet_env();
    EXPECT_EQ(env.text, ExpectedSubnetEnv(env, scenario.mtu_bytes, false));
  }
  EXPECT_GT(PacketsSent(cluster.host(1), scenario.device), 3);
}

// An IPv6 underlay costs 70 bytes, so pods with both families get 1430.
INSTANTIATE_TEST_SUITE_P(
    Join, BackendTest,
    testing::Values(
        Scenario{"VxlanIpv4", R"({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}})", true,
                 false, 1450, "heddle.1"},
        Scenario{"VxlanDualStack",
                 R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
                     "IPv6Network": "fd00:244::/48", "Backend": {"Type": "vxlan", "VNI": 7}})",
                 true, true, 1430, "heddle6.7"},
        Scenario{"VxlanIpv6Only",
                 R"({"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
                     "Backend": {"Type": "vxlan"}})",
                 false, true, 1430, "heddle6.1"},
        Scenario{"VxlanDirectRouting",
                 R"({"Network": "10.244.0.0/16",
                     "Backend": {"Type": "vxlan", "DirectRouting": true}})",
                 true, false, 1450, "eth0"},
        Scenario{"HostGwDualStack",
                 R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
                     "IPv6Network": "fd00:244::/48", "Backend": {"Type": "host-gw"}})",
                 true, true, 1500, "eth0"},
        Scenario{"Ipip", R"({"Network": "10.244.0.0/16", "Backend": {"Type": "ipip"}})", true,
                 false, 1480, "heddle.ipip", "ipip"},
        Scenario{"IpipDirectRouting",
                 R"({"Network": "10.244.0.0/16",
                     "Backend": {"Type": "ipip", "DirectRouting": true}})",
                 true, false, 1480, "eth0", "ipip"},
        Scenario{"WireguardIpv4",
                 R"({"Network": "10.244.0.0/16", "Backend": {"Type": "wireguard"}})", true, false,
                 1420, "heddle.wg", "wireguard"},
        Scenario{"WireguardIpv6Only",
                 R"({"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
                     "Backend": {"Type": "wireguard"}})",
                 false, true, 1420, "heddle.wg6", "wireguard"},
        Scenario{"WireguardDualStack",
                 R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
                     "IPv6Network": "fd00:244::/48", "Backend": {"Type": "wireguard"}})",
                 true, true, 1420, "heddle.wg6", "wireguard"},
        Scenario{"WireguardOneDevice",
                 R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
                     "IPv6Network": "fd00:244::/48",
                     "Backend": {"Type": "wireguard", "Mode": "ipv6"}})",
                 true, true, 1420, "heddle.wg", "wireguard"}),
    [](const testing::TestParamInfo<Scenario>& param) { return param.param.name; });

TEST(JoinTest, VxlanPacketsStayInTheTunnelAndDirectOnesOutOfIt) {
  Cluster tunnelled{ClusterOptions{}};
  ASSERT_TRUE(tunnelled.Up());
  const std::int64_t before = PacketsSent(tunnelled.host(1), "heddle.1");
  ASSERT_TRUE(tunnelled.PodsReachEachOther());
  EXPECT_GE(PacketsSent(tunnelled.host(1), "heddle.1") - before, 8);
}

TEST(JoinTest, DirectRoutingMakesNoTunnelEntries) {
  Cluster cluster(WithNetwork(R"({"Network": "10.244.0.0/16",
                                  "Backend": {"Type": "vxlan", "DirectRouting": true}})"));
  ASSERT_TRUE(cluster.Up());
  const std::int64_t before = PacketsSent(cluster.host(1), "heddle.1");
  ASSERT_TRUE(cluster.PodsReachEachOther());
  EXPECT_EQ(PacketsSent(cluster.host(1), "heddle.1"), before);
  for (const std::string& line : OurObjects(cluster.host(1))) {
    EXPECT_FALSE(absl::StartsWith(line, "fdb") || absl::StartsWith(line, "neighbour")) << line;
  }
}

TEST(JoinTest, AllocLendsSubnetsAndLeavesTheKernelAlone) {
  ClusterOptions options =
      WithNetwork(R"({"Network": "10.244.0.0/16", "Backend": {"Type": "alloc"}})");
  options.node_flags = {"--forward-rules=false"};
  Cluster cluster(options);
  cluster.StartNodes();
  for (int number = 1; number <= 3; ++number) {
    Node& node = cluster.node(number);
    ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
    const SubnetEnv env = *node.subnet_env();
    EXPECT_EQ(env.text, ExpectedSubnetEnv(env, 1500, false));
    EXPECT_EQ(Difference({}, OurObjects(node.host())), "");
  }
}

TEST(JoinTest, ReadyMeansThatTheSnapshotIsApplied) {
  Cluster cluster{ClusterOptions{}};
  cluster.node(1).Start();
  cluster.node(2).Start();
  ASSERT_TRUE(Within(kSoon, "two nodes",
                     [&] { return cluster.node(1).ready() && cluster.node(2).ready(); }));
  Node& late = cluster.node(3);
  late.Start();
  // The file, and READY, are looked at before the kernel: whatever is there then was there before.
  ASSERT_TRUE(Within(kSoon, "subnet.env", [&] { return late.subnet_env().has_value(); }));
  EXPECT_EQ(OurRoutes(late.host()).size(), 2u);
  EXPECT_TRUE(Within(kSoon, "READY", [&] { return late.ready(); }));
}

TEST(JoinTest, ANodeThatCannotProgramItsKernelIsNotReadyAndSaysWhy) {
  ClusterOptions options;
  options.nodes = 1;
  Cluster cluster(options);
  // Somebody else's device has the name.
  cluster.host(1).IpCommand("link add heddle.1 type bridge");
  Node& node = cluster.node(1);
  node.Start();
  EXPECT_TRUE(Within(kSoon, "the problem in `node show`", [&] {
    const CommandResult shown = cluster.ctl().Try("node show h1 -o json");
    return shown.exit_code == 0 && absl::StrContains(shown.out, "heddle.1");
  }));
  EXPECT_FALSE(node.subnet_env().has_value());
  EXPECT_FALSE(node.ready());
  cluster.host(1).IpCommand("link delete heddle.1");
  EXPECT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  EXPECT_TRUE(node.subnet_env().has_value());
}

// By the backend's name, which is also that of the links and of the module.
class MissingModuleTest : public testing::TestWithParam<const char*> {};

TEST_P(MissingModuleTest, IsNamedInNodeShowWithTheCommandThatLoadsIt) {
  const std::string module = GetParam();
  if (KernelMakesLinks(module)) GTEST_SKIP() << "this kernel has " << module << " links";
  ClusterOptions options = WithNetwork(
      absl::StrCat(R"({"Network": "10.244.0.0/16", "Backend": {"Type": ")", module, R"("}})"));
  options.nodes = 1;
  Cluster cluster(options);
  cluster.node(1).Start();
  EXPECT_TRUE(Within(kSoon, "the module in `node show`", [&] {
    const CommandResult shown = cluster.ctl().Try("node show h1 -o json");
    return absl::StrContains(shown.out, "modprobe " + module) ? "" : shown.out + shown.err;
  }));
  EXPECT_FALSE(cluster.node(1).ready());
}

INSTANTIATE_TEST_SUITE_P(Join, MissingModuleTest, testing::Values("ipip", "wireguard"),
                         [](const testing::TestParamInfo<const char*>& param) {
                           return std::string(param.param);
                         });

TEST(JoinTest, ARemovedNodeLeavesNothingBehindOnTheOthers) {
  Cluster cluster{ClusterOptions{}};
  ASSERT_TRUE(cluster.Up());
  const std::string gone = cluster.node(3).subnet_env()->subnet[Family::kV4]->base().ToString();
  cluster.node(3).process().Kill();
  ASSERT_EQ(cluster.ctl().Try("node remove h3 --yes --wait").exit_code, 0);
  for (int number : {1, 2}) {
    EXPECT_TRUE(Within(absl::Seconds(1), "no trace of h3", [&] {
      for (const std::string& line : OurObjects(cluster.host(number))) {
        if (absl::StrContains(line, gone) || absl::StrContains(line, "192.0.2.3")) return line;
      }
      return std::string();
    }));
  }
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
}

}  // namespace
}  // namespace heddle::lab
