// Bulk transfers through the udp backend: cut into packets, put together again, lost, out of order,
// and with each level of speed switched off. Every byte is compared, and every checksum checked
// where no offload hides it.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/lab/checksum_watch.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/ping.h"
#include "tests/lab/transfer.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

constexpr std::size_t kTcpBytes = 24 << 20;
constexpr int kMtuBytes = 1452;  // of pods, where there is IPv6

UdpLoad Load(bool segmented) {
  UdpLoad load{60};
  load.segmented = segmented;
  return load;
}

class UdpTrafficTest : public testing::Test {
 protected:
  void SetUp() override { HEDDLE_SKIP_WITHOUT_LINKS("tun"); }
  void Start(const std::string& without = "") {
    cluster_ = std::make_unique<Cluster>(UdpCluster(PodFamilies::kBoth));
    for (int number = 1; number <= 2; ++number) {
      if (without.empty()) continue;
      cluster_->node(number).options().environment = {{"HEDDLE_FORWARDER_WITHOUT", without}};
    }
    ASSERT_TRUE(cluster_->Up());
  }
  Route To2(Family family) { return PodRoute(*cluster_, family); }
  Route To1(Family family) {
    return {cluster_->pod(2).netns(), cluster_->pod(1).netns(), cluster_->pod(1).address(family)};
  }
  void ExpectAllArrives() {
    for (Family family : kFamilies) {
      EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes));
      EXPECT_TRUE(TcpArrives(To1(family), kTcpBytes / 8));
      for (const bool segmented : {false, true}) {
        EXPECT_TRUE(UdpArrives(To2(family), Load(segmented)));
      }
    }
  }
  // `ruleset` on what the wire sends to h2.
  void OnTheWireToH2(const std::string& rule) {
    const NetworkNamespace& wire = cluster_->lab().wire();
    RunCommand(&wire, "nft add table netdev middle");
    RunCommand(
        &wire,
        "nft add chain netdev middle out { type filter hook egress device to-h2 priority 0 ; "
        "}");
    RunCommand(&wire, "nft add rule netdev middle out udp dport 8285 " + rule);
  }
  // So that the wire has datagrams, not bundles of them.
  void SendDatagramsOneByOne() { SwitchOffloadsOff(cluster_->host(1).netns(), "eth0"); }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(UdpTrafficTest, ArrivesWholeBothWays) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectAllArrives();
}

// What the sender's forwarder cut, as it is on the wire.
TEST_F(UdpTrafficTest, SegmentsHaveRightChecksums) {
  ASSERT_NO_FATAL_FAILURE(Start());
  SendDatagramsOneByOne();
  for (Family family : kFamilies) {
    ChecksumWatch watch(cluster_->host(2).netns(), "eth0", kUdpPort);
    EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes));
    EXPECT_TRUE(UdpArrives(To2(family), Load(true)));
    const ChecksumWatch::Seen seen = watch.Stop();
    EXPECT_GT(seen.right, 1000);
    EXPECT_GT(seen.right + seen.missed, 5000);
    EXPECT_EQ(seen.wrong, 0) << seen.first_wrong;
    // A whole inner packet and its outer headers; the nodes' own probes, of either family, come
    // along at times.
    EXPECT_GE(seen.largest_bytes, kMtuBytes + 8 + (family == Family::kV4 ? 20 : 40));
    EXPECT_LE(seen.largest_bytes, 1500);
  }
}

// What the receiver's forwarder put together, when the kernel has cut it again.
TEST_F(UdpTrafficTest, WhatWasPutTogetherHasRightChecksums) {
  ASSERT_NO_FATAL_FAILURE(Start());
  SwitchOffloadsOff(cluster_->host(2).netns(), "pod1");
  SwitchOffloadsOff(cluster_->pod(2).netns(), "eth0");
  for (Family family : kFamilies) {
    ChecksumWatch watch(cluster_->pod(2).netns(), "eth0");
    EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes));
    EXPECT_TRUE(UdpArrives(To2(family), Load(true)));
    EXPECT_TRUE(UdpArrives(To2(family), Load(false)));
    const ChecksumWatch::Seen seen = watch.Stop();
    EXPECT_GT(seen.right, 1000);
    EXPECT_GT(seen.right + seen.missed, 5000);
    EXPECT_EQ(seen.wrong, 0) << seen.first_wrong;
    EXPECT_EQ(seen.unfinished, 0);
    EXPECT_EQ(seen.largest_bytes, kMtuBytes);
  }
}

// Frames of many packets do arrive: else the two tests above prove little.
TEST_F(UdpTrafficTest, PacketsAreMovedManyAtATime) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (Family family : kFamilies) {
    const Counts before = CountsOf(cluster_->node(2)), sent_before = CountsOf(cluster_->node(1));
    ChecksumWatch watch(cluster_->host(2).netns(), kUdpDevice);
    EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes));
    EXPECT_GT(watch.Stop().largest_bytes, 10 * kMtuBytes);
    const auto packets = Grown(cluster_->node(2), before, "received_packets");
    const auto writes = Grown(cluster_->node(2), before, "system_calls_tun_write");
    const auto sends = Grown(cluster_->node(1), sent_before, "system_calls_send");
    std::cout << packets << " packets, " << sends << " calls to send them, " << writes
              << " to write them\n";
    EXPECT_GT(packets, static_cast<std::int64_t>(kTcpBytes / kMtuBytes));
    EXPECT_LT(writes * 2, packets);
    EXPECT_LT(sends * 2, packets);
  }
}

TEST_F(UdpTrafficTest, LossBreaksNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  SendDatagramsOneByOne();
  OnTheWireToH2("numgen random mod 100 0 drop");
  for (Family family : kFamilies) {
    EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes / 4, absl::Seconds(20)));
    UdpLoad load = Load(true);
    load.bursts = 20;
    load.most_lost = 100;
    EXPECT_TRUE(UdpArrives(To2(family), load));
  }
}

// One datagram in ten waits in a slow queue while others overtake it.
TEST_F(UdpTrafficTest, DatagramsOutOfOrderBreakNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  SendDatagramsOneByOne();
  for (const char* command :
       {"qdisc add dev to-h2 root handle 1: htb default 10",
        "class add dev to-h2 parent 1: classid 1:10 htb rate 10gbit quantum 60000",
        "class add dev to-h2 parent 1: classid 1:20 htb rate 50mbit burst 3000 cburst 3000"}) {
    RunCommand(&cluster_->lab().wire(), absl::StrCat("tc ", command));
  }
  OnTheWireToH2("numgen random mod 10 0 counter meta priority set 1:20");
  for (Family family : kFamilies) {
    EXPECT_TRUE(TcpArrives(To2(family), kTcpBytes / 4, absl::Seconds(20)));
    EXPECT_TRUE(UdpArrives(To2(family), Load(true)));
  }
  const std::string classes = RunCommand(&cluster_->lab().wire(), "tc -s class show dev to-h2");
  EXPECT_TRUE(absl::StrContains(classes, "class htb 1:20")) << classes;
  EXPECT_FALSE(absl::StrContains(classes,
                                 "overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n "
                                 "lended: 0"))
      << "nothing was late: " << classes;
}

// By the levels that the forwarder does without.
class UdpLevelsTest : public UdpTrafficTest, public testing::WithParamInterface<const char*> {};

TEST_P(UdpLevelsTest, WorkAlone) {
  ASSERT_NO_FATAL_FAILURE(Start(GetParam()));
  EXPECT_TRUE(cluster_->PodsReachEachOther());
  ExpectAllArrives();
  const std::string shown = cluster_->node(1).Show().out;
  const std::vector<std::string> levels = absl::StrSplit(GetParam(), ',');
  for (const std::string& level : levels) {
    const std::size_t lacks = shown.find("; lacks ");
    ASSERT_NE(lacks, std::string::npos) << shown;
    EXPECT_LT(shown.find(level, lacks), shown.find('\n', lacks)) << level << " in\n" << shown;
  }
}

INSTANTIATE_TEST_SUITE_P(Without, UdpLevelsTest,
                         testing::Values("checksum", "tso", "uso", "gso", "gro", "mmsg",
                                         "checksum,tso,uso,gso,gro,mmsg"),
                         [](const auto& info) {
                           const std::string levels = info.param;
                           return absl::StrContains(levels, ",") ? "All" : levels;
                         });

}  // namespace
}  // namespace heddle::lab
