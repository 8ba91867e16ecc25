// vxlan's options, each proven by packets between pods.
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/process.h"
#include "tests/lab/udp_probe.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(5);
constexpr absl::Duration kRepairLimit = absl::Seconds(1);
constexpr char kNobody[] = "02:00:00:00:00:77";

// Two hosts with these keys of the vxlan backend (", \"GBP\": true").
ClusterOptions Vxlan(const std::string& keys) {
  ClusterOptions options;
  options.lab.hosts = 2;
  options.net_conf =
      absl::StrCat(R"({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan")", keys, "}}");
  return options;
}

std::string TextOf(bool value) { return value ? "true" : "false"; }

class GbpTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(VxlanOptions, GbpTest, testing::Bool(),
                         [](const auto& param) { return std::string(param.param ? "On" : "Off"); });

TEST_P(GbpTest, CarriesThePacketsMarkToTheOtherHost) {
  Cluster cluster(Vxlan(", \"GBP\": " + TextOf(GetParam())));
  ASSERT_TRUE(cluster.Up());
  const Ip to = cluster.pod(2).address(Family::kV4);
  const NetworkNamespace& sender = cluster.host(1).netns();
  RunCommand(&sender, "nft add table inet marks");
  RunCommand(&sender, "nft add chain inet marks out { type filter hook forward priority -10 ; }");
  RunCommand(&sender, absl::StrCat("nft add rule inet marks out ip daddr ", to.ToString(),
                                   " meta mark set 0x1234"));
  const std::string arriving = absl::StrCat("iifname heddle.1 ip daddr ", to.ToString());
  const PacketCounter all(cluster.host(2).netns(), "forward", arriving);
  const PacketCounter marked(cluster.host(2).netns(), "forward", arriving + " meta mark 0x1234");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Pings(cluster.pod(1).netns(), to));
  EXPECT_EQ(all.packets(), 3);
  EXPECT_EQ(marked.packets(), GetParam() ? 3 : 0);
}

class LearningTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(VxlanOptions, LearningTest, testing::Bool(),
                         [](const auto& param) { return std::string(param.param ? "On" : "Off"); });

// A VTEP that no controller knows sends one packet.
TEST_P(LearningTest, TakesAnUnknownAddressFromAPacket) {
  ClusterOptions options = Vxlan(", \"Learning\": " + TextOf(GetParam()));
  options.lab.hosts = 3;
  options.nodes = 2;
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const std::set<std::string> before = OurObjects(cluster.host(1));
  const nlohmann::json device = cluster.host(1).IpJson("link show dev heddle.1");
  const std::string mac = device[0]["address"].get<std::string>();
  Host& stranger = cluster.host(3);
  stranger.IpCommand(absl::StrCat("link add strange type vxlan id 1 dstport 8472 dev eth0 local ",
                                  "192.0.2.3 nolearning address ", kNobody));
  stranger.IpCommand("addr add 10.99.0.1/24 dev strange");
  stranger.IpCommand("link set strange up");
  stranger.IpCommand(absl::StrCat("neigh add 10.99.0.2 lladdr ", mac, " dev strange"));
  RunCommand(&stranger.netns(), absl::StrCat("bridge fdb add ", mac, " dev strange dst 192.0.2.1"));
  const PacketCounter arrived(cluster.host(1).netns(), "prerouting",
                              "iifname heddle.1 ip saddr 10.99.0.1");
  IcmpEcho(stranger.netns(), *heddle::Ip::Parse("10.99.0.2")).Send(1, 84);
  ASSERT_TRUE(Within(kSoon, "the packet at h1", [&] { return arrived.packets() == 1; }));
  const std::string fdb =
      RunCommand(&cluster.host(1).netns(), "bridge fdb show dev heddle.1 dynamic");
  EXPECT_EQ(absl::StrContains(fdb, absl::StrCat(kNobody, " dst 192.0.2.3")), GetParam()) << fdb;
  // What was learned is the kernel's: ours stays beside it as it was.
  std::set<std::string> after = OurObjects(cluster.host(1));
  after.erase(absl::StrCat("fdb heddle.1 ", kNobody, " 192.0.2.3"));
  EXPECT_EQ(Difference(before, after), "");
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

TEST(ChecksumOffloadTest, OffHasTheChecksumComputedBeforeTheDeviceAndFollowsTheNetwork) {
  Cluster cluster(Vxlan(", \"ChecksumOffload\": false"));
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const auto feature = [&] {
    const std::string all = RunCommand(&host.netns(), "ethtool -k heddle.1");
    return absl::StrContains(all, "tx-checksum-ip-generic: on") ? "on" : "off";
  };
  // What the packet carries as it enters the tunnel.
  const auto seen = [&] {
    Process dump("tcpdump", host.folder() + "/tcpdump.log");
    dump.Start({{"tcpdump", "-i", "heddle.1", "-c", "1", "-nvv", "udp", "port", "9000"},
                {},
                &host.netns()});
    EXPECT_TRUE(Within(kSoon, "tcpdump listens",
                       [&] { return absl::StrContains(dump.Log(), "listening on"); }));
    const auto source = SourceSeen(
        {cluster.pod(1).netns(), {}, cluster.pod(2).netns(), cluster.pod(2).address(Family::kV4)});
    EXPECT_EQ(source, cluster.pod(1).address(Family::kV4));
    EXPECT_TRUE(dump.Wait(kSoon).has_value());
    const std::string log = dump.Log();
    return log.substr(log.rfind("listening on"));
  };
  EXPECT_STREQ(feature(), "off");
  EXPECT_TRUE(absl::StrContains(seen(), "udp sum ok"));
  RunCommand(&host.netns(), "ethtool -K heddle.1 tx-checksum-ip-generic on");
  EXPECT_TRUE(Within(kRepairLimit, "off again", [&] { return feature() == std::string("off"); }));

  const std::string conf = host.folder() + "/offload.json";
  std::ofstream(conf) << Vxlan("").net_conf;
  const CommandResult set = cluster.ctl().Try("network set " + conf + " --wait");
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_STREQ(feature(), "on");
  const std::string offloaded = seen();
  EXPECT_TRUE(absl::StrContains(offloaded, "bad udp cksum")) << offloaded;
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

}  // namespace
}  // namespace heddle::lab
