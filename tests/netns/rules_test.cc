// Masquerade and forward rules, proved by packets: which source address does the receiver see? One
// test for each of flannel's six masquerade rules, in both families.
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/udp_probe.h"

namespace heddle::lab {
namespace {

constexpr std::uint16_t kMarkedPort = 9001, kOtherMarkedPort = 9002;

// Nodes on h1 to h3 with a pod each; h4 is outside the cluster, and sends what is for pods to h1.
std::unique_ptr<Cluster> MakeCluster(Flags node_flags) {
  ClusterOptions options;
  options.lab.hosts = 4;
  options.nodes = 3;
  options.net_conf =
      R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
          "Backend": {"Type": "vxlan"}})";
  options.node_flags = std::move(node_flags);
  auto cluster = std::make_unique<Cluster>(options);
  const testing::AssertionResult up = cluster->Up();
  EXPECT_TRUE(up);
  for (const char* network : {"10.244.0.0/16", "fd00:244::/48"}) {
    const Family family = network[0] == '1' ? Family::kV4 : Family::kV6;
    cluster->host(4).IpCommand(
        absl::StrCat("route add ", network, " via ", cluster->host(1).address(family).ToString()));
  }
  return cluster;
}

class MasqueradeTest : public testing::TestWithParam<Family> {
 protected:
  // One cluster serves all: the tests only send packets.
  static void SetUpTestSuite() { cluster_ = MakeCluster({"--ip-masq"}); }
  static void TearDownTestSuite() { cluster_.reset(); }

  Family family() const { return GetParam(); }
  const NetworkNamespace& host(int number) { return cluster_->host(number).netns(); }
  const NetworkNamespace& pod(int number) { return cluster_->pod(number).netns(); }
  Ip host_ip(int number) { return cluster_->host(number).address(family()); }
  Ip pod_ip(int number) { return cluster_->pod(number).address(family()); }
  SubnetEnv env(int number) { return *cluster_->node(number).subnet_env(); }
  // The source of what h<number> sends into the tunnel: its subnet's base address.
  Ip tunnel_ip(int number) { return env(number).subnet[family()]->base(); }
  Ip bridge_ip(int number) { return *env(number).gateway[family()]; }

  static std::unique_ptr<Cluster> cluster_;
};

std::unique_ptr<Cluster> MasqueradeTest::cluster_;

TEST_P(MasqueradeTest, Rule1WhatIsMarkedForKubeProxyIsLeftToIt) {
  for (const char* words :
       {"add table inet marker",
        "add chain inet marker pre { type filter hook prerouting priority -150 ; }",
        "add rule inet marker pre udp dport 9001 meta mark set 0x4000",
        "add rule inet marker pre udp dport 9002 meta mark set 0x14001"}) {
    RunCommand(&host(1), absl::StrCat("nft ", words));
  }
  EXPECT_EQ(SourceSeen({pod(1), {}, host(4), host_ip(4), kMarkedPort}), pod_ip(1));
  // Other bits of the mark are other people's.
  EXPECT_EQ(SourceSeen({pod(1), {}, host(4), host_ip(4), kOtherMarkedPort}), pod_ip(1));
  RunCommand(&host(1), "nft delete table inet marker");
  EXPECT_EQ(SourceSeen({pod(1), {}, host(4), host_ip(4), kMarkedPort}), host_ip(1));
}

TEST_P(MasqueradeTest, Rule2PodsSendToOtherHostsPodsAsThemselves) {
  EXPECT_EQ(SourceSeen({pod(1), {}, pod(2), pod_ip(2)}), pod_ip(1));
  EXPECT_TRUE(AnswerArrives({pod(1), {}, pod(2), pod_ip(2)}));
}

TEST_P(MasqueradeTest, Rule3PodsReceiveFromTheClusterWithTheTrueSource) {
  EXPECT_EQ(SourceSeen({pod(2), {}, pod(1), pod_ip(1)}), pod_ip(2));
  EXPECT_EQ(SourceSeen({host(2), tunnel_ip(2), pod(1), pod_ip(1)}), tunnel_ip(2));
  // From the node's own bridge address too.
  EXPECT_EQ(SourceSeen({host(1), bridge_ip(1), pod(1), pod_ip(1)}), bridge_ip(1));
}

TEST_P(MasqueradeTest, Rule4AnOutsiderKeepsItsAddressAtAPodBehindItsOwnNode) {
  EXPECT_EQ(SourceSeen({host(4), {}, pod(1), pod_ip(1)}), host_ip(4));
  EXPECT_TRUE(AnswerArrives({host(4), {}, pod(1), pod_ip(1)}));
}

TEST_P(MasqueradeTest, Rule5PodsGoOutUnderTheirHostsAddress) {
  EXPECT_EQ(SourceSeen({pod(1), {}, host(4), host_ip(4)}), host_ip(1));
  EXPECT_TRUE(AnswerArrives({pod(1), {}, host(4), host_ip(4)}));
  EXPECT_EQ(SourceSeen({host(1), bridge_ip(1), host(4), host_ip(4)}), host_ip(1));
}

TEST_P(MasqueradeTest, Rule5LeavesMulticastAlone) {
  const Ip group = ParseIp(family() == Family::kV4 ? "239.1.2.3" : "ff05::1:3");
  EXPECT_EQ(SourceSeen({host(1), bridge_ip(1), host(4), group}), bridge_ip(1));
}

// The rule that flannel's nftables mode gets wrong: without it the answer takes another way back.
TEST_P(MasqueradeTest, Rule6AnOutsidersPacketToAPodElsewhereIsAnsweredThroughThisNode) {
  EXPECT_EQ(SourceSeen({host(4), {}, pod(2), pod_ip(2)}), tunnel_ip(1));
  EXPECT_TRUE(AnswerArrives({host(4), {}, pod(2), pod_ip(2)}));
  // The node itself, speaking with its underlay address.
  EXPECT_EQ(SourceSeen({host(1), host_ip(1), pod(2), pod_ip(2)}), tunnel_ip(1));
  EXPECT_TRUE(AnswerArrives({host(1), host_ip(1), pod(2), pod_ip(2)}));
}

INSTANTIATE_TEST_SUITE_P(Families, MasqueradeTest, testing::Values(Family::kV4, Family::kV6),
                         [](const testing::TestParamInfo<Family>& param) {
                           return std::string(FamilyName(param.param));
                         });

TEST(RulesTest, WithoutIpMasqNothingIsTranslated) {
  const std::unique_ptr<Cluster> cluster = MakeCluster({});
  for (Family family : kFamilies) {
    EXPECT_EQ(SourceSeen({cluster->pod(1).netns(),
                          {},
                          cluster->host(4).netns(),
                          cluster->host(4).address(family)}),
              cluster->pod(1).address(family));
  }
  EXPECT_TRUE(absl::StrContains(cluster->node(1).subnet_env()->text, "FLANNEL_IPMASQ=false"));
}

// In nftables an accept ends only its own chain, so no packet can prove the forward rules; what can
// be proved is that they are there, for both directions, and only when asked for.
TEST(RulesTest, ForwardRulesAreThereUnlessRefused) {
  for (const bool wanted : {true, false}) {
    ClusterOptions options;
    options.lab.hosts = 1;
    options.node_flags = {absl::StrCat("--forward-rules=", wanted ? "true" : "false")};
    Cluster cluster(options);
    ASSERT_TRUE(cluster.Up());
    const std::string rules = RunCommand(&cluster.host(1).netns(), "nft list ruleset");
    EXPECT_EQ(absl::StrContains(rules, "hook forward"), wanted) << rules;
    EXPECT_EQ(absl::StrContains(rules, "accept\n"), wanted) << rules;
  }
}

}  // namespace
}  // namespace heddle::lab
