// vxlan's options, each proven by packets between pods.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
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
  stranger.IpCommand(absl::StrCat("link add strange address ", kNobody, " type vxlan id 1 dstport ",
                                  "8472 dev eth0 local 192.0.2.3 nolearning"));
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

// The first UDP packet that a host sends through a device after this object was made.
class SentPackets {
 public:
  SentPackets(const NetworkNamespace& netns, const std::string& link) {
    netns.Enter([&] {
      fd_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
      if (fd_ < 0) ThrowErrno("a packet socket in " + netns.name());
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_ALL);
      address.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
      const int on = 1;
      if (setsockopt(fd_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
          bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ThrowErrno("listen on " + link);
      }
    });
  }
  ~SentPackets() { close(fd_); }
  SentPackets(const SentPackets&) = delete;
  SentPackets& operator=(const SentPackets&) = delete;

  // Whether its checksum was still to be filled in; nothing if none came within a second.
  std::optional<bool> ChecksumLeftToDevice() {
    for (pollfd waiting{fd_, POLLIN, 0}; poll(&waiting, 1, 1000) > 0;) {
      std::uint8_t packet[64] = {};
      alignas(cmsghdr) char control[256];
      sockaddr_ll from{};
      iovec part{packet, sizeof packet};
      msghdr message{&from, sizeof from, &part, 1, control, sizeof control, 0};
      if (recvmsg(fd_, &message, 0) < 0) ThrowErrno("receive");
      const bool is_udp = from.sll_protocol == htons(ETH_P_IP) && packet[9] == IPPROTO_UDP;
      const cmsghdr* part_of = CMSG_FIRSTHDR(&message);
      if (from.sll_pkttype != PACKET_OUTGOING || !is_udp || part_of == nullptr) continue;
      tpacket_auxdata about;
      std::memcpy(&about, CMSG_DATA(part_of), sizeof about);
      return (about.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
    }
    return {};
  }

 private:
  int fd_ = -1;
};

TEST(ChecksumOffloadTest, OffHasTheChecksumComputedBeforeTheDeviceAndFollowsTheNetwork) {
  Cluster cluster(Vxlan(", \"ChecksumOffload\": false"));
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const auto feature = [&] {
    const std::string all = RunCommand(&host.netns(), "ethtool -k heddle.1");
    return absl::StrContains(all, "tx-checksum-ip-generic: on") ? "on" : "off";
  };
  const auto left_to_device = [&] {
    SentPackets sent(host.netns(), "heddle.1");
    const auto source = SourceSeen(
        {cluster.pod(1).netns(), {}, cluster.pod(2).netns(), cluster.pod(2).address(Family::kV4)});
    EXPECT_EQ(source, cluster.pod(1).address(Family::kV4));
    return sent.ChecksumLeftToDevice();
  };
  EXPECT_STREQ(feature(), "off");
  EXPECT_EQ(left_to_device(), false);
  RunCommand(&host.netns(), "ethtool -K heddle.1 tx-checksum-ip-generic on");
  EXPECT_TRUE(Within(kRepairLimit, "off again", [&] { return feature() == std::string("off"); }));

  const std::string conf = host.folder() + "/offload.json";
  std::ofstream(conf) << Vxlan("").net_conf;
  const CommandResult set = cluster.ctl().Try("network set " + conf + " --wait");
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_STREQ(feature(), "on");
  EXPECT_EQ(left_to_device(), true);
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

}  // namespace
}  // namespace heddle::lab
