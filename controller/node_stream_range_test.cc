// What a node hears of a network that moves, and in which order.
#include "controller/test_stream.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

// Ranges first: a node never has a subnet, or a path to one, of a range it has not heard of. The
// peers are still held back here to be sent together with later ones.
TEST_F(NodeStreamTest, TheNetworkComesBeforeWhatIsOfItsNewRange) {
  const auto node = Attached(Hello("node-1"));
  node->Drain(now_);
  Network moving = TestNetwork();
  moving.draining = TestNetwork(R"({"Network":"10.9.0.0/16","Backend":{"Type":"vxlan"}})").ranges;
  PublishNetwork(moving);
  Peer renumbered = TestPeer(1);
  renumbered.draining_subnets[Family::kV4] = *Prefix::Parse("10.9.1.0/24");
  Peer other = TestPeer(2);
  other.draining_subnets[Family::kV4] = *Prefix::Parse("10.9.2.0/24");
  EXPECT_TRUE(node->stream.OnOwnChange({"node-1", renumbered}).ok());
  auto messages = node->Drain(now_);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_TRUE(messages[0].has_network());
  EXPECT_TRUE(messages[0].network().has_draining_ipv4());
  ASSERT_TRUE(messages[1].has_own_lease());
  EXPECT_EQ(*FromProto(messages[1].own_lease().self()), renumbered);

  EXPECT_TRUE(node->stream.OnOwnChange({"node-1", renumbered}).ok());
  EXPECT_TRUE(node->Drain(now_).empty()) << "it has just been told";

  Publish({"node-2", other});
  messages = node->Drain(now_);
  ASSERT_GE(messages.size(), 3u);
  EXPECT_TRUE(messages[0].has_network());
  EXPECT_TRUE(messages[1].has_chunk());
  EXPECT_EQ(node->replica.peers["node-2"], other);
}

}  // namespace
}  // namespace heddle::controller
