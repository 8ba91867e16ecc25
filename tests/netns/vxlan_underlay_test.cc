// vxlan on underlays of either family: what a full-size packet measures on the wire, and paths that
// change between plain and encapsulated while packets are under way.
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);

struct UnderlayCase {
  const char* name;
  bool ipv4, ipv6;
  int pod_mtu_bytes, full_ipv4_bytes, full_ipv6_bytes;  // of the outer packets
};

void PrintTo(const UnderlayCase& value, std::ostream* out) { *out << value.name; }

class VxlanMtuTest : public testing::TestWithParam<UnderlayCase> {};
INSTANTIATE_TEST_SUITE_P(Underlays, VxlanMtuTest,
                         testing::Values(UnderlayCase{"IPv4", true, false, 1450, 1500, 0},
                                         UnderlayCase{"IPv6", false, true, 1430, 0, 1500},
                                         UnderlayCase{"Dual", true, true, 1430, 1480, 1500}),
                         [](const auto& param) { return std::string(param.param.name); });

// The pods' interfaces are made wider, so that it is the tunnel that decides.
void WidenPods(Cluster* cluster, int mtu_bytes) {
  for (int number : {1, 2}) {
    const std::string mtu = absl::StrCat(" mtu ", mtu_bytes);
    cluster->host(number).IpCommand("link set pod1" + mtu);
    cluster->host(number).IpCommand("link set cni0" + mtu);
    RunCommand(&cluster->pod(number).netns(), "ip link set eth0" + mtu);
  }
}

TEST_P(VxlanMtuTest, AFullPacketFillsTheUnderlayAndOneByteMoreDoesNotPass) {
  const UnderlayCase& underlay = GetParam();
  ClusterOptions options;
  options.lab = {2, underlay.ipv4, underlay.ipv6};
  options.net_conf = absl::StrCat(
      R"({"Network": "10.244.0.0/16", "IPv6Network": "fd00:244::/48", "EnableIPv4": )",
      underlay.ipv4 ? "true" : "false", ", \"EnableIPv6\": ", underlay.ipv6 ? "true" : "false",
      R"(, "Backend": {"Type": "vxlan"}})");
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const int mtu_bytes = cluster.pod(1).mtu_bytes();
  EXPECT_EQ(mtu_bytes, underlay.pod_mtu_bytes);
  WidenPods(&cluster, 1500);
  for (Family family : cluster.families()) {
    const bool v4 = family == Family::kV4;
    const int full_bytes = v4 ? underlay.full_ipv4_bytes : underlay.full_ipv6_bytes;
    const Ip to = cluster.pod(2).address(family);
    const PacketCounter full(cluster.host(2).netns(), "input",
                             absl::StrCat("meta nfproto ", v4 ? "ipv4" : "ipv6",
                                          " udp dport 8472 meta length ", full_bytes));
    EXPECT_TRUE(Pings(cluster.pod(1).netns(), to, mtu_bytes));
    EXPECT_GE(full.packets(), 1) << "outer packets of " << full_bytes << " bytes";
    // Of two families the dearer one's MTU holds for both.
    const int over_bytes = mtu_bytes + 1500 - full_bytes + 1;
    EXPECT_FALSE(Pings(cluster.pod(1).netns(), to, over_bytes, absl::Milliseconds(300)));
  }
}

constexpr const char* kDirectRouting =
    R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
        "Backend": {"Type": "vxlan", "DirectRouting": true}})";

ClusterOptions DirectRouting() {
  ClusterOptions options;
  options.net_conf = kDirectRouting;
  options.controller_flags = {"--heartbeat-seconds", "1"};
  return options;
}

// The wire routes between hosts that think that they are not neighbours.
void MakeWireARouter(const Lab& lab) {
  for (const char* setting : {"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"}) {
    lab.wire().SetSysctl(setting, "1");
  }
  for (const char* setting : {"all", "wire"}) {
    lab.wire().SetSysctl(absl::StrCat("net/ipv4/conf/", setting, "/send_redirects"), "0");
  }
}

// Peers of `host` that it reaches through the tunnel, as FDB entries and neighbours say.
int Tunnelled(const Host& host) {
  int entries = 0;
  for (const std::string& line : OurObjects(host)) {
    if (absl::StartsWith(line, "fdb ") || absl::StartsWith(line, "neighbour ")) ++entries;
  }
  return entries;
}

// h1's own prefix shrinks to its address, so that no peer is on its link any more; and back.
TEST(DirectRoutingTest, FollowsTheHostsOwnPrefixWithoutLosingAPacket) {
  Cluster cluster(DirectRouting());
  MakeWireARouter(cluster.lab());
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const std::set<std::string> direct = OurObjects(host);
  EXPECT_EQ(Tunnelled(host), 0);
  std::vector<std::unique_ptr<PingStream>> streams;
  for (Family family : kFamilies) {
    streams.push_back(
        std::make_unique<PingStream>(cluster.pod(1).netns(), cluster.pod(2).address(family)));
  }
  host.IpCommand("addr add 192.0.2.1/32 dev eth0");
  host.IpCommand("addr del 192.0.2.1/24 dev eth0");
  // IPv6 keeps one address of a value: its prefix's route is what goes.
  host.IpCommand("addr change fd00:2::1/64 dev eth0 noprefixroute");
  // Two peers, two families, an FDB entry and a neighbour each.
  EXPECT_TRUE(Within(kSoon, "IPv4 peers through the tunnel", [&] {
    return Tunnelled(host) >= 4 ? std::string() : absl::StrJoin(OurObjects(host), "\n");
  }));
  EXPECT_TRUE(cluster.PodsReachEachOther());

  host.IpCommand("addr add 192.0.2.1/24 dev eth0");
  host.IpCommand("addr del 192.0.2.1/32 dev eth0");
  host.IpCommand("addr change fd00:2::1/64 dev eth0");
  EXPECT_TRUE(Within(kSoon, "plain routes again, nothing else",
                     [&] { return Difference(direct, OurObjects(host)); }));
  EXPECT_TRUE(cluster.PodsReachEachOther());
  for (auto& stream : streams) EXPECT_TRUE(stream->StopWithoutLoss());
}

// h2 moves behind a router, with another address, and back.
TEST(DirectRoutingTest, FollowsAPeerThatMovesBehindARouter) {
  Cluster cluster(DirectRouting());
  MakeWireARouter(cluster.lab());
  RunCommand(&cluster.lab().wire(), "ip addr add 198.51.100.254/24 dev wire");
  ASSERT_TRUE(cluster.Up());
  Host& moving = cluster.host(2);
  const std::set<std::string> direct = OurObjects(cluster.host(1));
  const auto move = [&](const char* from, const char* to, const char* router) {
    moving.IpCommand(absl::StrCat("addr add ", to, " dev eth0"));
    moving.IpCommand(absl::StrCat("addr del ", from, " dev eth0"));
    moving.IpCommand(absl::StrCat("route replace default via ", router, " dev eth0"));
  };
  move("192.0.2.2/24", "198.51.100.2/24", "198.51.100.254");
  EXPECT_TRUE(Within(kSoon, "h2 through the tunnel", [&] {
    const std::string objects = absl::StrJoin(OurObjects(cluster.host(1)), "\n");
    const bool moved = absl::StrContains(objects, " 198.51.100.2\n") ||
                       absl::StrContains(objects, " 198.51.100.2 ");
    return moved && Tunnelled(cluster.host(1)) == 2 ? std::string() : objects;
  }));
  EXPECT_TRUE(cluster.PodsReachEachOther(kSoon));
  move("198.51.100.2/24", "192.0.2.2/24", "192.0.2.254");
  EXPECT_TRUE(Within(kSoon, "plain routes again, nothing else",
                     [&] { return Difference(direct, OurObjects(cluster.host(1))); }));
  EXPECT_TRUE(cluster.PodsReachEachOther(kSoon));
}

}  // namespace
}  // namespace heddle::lab
