// The ipip backend with packets: a mesh, full-size packets, direct paths, repair, a restart.
// Skipped where the kernel has no ipip.
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/foreign_objects.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kRepairLimit = absl::Seconds(1);

ClusterOptions Ipip(const std::string& keys = "") {
  ClusterOptions options;
  options.net_conf =
      absl::StrCat(R"({"Network": "10.244.0.0/16", "Backend": {"Type": "ipip")", keys, "}}");
  return options;
}

TEST(IpipTest, AFullPacketFillsTheUnderlayAndOneByteMoreDoesNotPass) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Cluster cluster(Ipip());
  ASSERT_TRUE(cluster.Up());
  ASSERT_EQ(cluster.pod(1).mtu_bytes(), 1480);
  EXPECT_TRUE(cluster.PodsReachEachOther());
  for (int number : {1, 2}) {  // it is the tunnel that is to decide
    cluster.host(number).IpCommand("link set pod1 mtu 1500");
    cluster.host(number).IpCommand("link set cni0 mtu 1500");
    RunCommand(&cluster.pod(number).netns(), "ip link set eth0 mtu 1500");
  }
  const NetworkNamespace& from = cluster.pod(1).netns();
  const Ip to = cluster.pod(2).address(Family::kV4);
  const PacketCounter full(cluster.host(2).netns(), "input", "meta l4proto 4 meta length 1500");
  EXPECT_TRUE(Pings(from, to, 1480));
  EXPECT_GE(full.packets(), 1);  // nodes may probe their paths meanwhile
  EXPECT_FALSE(Pings(from, to, 1481, absl::Milliseconds(300)));
}

TEST(IpipTest, DirectRoutingLeavesTheTunnelOut) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Cluster cluster(Ipip(R"(, "DirectRouting": true)"));
  ASSERT_TRUE(cluster.Up());
  const PacketCounter tunnelled(cluster.host(2).netns(), "input", "meta l4proto 4");
  EXPECT_TRUE(cluster.PodsReachEachOther());
  EXPECT_EQ(tunnelled.packets(), 0);
  Host& host = cluster.host(1);
  const std::set<std::string> direct = OurObjects(host);
  cluster.lab().wire().SetSysctl("net/ipv4/ip_forward", "1");
  PingStream stream(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  host.IpCommand("addr add 192.0.2.1/32 dev eth0");
  host.IpCommand("addr del 192.0.2.1/24 dev eth0");
  EXPECT_TRUE(Within(absl::Seconds(5), "through the tunnel", [&] {
    const std::string objects = absl::StrJoin(OurObjects(host), "\n");
    return absl::StrContains(objects, "via 192.0.2.2 dev heddle.ipip") ? std::string() : objects;
  }));
  host.IpCommand("addr add 192.0.2.1/24 dev eth0");
  host.IpCommand("addr del 192.0.2.1/32 dev eth0");
  EXPECT_TRUE(Within(absl::Seconds(5), "plain routes again",
                     [&] { return Difference(direct, OurObjects(host)); }));
  EXPECT_TRUE(stream.StopWithoutLoss());
}

TEST(IpipTest, RepairsInUnderASecondAndTouchesNothingForeign) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Cluster cluster(Ipip());
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const ForeignObjects foreign(host);
  const std::set<std::string> before = OurObjects(host);
  for (const std::vector<std::string>& event : std::vector<std::vector<std::string>>{
           {"link delete heddle.ipip"},
           {"link set heddle.ipip down"},
           {"link set heddle.ipip mtu 1300"},
           {"link delete heddle.ipip",
            "link add heddle.ipip type ipip local 192.0.2.1 remote 192.0.2.99"},
           {"addr flush dev heddle.ipip"},
           {"nexthop flush proto 104"},
           {"link set eth0 down", "link set eth0 up", "route add default via 192.0.2.254"},
           {"link set tunl0 up"}}) {
    SCOPED_TRACE(absl::StrJoin(event, "; "));
    for (const std::string& command : event) {
      // What the node was faster to mend has nothing left to fail on.
      TryRun({{"sh", "-c", "ip " + command}, {}, &host.netns()});
    }
    EXPECT_TRUE(Within(kRepairLimit, "all of ours as before",
                       [&] { return Difference(before, OurObjects(host)); }));
    EXPECT_TRUE(cluster.PodsReachEachOther());
  }
  EXPECT_EQ(foreign.Change(), "");
}

TEST(IpipTest, FollowsTheUnderlaysMtuAndARestartLosesNothing) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Cluster cluster(Ipip());
  ASSERT_TRUE(cluster.Up());
  PingStream stream(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  Host& host = cluster.host(1);
  host.IpCommand("link set eth0 mtu 1400");
  EXPECT_TRUE(Within(kRepairLimit, "MTU 1380", [&] {
    return host.IpJson("link show dev heddle.ipip")[0]["mtu"] == 1380 &&
           cluster.node(1).subnet_env()->mtu_bytes == 1380;
  }));
  host.IpCommand("link set eth0 mtu 1500");
  const std::set<std::string> before = OurObjects(host);
  EXPECT_EQ(cluster.node(1).process().Stop(), 0);
  cluster.node(1).Start();
  EXPECT_TRUE(cluster.Mesh(absl::Seconds(10)));
  EXPECT_TRUE(Within(kRepairLimit, "MTU 1480",
                     [&] { return host.IpJson("link show dev heddle.ipip")[0]["mtu"] == 1480; }));
  EXPECT_TRUE(stream.StopWithoutLoss());
}

TEST(IpipTest, ANetworkWithAnIpv6RangeIsRefusedByTheController) {
  Cluster cluster{ClusterOptions{}};
  const std::string conf = cluster.host(1).folder() + "/ipip6.json";
  std::ofstream(conf) << R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
      "IPv6Network": "fd00:244::/48", "Backend": {"Type": "ipip"}})";
  const CommandResult set = cluster.ctl().Try("network set " + conf);
  EXPECT_NE(set.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(set.err, "EnableIPv6")) << set.err;
}

}  // namespace
}  // namespace heddle::lab
