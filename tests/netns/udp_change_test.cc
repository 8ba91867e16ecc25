// The udp backend follows what changes: its own port, a host's address, and a forwarder that stops
// answering, which is told and left alone.
#include <signal.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(15);

class UdpChangeTest : public testing::Test {
 protected:
  void SetUp() override {
    HEDDLE_SKIP_WITHOUT_LINKS("tun");
    ASSERT_TRUE(cluster_.Up());
    ASSERT_TRUE(cluster_.PodsReachEachOther());
  }
  std::string Shown(int number) { return cluster_.node(number).Show().out; }

  static ClusterOptions Options() {
    ClusterOptions options = UdpCluster(PodFamilies::kV4);
    options.controller_flags = {"--heartbeat-seconds", "1"};  // a lost stream is noticed soon
    return options;
  }

  Cluster cluster_{Options()};
};

TEST_F(UdpChangeTest, AnotherPortIsTakenByTheSameForwarder) {
  const pid_t before = ForwarderOf(cluster_.node(1));
  const std::string path = "/run/lab/next-net-conf.json";
  std::ofstream(path)
      << R"({"Network": "10.244.0.0/16", "Backend": {"Type": "udp", "Port": 7890}})";
  const CommandResult set = cluster_.ctl().Try("network set " + path + " --wait");
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_TRUE(cluster_.PodsReachEachOther());
  PacketCounter seen(cluster_.host(2).netns(), "input", "udp sport 7890 udp dport 7890");
  EXPECT_TRUE(Pings(cluster_.pod(1).netns(), cluster_.pod(2).address(Family::kV4), 500));
  EXPECT_EQ(seen.packets(), 1);
  EXPECT_EQ(ForwarderOf(cluster_.node(1)), before);
}

TEST_F(UdpChangeTest, AnotherAddressOfTheHostIsListenedAtAndAnnounced) {
  const pid_t before = ForwarderOf(cluster_.node(1));
  Host& host = cluster_.host(1);
  host.IpCommand("addr del 192.0.2.1/24 dev eth0");
  host.IpCommand("addr add 192.0.2.101/24 dev eth0");
  host.IpCommand("route replace default via 192.0.2.254 dev eth0");
  EXPECT_TRUE(Within(kSoon, "both ends at the new address", [&] {
    return absl::StrContains(Shown(1), "udp listener 192.0.2.101 port 8285") &&
           absl::StrContains(Shown(2), "to 192.0.2.101 port 8285");
  }));
  EXPECT_TRUE(cluster_.PodsReachEachOther());
  EXPECT_EQ(ForwarderOf(cluster_.node(1)), before);
}

TEST_F(UdpChangeTest, TheDoctorKnowsItsTunnels) {
  const CommandResult well = cluster_.ctl().Try("doctor");
  EXPECT_EQ(well.exit_code, 0) << well.out << well.err;
  const NetworkNamespace& h2 = cluster_.host(2).netns();
  RunCommand(&h2, "nft add table ip fw");
  RunCommand(&h2, "nft add chain ip fw in { type filter hook input priority 0 ; }");
  RunCommand(&h2, "nft add rule ip fw in udp dport 8285 drop");
  const CommandResult ill = cluster_.ctl().Try("doctor");
  EXPECT_NE(ill.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(ill.out, "udp_blocked")) << ill.out;
  EXPECT_TRUE(absl::StrContains(ill.out, "UDP port 8285 is blocked by a firewall")) << ill.out;
}

TEST_F(UdpChangeTest, AForwarderThatDoesNotAnswerIsToldAndGoesOnWhenItDoes) {
  const pid_t stopped = ForwarderOf(cluster_.node(1));
  ASSERT_EQ(kill(stopped, SIGSTOP), 0);
  cluster_.host(1).IpCommand("link set heddle.udp mtu 1300");  // a reason to look
  const auto told = [&](const std::string& words) {
    return absl::StrContains(cluster_.ctl().Try("node show h1").out, words);
  };
  EXPECT_TRUE(Within(kSoon, "what to do in `node show`",
                     [&] { return told(absl::StrCat("kill -9 ", stopped)); }));
  EXPECT_FALSE(told("route ")) << "nothing else failed";
  ASSERT_EQ(kill(stopped, SIGCONT), 0);
  EXPECT_TRUE(
      Within(absl::Seconds(40), "no problem any more", [&] { return !told("does not answer"); }));
  EXPECT_EQ(ForwarderOf(cluster_.node(1)), stopped);
  EXPECT_TRUE(cluster_.PodsReachEachOther());
}

}  // namespace
}  // namespace heddle::lab
