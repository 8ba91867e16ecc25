#include "node/forwarding.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace heddle::node {
namespace {

Network DualStack() {
  Network network;
  network.ranges[Family::kV4] = Range();
  network.ranges[Family::kV6] = Range();
  return network;
}

TEST(Forwarding, NamesTheSwitchThatIsOff) {
  const std::string root = testing::TempDir() + "/sys";
  ASSERT_TRUE(WriteFileAtomically(root + "/net/ipv4/ip_forward", "1\n", 0644).ok());
  ASSERT_TRUE(WriteFileAtomically(root + "/net/ipv6/conf/all/forwarding", "0\n", 0644).ok());
  const auto problems = ForwardingProblems(DualStack(), root);
  EXPECT_FALSE(problems[Family::kV4]);
  ASSERT_TRUE(problems[Family::kV6]);
  EXPECT_NE(problems[Family::kV6]->find("sysctl -w net.ipv6.conf.all.forwarding=1"),
            std::string::npos);
  ASSERT_TRUE(WriteFileAtomically(root + "/net/ipv6/conf/all/forwarding", "1\n", 0644).ok());
  EXPECT_TRUE(ForwardingProblems(DualStack(), root).empty());
}

TEST(Forwarding, AsksOnlyForTheFamiliesOfTheNetwork) {
  Network network;
  network.ranges[Family::kV6] = Range();
  const auto problems = ForwardingProblems(network, testing::TempDir() + "/nothing");
  EXPECT_FALSE(problems[Family::kV4]);
  ASSERT_TRUE(problems[Family::kV6]);
  EXPECT_NE(problems[Family::kV6]->find("IPv6"), std::string::npos);
}

}  // namespace
}  // namespace heddle::node
