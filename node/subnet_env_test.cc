#include "node/subnet_env.h"

#include <sys/stat.h>

#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;

Network NetworkOf(std::vector<std::string> prefixes) {
  Network network;
  for (const std::string& text : prefixes) {
    Range range;
    range.network = *Prefix::Parse(text);
    network.ranges[range.network.family()] = range;
  }
  return network;
}

Peer LeaseOf(std::vector<std::string> subnets) {
  Peer self;
  for (const std::string& text : subnets) {
    const Prefix subnet = *Prefix::Parse(text);
    self.subnets[subnet.family()] = subnet;
  }
  return self;
}

PerFamily<Prefix> Parsed(const std::string& content) {
  const auto subnets = ParseSubnetEnv(content);
  EXPECT_TRUE(subnets.ok()) << subnets.status();
  return subnets.ok() ? *subnets : PerFamily<Prefix>{};
}

TEST(SubnetEnvTest, Ipv4IsFlannelsFileByteForByte) {
  EXPECT_EQ(SubnetEnvText(NetworkOf({"10.3.0.0/16"}), LeaseOf({"10.3.2.0/24"}), 1450, false),
            "FLANNEL_NETWORK=10.3.0.0/16\n"
            "FLANNEL_SUBNET=10.3.2.1/24\n"
            "FLANNEL_MTU=1450\n"
            "FLANNEL_IPMASQ=false\n");
}

TEST(SubnetEnvTest, DualStackIsFlannelsFileByteForByte) {
  EXPECT_EQ(SubnetEnvText(NetworkOf({"10.3.0.0/16", "fd00:3::/48"}),
                          LeaseOf({"10.3.2.0/24", "fd00:3:0:5::/64"}), 1430, true),
            "FLANNEL_NETWORK=10.3.0.0/16\n"
            "FLANNEL_SUBNET=10.3.2.1/24\n"
            "FLANNEL_IPV6_NETWORK=fd00:3::/48\n"
            "FLANNEL_IPV6_SUBNET=fd00:3:0:5::1/64\n"
            "FLANNEL_MTU=1430\n"
            "FLANNEL_IPMASQ=true\n");
}

// While the cluster moves, the network is the one that the node's own subnet is of.
TEST(SubnetEnvTest, AMovingClustersNetworkIsTheOneThatTheSubnetIsOf) {
  Network network = NetworkOf({"10.60.0.0/16"});
  network.draining = NetworkOf({"10.3.0.0/16"}).ranges;
  Peer self = LeaseOf({"10.3.2.0/24"});
  EXPECT_THAT(SubnetEnvText(network, self, 1450, true),
              HasSubstr("FLANNEL_NETWORK=10.3.0.0/16\nFLANNEL_SUBNET=10.3.2.1/24\n"));
  self.draining_subnets = self.subnets;
  self.subnets = LeaseOf({"10.60.7.0/24"}).subnets;
  EXPECT_THAT(SubnetEnvText(network, self, 1450, true),
              HasSubstr("FLANNEL_NETWORK=10.60.0.0/16\nFLANNEL_SUBNET=10.60.7.1/24\n"));
}

TEST(SubnetEnvTest, Ipv6AloneHasNoIpv4Lines) {
  EXPECT_EQ(SubnetEnvText(NetworkOf({"fd00:3::/48"}), LeaseOf({"fd00:3:0:5::/64"}), 1430, true),
            "FLANNEL_IPV6_NETWORK=fd00:3::/48\n"
            "FLANNEL_IPV6_SUBNET=fd00:3:0:5::1/64\n"
            "FLANNEL_MTU=1430\n"
            "FLANNEL_IPMASQ=true\n");
}

TEST(SubnetEnvTest, WhatIsRenderedIsParsedBack) {
  const Peer self = LeaseOf({"10.3.2.0/28", "fd00:3:0:5::/64"});
  EXPECT_EQ(Parsed(SubnetEnvText(NetworkOf({"10.3.0.0/16", "fd00:3::/48"}), self, 1430, true)),
            self.subnets);
}

TEST(SubnetEnvTest, TakesWhatAShellWouldTake) {
  const auto subnets = Parsed("# made by hand\r\nOTHER=1\n  FLANNEL_SUBNET=\"10.3.2.1/24\"  \r\n");
  EXPECT_EQ(subnets[Family::kV4], *Prefix::Parse("10.3.2.0/24"));
  EXPECT_FALSE(subnets[Family::kV6]);
  EXPECT_EQ(Parsed("FLANNEL_SUBNET=10.3.2.1/24\nFLANNEL_SUBNET=10.3.9.1/24")[Family::kV4],
            *Prefix::Parse("10.3.9.0/24"));
  EXPECT_TRUE(Parsed("").empty());
  EXPECT_TRUE(Parsed("FLANNEL_SUBNETS=nothing\n").empty());
}

TEST(SubnetEnvTest, SubnetsThatMakeNoSenseAreRefusedByLine) {
  for (const std::string value :
       {"", "10.3.2.1/33", "10.3.2.1", "10.3.2.1/0", "10.3.2.1/32", "fd00::1/64", "10.3.2/24",
        "10.3.2.1/24 extra", "$(reboot)", "10.3.2.1/-1", "10.3.2.1/99999999999999999999"}) {
    const auto subnets = ParseSubnetEnv("A=b\nFLANNEL_SUBNET=" + value + "\n");
    EXPECT_EQ(subnets.status().code(), absl::StatusCode::kInvalidArgument) << value;
    EXPECT_THAT(std::string(subnets.status().message()), HasSubstr("line 2: FLANNEL_SUBNET="));
  }
  EXPECT_FALSE(ParseSubnetEnv("FLANNEL_IPV6_SUBNET=10.3.2.1/24").ok());
}

TEST(SubnetEnvTest, WritesForAllToReadAndReadsBack) {
  const std::string path = testing::TempDir() + "/run/subnet.env";
  ASSERT_TRUE(WriteSubnetEnv(path, "FLANNEL_SUBNET=10.3.2.1/24\n").ok());
  struct stat entry;
  ASSERT_EQ(stat(path.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777, 0644u);
  EXPECT_EQ((*ReadSubnetEnv(path))[Family::kV4], *Prefix::Parse("10.3.2.0/24"));
  ASSERT_TRUE(WriteSubnetEnv(path, "FLANNEL_SUBNET=bad\n").ok());
  EXPECT_THAT(std::string(ReadSubnetEnv(path).status().message()), HasSubstr(path));
  EXPECT_TRUE(absl::IsNotFound(ReadSubnetEnv(path + ".none").status()));
}

}  // namespace
}  // namespace heddle::node
