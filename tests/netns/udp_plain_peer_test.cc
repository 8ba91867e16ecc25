// A host whose forwarder is flannel's: one IP packet in one UDP datagram, moved one at a time.
// Heddle's understands it, and it understands Heddle's.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/built.h"
#include "tests/lab/forwarders.h"
#include "tests/lab/icmp_answer.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/ping.h"
#include "tests/lab/process.h"
#include "tests/lab/transfer.h"
#include "tests/lab/wait.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

constexpr char kFlannelDevice[] = "flannel0";
constexpr std::size_t kTcpBytes = 8 << 20;

// flannel has IPv4 only; the same format over IPv6 is this project's own.
class PlainPeerTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    HEDDLE_SKIP_WITHOUT_LINKS("tun");
    const auto options = UdpCluster(family() == Family::kV4 ? PodFamilies::kV4 : PodFamilies::kV6);
    cluster_ = std::make_unique<Cluster>(options);
    ASSERT_TRUE(cluster_->Up());
    ReplaceForwarderOfH2();
    ASSERT_TRUE(Pings(cluster_->pod(1).netns(), cluster_->pod(2).address(family())));
  }

  Family family() const { return GetParam(); }
  // As flannel leaves a host: the device has the subnet's first address, and the whole network is
  // behind it.
  void ReplaceForwarderOfH2() {
    Node& node = cluster_->node(2);
    const Host& host = node.host();
    const Prefix own = *node.subnet_env()->subnet[family()];
    const Prefix peers = *cluster_->node(1).subnet_env()->subnet[family()];
    node.process().Kill();
    EndForwardersAt(node.forwarder_socket());
    ASSERT_EQ(node.Cleanup().exit_code, 0);
    Program program;
    program.netns = &host.netns();
    program.argv = {
        Built("tests/lab/plain_forwarder"), kFlannelDevice, host.address(family()).ToString(),
        absl::StrCat(kUdpPort),
        absl::StrCat(peers.ToString(), "=", cluster_->host(1).address(family()).ToString())};
    plain_.Start(program);
    ASSERT_TRUE(Within(absl::Seconds(5), "the device of the plain forwarder", [&] {
      return TryRun({{"ip", "link", "show", kFlannelDevice}, {}, &host.netns()}).exit_code == 0;
    }));
    host.IpCommand(absl::StrCat("link set ", kFlannelDevice, " up mtu ",
                                family() == Family::kV4 ? 1472 : 1452));
    host.IpCommand(absl::StrCat("addr add ", own.base().ToString(), " dev ", kFlannelDevice));
    const std::string network = family() == Family::kV4 ? "10.244.0.0/16" : "fd00:244::/48";
    host.IpCommand(absl::StrCat("route add ", network, " dev ", kFlannelDevice));
  }
  Route To2() { return PodRoute(*cluster_, family()); }
  Route To1() {
    return {cluster_->pod(2).netns(), cluster_->pod(1).netns(), cluster_->pod(1).address(family())};
  }

  Process plain_{"plain_forwarder", "/run/lab/plain.log"};
  std::unique_ptr<Cluster> cluster_;
};

TEST_P(PlainPeerTest, PodsReachEachOther) {
  EXPECT_TRUE(cluster_->PodsReachEachOther());
  // And each end is a hop: the host, the tunnel's end, the far host, the pod.
  for (int hop = 1; hop <= 4; ++hop) {
    // The plain one drops in silence what has no hop left.
    const auto answer = AnswerTo(Probe{cluster_->pod(2).address(family()), hop},
                                 cluster_->pod(1).netns(), absl::Milliseconds(500));
    EXPECT_EQ(answer.has_value(), hop != 2) << "hop " << hop;
  }
}

TEST_P(PlainPeerTest, TransfersArriveBothWays) {
  EXPECT_TRUE(TcpArrives(To2(), kTcpBytes));
  EXPECT_TRUE(TcpArrives(To1(), kTcpBytes));
  UdpLoad load{40};
  for (const bool segmented : {false, true}) {
    load.segmented = segmented;
    EXPECT_TRUE(UdpArrives(To2(), load));
    EXPECT_TRUE(UdpArrives(To1(), load));
  }
}

TEST_P(PlainPeerTest, FragmentsOfPodsPass) {
  UdpLoad load{10};
  load.datagrams = 4;
  load.payload_bytes = 6000;
  EXPECT_TRUE(UdpArrives(To2(), load));
  EXPECT_TRUE(UdpArrives(To1(), load));
}

INSTANTIATE_TEST_SUITE_P(Pods, PlainPeerTest, testing::Values(Family::kV4, Family::kV6),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

}  // namespace
}  // namespace heddle::lab
