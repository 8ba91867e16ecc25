// What sends and judges packets in other tests must see what is wrong, or it proves nothing.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/lab/checksum.h"
#include "tests/lab/checksum_watch.h"
#include "tests/lab/command.h"
#include "tests/lab/icmp_answer.h"
#include "tests/lab/ip_packet.h"
#include "tests/lab/lab.h"
#include "tests/lab/socket.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/transfer.h"

namespace heddle::lab {
namespace {

using testing::HasSubstr;

constexpr std::size_t kBytes = 8 << 20;

class TrafficTest : public testing::Test {
 protected:
  Route RouteOf(Family family) {
    return {lab_.host(1).netns(), lab_.host(2).netns(), lab_.host(2).address(family)};
  }
  // On all that h1 sends, before its kernel makes checksums, or on the wire, when they are there.
  void AddRule(const std::string& rule, bool on_the_wire = false) {
    const NetworkNamespace& netns = on_the_wire ? lab_.wire() : lab_.host(1).netns();
    const std::string table = on_the_wire ? "netdev t" : "inet t";
    RunCommand(&netns, "nft add table " + table);
    RunCommand(&netns,
               absl::StrCat("nft add chain ", table, " c { type filter hook ",
                            on_the_wire ? "ingress device to-h1" : "output", " priority 0 ; }"));
    RunCommand(&netns, absl::StrCat("nft add rule ", table, " c ", rule));
  }

  Lab lab_{LabOptions{2}};
};

TEST_F(TrafficTest, TransfersArrive) {
  for (Family family : kFamilies) {
    EXPECT_TRUE(TcpArrives(RouteOf(family), kBytes));
    EXPECT_TRUE(UdpArrives(RouteOf(family), UdpLoad{50}));
    UdpLoad segmented{50};
    segmented.segmented = true;
    EXPECT_TRUE(UdpArrives(RouteOf(family), segmented));
  }
}

TEST_F(TrafficTest, LossIsSeen) {
  AddRule("udp length > 0 numgen inc mod 100 0 drop");
  EXPECT_FALSE(UdpArrives(RouteOf(Family::kV4), UdpLoad{50}));
  UdpLoad tolerant{10};
  tolerant.most_lost = 10;
  EXPECT_TRUE(UdpArrives(RouteOf(Family::kV6), tolerant));
  AddRule("tcp dport > 0 drop");
  EXPECT_FALSE(TcpArrives(RouteOf(Family::kV4), kBytes, absl::Milliseconds(500)));
}

TEST_F(TrafficTest, OtherBytesAreSeen) {
  AddRule("@th,640,16 set 0x1234");
  const auto tcp = TcpArrives(RouteOf(Family::kV4), kBytes);
  EXPECT_FALSE(tcp);
  EXPECT_THAT(tcp.message(), HasSubstr("other bytes"));
  const auto udp = UdpArrives(RouteOf(Family::kV6), UdpLoad{});
  EXPECT_FALSE(udp);
  EXPECT_THAT(udp.message(), HasSubstr("that nobody sent"));
}

TEST_F(TrafficTest, ChecksumsAreChecked) {
  SwitchOffloadsOff(lab_.host(1).netns(), "eth0");
  for (Family family : kFamilies) {
    ChecksumWatch watch(lab_.host(2).netns(), "eth0");
    EXPECT_TRUE(TcpArrives(RouteOf(family), kBytes));
    EXPECT_TRUE(UdpArrives(RouteOf(family), UdpLoad{10}));
    const ChecksumWatch::Seen seen = watch.Stop();
    EXPECT_GT(seen.right, 1000);
    EXPECT_GT(seen.right + seen.missed, 5000);
    EXPECT_EQ(seen.wrong, 0) << seen.first_wrong;
    EXPECT_EQ(seen.unfinished, 0);
    EXPECT_EQ(seen.largest_bytes, 1500);
  }
  AddRule("@th,640,16 set 0x1234", /*on_the_wire=*/true);
  ChecksumWatch watch(lab_.host(2).netns(), "eth0");
  EXPECT_FALSE(UdpArrives(RouteOf(Family::kV4), UdpLoad{10}));
  EXPECT_GE(watch.Stop().wrong, 31);
}

TEST_F(TrafficTest, OffloadsThatAreOnAreSeen) {
  ChecksumWatch watch(lab_.host(2).netns(), "eth0");
  EXPECT_TRUE(TcpArrives(RouteOf(Family::kV4), kBytes));
  const ChecksumWatch::Seen seen = watch.Stop();
  EXPECT_GT(seen.unfinished, 0);
  EXPECT_GT(seen.largest_bytes, 1500);
}

TEST_F(TrafficTest, AnswersAreHeard) {
  const NetworkNamespace& from = lab_.host(1).netns();
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    const auto nobody = AnswerTo(Probe{lab_.host(2).address(family)}, from);
    ASSERT_TRUE(nobody);
    EXPECT_EQ(nobody->from, lab_.host(2).address(family));
    EXPECT_EQ(nobody->type, v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH);
    EXPECT_EQ(nobody->code, v4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT);
  }
  lab_.wire().SetSysctl("net/ipv4/ip_forward", "1");
  RunCommand(&lab_.wire(), "ip route add 203.0.113.0/24 via 192.0.2.2");
  const auto late = AnswerTo(Probe{ParseIp("203.0.113.1"), 1}, from);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->from, *lab_.gateway()[Family::kV4]);
  EXPECT_EQ(late->type, ICMP_TIME_EXCEEDED);
}

// The receiver of a packet that was made by hand takes it.
TEST_F(TrafficTest, PacketsByHandAreRight) {
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    IpPacket packet{lab_.host(1).address(family), lab_.host(2).address(family), IPPROTO_UDP};
    packet.payload = std::string("\x10\x00\x20\x00\x00\x0c\x00\x00over", 12);
    const std::string pseudo = PseudoHeader(packet.source, packet.destination, IPPROTO_UDP, 12);
    Put16(Checksum(pseudo, packet.payload), &packet.payload[6]);
    const Socket receiver(lab_.host(2).netns(), ToAddressFamily(family), SOCK_DGRAM);
    receiver.Bind(packet.destination, 0x2000);
    receiver.SetTimeLimit(absl::Seconds(2));
    const Socket sender(lab_.host(1).netns(), ToAddressFamily(family), SOCK_RAW, IPPROTO_RAW);
    const std::string bytes = ToBytes(packet);
    const SocketAddress to = ToSocketAddress(packet.destination, 0);
    ASSERT_EQ(sendto(sender.fd(), bytes.data(), bytes.size(), 0, to.get(), to.length),
              static_cast<ssize_t>(bytes.size()))
        << (v4 ? "IPv4" : "IPv6");
    char text[16];
    ASSERT_EQ(recv(receiver.fd(), text, sizeof text, 0), 4);
    EXPECT_EQ(std::string(text, 4), "over");
  }
}

}  // namespace
}  // namespace heddle::lab
