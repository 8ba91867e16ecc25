// What a forwarder does not let through: packets from strangers, in a wrong name, to somewhere
// else, and what is no packet at all. Each is dropped and counted as what it is.
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/error.h"
#include "tests/lab/ip_packet.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/packet_counter.h"
#include "tests/lab/ping.h"
#include "tests/lab/socket.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/wait.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

// Sends datagrams to the forwarder of h1 from a namespace's own address.
class Sender {
 public:
  Sender(const NetworkNamespace& netns, const Ip& to)
      : socket_(netns, ToAddressFamily(to.family()), SOCK_DGRAM) {
    const SocketAddress address = ToSocketAddress(to, kUdpPort);
    if (connect(socket_.fd(), address.get(), address.length) != 0) ThrowErrno("connect");
  }
  // A port that is not open answers the next one with an error, which is none of ours.
  bool Send(const std::string& bytes) const {
    return send(socket_.fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  }

 private:
  Socket socket_;
};

class UdpRefusalTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    HEDDLE_SKIP_WITHOUT_LINKS("tun");
    ASSERT_TRUE(cluster_.Up());
    arrived_ =
        std::make_unique<PacketCounter>(cluster_.host(1).netns(), "prerouting",
                                        absl::StrCat("iifname ", kUdpDevice, " meta l4proto 253"));
  }
  void TearDown() override { arrived_.reset(); }

  Family family() const { return GetParam(); }
  bool v4() const { return family() == Family::kV4; }
  Ip PodAddress(int number) { return cluster_.pod(number).address(family()); }
  Sender From(const NetworkNamespace& netns) { return {netns, cluster_.host(1).address(family())}; }
  // From pod 2 to pod 1, as h2 may send it.
  IpPacket Good() { return {PodAddress(2), PodAddress(1)}; }
  Ip Address(const char* v4_text, const char* v6_text) { return ParseIp(v4() ? v4_text : v6_text); }

  // All that `datagrams` come to at h1 is so many more of `count`; none is let through.
  void ExpectDropped(const Sender& sender, const std::vector<std::string>& datagrams,
                     const std::string& count) {
    const Counts before = CountsOf(cluster_.node(1));
    const int arrived_before = arrived_->packets();
    for (const std::string& datagram : datagrams) ASSERT_TRUE(sender.Send(datagram));
    const auto expected = static_cast<std::int64_t>(datagrams.size());
    EXPECT_TRUE(Within(absl::Seconds(2), count, [&]() -> std::string {
      const std::int64_t grown = Grown(cluster_.node(1), before, count);
      return grown == expected ? "" : absl::StrCat(grown, " of ", expected);
    }));
    for (const auto& [name, value] : CountsOf(cluster_.node(1))) {
      // Of what h1 sends some is the kernel's own, to multicast groups on the device.
      if (name == "dropped_no_tunnel") continue;
      if (name == count || !absl::StartsWith(name, "dropped_")) continue;
      EXPECT_EQ(value, before.at(name)) << name;
    }
    EXPECT_EQ(arrived_->packets(), arrived_before);
  }

  Cluster cluster_{UdpCluster(PodFamilies::kBoth)};
  std::unique_ptr<PacketCounter> arrived_;
};

// So the packets of the other tests are dropped for what is said there, and for nothing else.
TEST_P(UdpRefusalTest, AGoodPacketFromAPeerPasses) {
  ASSERT_TRUE(From(cluster_.host(2).netns()).Send(ToBytes(Good())));
  EXPECT_TRUE(Within(absl::Seconds(2), "the packet", [&] { return arrived_->packets() == 1; }));
}

TEST_P(UdpRefusalTest, PacketsFromAddressesOfNoPeer) {
  ExpectDropped(From(cluster_.lab().wire()),
                {ToBytes(Good()), ToBytes({PodAddress(1), PodAddress(1)})}, "dropped_unknown_peer");
}

TEST_P(UdpRefusalTest, PacketsFromAPeerInAnotherName) {
  std::vector<std::string> datagrams;
  for (const Ip& source : {PodAddress(1), Address("10.244.77.1", "fd00:244:0:77::1"),
                           Address("8.8.8.8", "2001:db8::8"), cluster_.host(2).address(family()),
                           Address("127.0.0.1", "::1"), Address("0.0.0.0", "::")}) {
    IpPacket packet = Good();
    packet.source = source;
    datagrams.push_back(ToBytes(packet));
  }
  // Its own subnet, but of the family that travels over the other underlay.
  const Family other = v4() ? Family::kV6 : Family::kV4;
  datagrams.push_back(ToBytes({cluster_.pod(2).address(other), cluster_.pod(1).address(other)}));
  ExpectDropped(From(cluster_.host(2).netns()), datagrams, "dropped_spoofed");
}

TEST_P(UdpRefusalTest, PacketsThatAreNotForThisHost) {
  std::vector<std::string> datagrams;
  for (const Ip& destination :
       {PodAddress(2), Address("10.244.77.1", "fd00:244:0:77::1"),
        Address("8.8.8.8", "2001:db8::8"), cluster_.host(1).address(family()),
        Address("127.0.0.1", "::1"), Address("224.0.0.1", "ff02::1"),
        Address("255.255.255.255", "fe80::1")}) {
    IpPacket packet = Good();
    packet.destination = destination;
    datagrams.push_back(ToBytes(packet));
  }
  ExpectDropped(From(cluster_.host(2).netns()), datagrams, "dropped_not_ours");
}

TEST_P(UdpRefusalTest, WhatIsNoPacket) {
  const std::string good = ToBytes(Good());
  std::vector<std::string> datagrams = {std::string(1, '\0'),
                                        std::string("E"),
                                        std::string(1400, '\xff'),
                                        std::string(40, '\0'),
                                        good.substr(0, good.size() - 1),
                                        good.substr(0, 19)};
  datagrams.push_back(good);
  datagrams.back()[0] = static_cast<char>(v4() ? 0x55 : 0x70);  // no such version
  datagrams.push_back(good);
  datagrams.back()[v4() ? 2 : 4] = 0x7f;  // longer than it is
  if (v4()) {
    datagrams.push_back(good);
    datagrams.back()[0] = 0x44;  // a header of 16 bytes
    datagrams.push_back(good);
    datagrams.back()[0] = 0x4f;  // a header of 60 bytes with what is no option of IP
    datagrams.back().resize(40);
    datagrams.back()[3] = 40;
  }
  ExpectDropped(From(cluster_.host(2).netns()), datagrams, "dropped_malformed");
}

// Fifty thousand datagrams of random bytes a second. As many as a core can send would need two
// cores alone to be read in time: a socket has room for what comes in a tenth of a second.
class Flood {
 public:
  explicit Flood(Sender sender) : sender_(std::move(sender)) {
    thread_ = std::thread([this] {
      std::mt19937 random(7);
      std::string garbage(1400, '\0');
      for (char& byte : garbage) byte = static_cast<char>(random());
      absl::Time next = absl::Now();
      while (!stopping_) {
        for (int i = 0; i < kBurst; ++i) {
          sent_ += sender_.Send(garbage.substr(random() % 700, 1 + random() % 700)) ? 1 : 0;
        }
        absl::SleepFor((next += kPause) - absl::Now());
      }
    });
  }
  ~Flood() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::int64_t sent() const { return sent_; }

 private:
  static constexpr int kBurst = 100;
  static constexpr absl::Duration kPause = absl::Milliseconds(2);

  Sender sender_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> sent_{0};
  std::thread thread_;
};

TEST_P(UdpRefusalTest, AFloodOfGarbageDelaysNobody) {
  const Counts before = CountsOf(cluster_.node(1));
  PingStream out(cluster_.pod(1).netns(), PodAddress(2));
  PingStream in(cluster_.pod(2).netns(), PodAddress(1));
  std::int64_t sent = 0;
  {
    Flood stranger(From(cluster_.lab().wire()));
    absl::SleepFor(absl::Seconds(2));
    sent = stranger.sent();
  }
  // Random bytes are no packet, whoever sends them.
  const auto strange = Grown(cluster_.node(1), before, "dropped_malformed");
  std::int64_t sent_by_peer = 0;
  {
    Flood peer(From(cluster_.host(2).netns()));
    absl::SleepFor(absl::Seconds(2));
    sent_by_peer = peer.sent();
  }
  const auto all = Grown(cluster_.node(1), before, "dropped_malformed");
  EXPECT_TRUE(out.StopWithoutLoss());
  EXPECT_TRUE(in.StopWithoutLoss());
  std::cout << sent << " datagrams from a stranger, " << strange << " counted; " << sent_by_peer
            << " from a peer, " << all - strange << " counted\n";
  // What the kernel itself dropped for want of room nobody counts.
  EXPECT_GT(strange, sent / 2);
  EXPECT_GT(all - strange, sent_by_peer / 2);
}

INSTANTIATE_TEST_SUITE_P(Underlay, UdpRefusalTest, testing::Values(Family::kV4, Family::kV6),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

}  // namespace
}  // namespace heddle::lab
