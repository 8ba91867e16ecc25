// The udp backend carries pods' packets: both families, of every size, with the answers that a
// router owes.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/icmp_answer.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/transfer.h"
#include "tests/lab/wait.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

int MtuOf(PodFamilies families) { return families == PodFamilies::kV4 ? 1472 : 1452; }

class UdpTest : public testing::TestWithParam<PodFamilies> {
 protected:
  void SetUp() override {
    HEDDLE_SKIP_WITHOUT_LINKS("tun");
    ASSERT_TRUE(cluster_.Up());
  }
  // What pod 1 is told about a packet to pod 2.
  std::optional<IcmpAnswer> Answer(Family family, int hop_limit, int packet_bytes = 84) {
    Probe probe{cluster_.pod(2).address(family), hop_limit, packet_bytes};
    return AnswerTo(probe, cluster_.pod(1).netns());
  }
  // The first address of a node's subnet, which the device has.
  Ip DeviceAddress(int number, Family family) {
    return cluster_.node(number).subnet_env()->subnet[family]->base();
  }

  Cluster cluster_{UdpCluster(GetParam())};
};

TEST_P(UdpTest, PodsReachEachOtherWithPacketsOfEverySize) {
  EXPECT_EQ(cluster_.pod(1).mtu_bytes(), MtuOf(GetParam()));
  EXPECT_TRUE(cluster_.PodsReachEachOther());
  for (Family family : cluster_.families()) {
    for (const int bytes : {64, 333, 1279, 1280, 1281, MtuOf(GetParam()) - 1}) {
      EXPECT_TRUE(Pings(cluster_.pod(2).netns(), cluster_.pod(1).address(family), bytes));
    }
  }
}

// On the wire there is the IP packet in one UDP datagram, and nothing more.
TEST_P(UdpTest, TheWireHasOnePacketInOneDatagram) {
  for (Family family : cluster_.families()) {
    const int outer = family == Family::kV4 ? 20 : 40;
    PacketCounter seen(
        cluster_.host(2).netns(), "input",
        absl::StrCat(family == Family::kV4 ? "ip saddr 192.0.2.1" : "ip6 saddr fd00:2::1",
                     " udp sport 8285 udp dport 8285 meta length ", outer + 8 + 500));
    ASSERT_TRUE(Pings(cluster_.pod(1).netns(), cluster_.pod(2).address(family), 500));
    EXPECT_EQ(seen.packets(), 1);
  }
}

TEST_P(UdpTest, FragmentsOfPodsPass) {
  UdpLoad load{10};
  load.datagrams = 8;
  load.payload_bytes = 6000;
  for (Family family : cluster_.families())
    EXPECT_TRUE(UdpArrives(PodRoute(cluster_, family), load));
}

// Pods that have a larger MTU than the device are told.
TEST_P(UdpTest, APacketAboveTheMtuIsAnswered) {
  const int mtu_bytes = MtuOf(GetParam());
  RunCommand(&cluster_.pod(1).netns(), "ip link set eth0 mtu 1500");
  for (const char* link : {"pod1", "cni0"}) {
    cluster_.host(1).IpCommand(absl::StrCat("link set ", link, " mtu 1500"));
  }
  for (Family family : cluster_.families()) {
    const bool v4 = family == Family::kV4;
    const auto fits = Answer(family, 64, mtu_bytes);
    ASSERT_TRUE(fits);
    EXPECT_EQ(fits->from, cluster_.pod(2).address(family)) << "it arrives: nobody is at the port";
    const auto too_big = Answer(family, 64, mtu_bytes + 1);
    ASSERT_TRUE(too_big);
    EXPECT_EQ(too_big->type, v4 ? ICMP_DEST_UNREACH : ICMP6_PACKET_TOO_BIG);
    EXPECT_EQ(too_big->code, v4 ? ICMP_FRAG_NEEDED : 0);
    EXPECT_EQ(too_big->mtu_bytes, static_cast<std::uint32_t>(mtu_bytes));
  }
}

TEST_P(UdpTest, EveryHopTakesOneOfTheHopLimit) {
  for (Family family : cluster_.families()) {
    const bool v4 = family == Family::kV4;
    const Counts before = CountsOf(cluster_.node(2));
    const Ip hops[] = {*cluster_.node(1).subnet_env()->gateway[family], DeviceAddress(2, family)};
    for (int hop = 1; hop <= 2; ++hop) {
      const auto answer = Answer(family, hop);
      ASSERT_TRUE(answer) << "hop " << hop;
      EXPECT_EQ(answer->from, hops[hop - 1]);
      EXPECT_EQ(answer->type, v4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED);
    }
    EXPECT_EQ(Grown(cluster_.node(2), before, "dropped_hop_limit"), 1)
        << "the tunnel's end is a hop";
    const auto third = Answer(family, 3);  // the far host's kernel
    ASSERT_TRUE(third);
    EXPECT_EQ(third->type, v4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED);
    const auto arrived = Answer(family, 4);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->from, cluster_.pod(2).address(family));
  }
}

TEST_P(UdpTest, ADestinationWithoutATunnelIsAnswered) {
  for (Family family : cluster_.families()) {
    const bool v4 = family == Family::kV4;
    const std::string subnet = v4 ? "10.244.200.0/24" : "fd00:244:0:200::/64";
    cluster_.host(1).IpCommand(absl::StrCat("route add ", subnet, " dev ", kUdpDevice));
    const Counts before = CountsOf(cluster_.node(1));
    const auto answer = AnswerTo(Probe{Prefix::Parse(subnet)->at(7)}, cluster_.pod(1).netns());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->from, DeviceAddress(1, family));
    EXPECT_EQ(answer->type, v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH);
    EXPECT_EQ(answer->code, v4 ? ICMP_NET_UNREACH : ICMP6_DST_UNREACH_NOROUTE);
    // The kernel may have told multicast groups on the device something meanwhile.
    EXPECT_GE(Grown(cluster_.node(1), before, "dropped_no_tunnel"), 1);
  }
}

TEST_P(UdpTest, TheMtuFollowsTheUnderlay) {
  for (const int lost : {100, 0}) {
    cluster_.host(1).IpCommand(absl::StrCat("link set eth0 mtu ", 1500 - lost));
    EXPECT_TRUE(Within(absl::Seconds(1), "the device's MTU", [&] {
      const auto link = cluster_.host(1).IpJson(absl::StrCat("link show dev ", kUdpDevice));
      return link[0]["mtu"] == MtuOf(GetParam()) - lost;
    }));
    for (Family family : cluster_.families()) {
      EXPECT_TRUE(Pings(cluster_.pod(1).netns(), cluster_.pod(2).address(family),
                        MtuOf(GetParam()) - lost));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pods, UdpTest,
                         testing::Values(PodFamilies::kV4, PodFamilies::kV6, PodFamilies::kBoth),
                         [](const auto& info) { return NameOf(info.param); });

// 10.0.0.0/8 with hosts in it, as many networks of flannel's time are: a route for the whole
// network would lead the datagrams themselves into the tunnel.
TEST(UdpSeedTest, HostsMayHaveAddressesOfTheNetwork) {
  HEDDLE_SKIP_WITHOUT_LINKS("tun");
  ClusterOptions options;
  options.net_conf = R"({"Network": "10.0.0.0/8", "SubnetLen": 20, "SubnetMin": "10.10.0.0",
                         "SubnetMax": "10.99.0.0", "Backend": {"Type": "udp", "Port": 7890}})";
  Cluster cluster(options);
  RunCommand(&cluster.lab().wire(), "ip addr add 10.200.0.254/24 dev wire");
  cluster.lab().wire().SetSysctl("net/ipv4/ip_forward", "1");
  for (int number = 1; number <= cluster.size(); ++number) {
    RunIpBatch(&cluster.host(number).netns(),
               {"addr flush dev eth0 to 192.0.2.0/24",
                absl::StrCat("addr add 10.200.0.", number, "/24 dev eth0"),
                "route add default via 10.200.0.254"});
  }
  ASSERT_TRUE(cluster.Up());
  std::set<std::string> subnets;  // who asked first got the first one
  for (int number = 1; number <= cluster.size(); ++number) {
    subnets.insert(cluster.node(number).subnet_env()->subnet[Family::kV4]->ToString());
  }
  EXPECT_EQ(subnets, (std::set<std::string>{"10.10.0.0/20", "10.10.16.0/20", "10.10.32.0/20"}));
  PacketCounter seen(cluster.host(2).netns(), "input",
                     "ip saddr 10.200.0.1 udp sport 7890 udp dport 7890");
  EXPECT_TRUE(cluster.PodsReachEachOther());
  EXPECT_GT(seen.packets(), 0);
}

}  // namespace
}  // namespace heddle::lab
