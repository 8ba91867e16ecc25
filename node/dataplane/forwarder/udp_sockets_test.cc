// Sending and receiving on the real kernel, at each level of what it can do.
#include <netinet/in.h>
#include <sys/socket.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/udp_sockets_fixture.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

class LevelTest : public UdpSocketsFixture, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Levels, LevelTest,
                         testing::Values("", "gso", "gro", "mmsg", "gso,gro,mmsg"));

TEST_P(LevelTest, WhatIsSentComesInOrder) {
  for (Family family : kFamilies) {
    const Ip near = Address(family, 1), far = Address(family, 2);
    const Descriptor sending = Open(near), receiving = Open(far);
    const Features features = PrepareSocket(receiving.get(), *AllBut(GetParam()));
    std::vector<std::size_t> sizes(100, 1400);
    for (std::size_t i = 40; i < 60; ++i) sizes[i] = 64 + i;
    const Datagrams datagrams({far, kTestPort}, sizes);
    UdpSender sender(sending.get(), features, &counters_);
    ASSERT_TRUE(sender.Send(datagrams.trains()));
    EXPECT_THAT(ReceiveAll(receiving.get(), near, features), ElementsAreArray(datagrams.Numbers()));
  }
  EXPECT_EQ(counters_.Get(Count::kSentPackets), 200u);
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 0u);
}

class UdpSocketsTest : public UdpSocketsFixture {};

TEST_F(UdpSocketsTest, FewSystemCallsMoveMany) {
  const Ip near = Address(Family::kV4, 1), far = Address(Family::kV4, 2);
  const Descriptor sending = Open(near), receiving = Open(far);
  const Features features = PrepareSocket(receiving.get(), Features());
  ASSERT_TRUE(features.gso && features.gro && features.mmsg);
  const Datagrams datagrams({far, kTestPort}, std::vector<std::size_t>(128, 400));
  UdpSender sender(sending.get(), features, &counters_);
  ASSERT_TRUE(sender.Send(datagrams.trains()));
  EXPECT_EQ(counters_.Get(Count::kSystemCallsSend), 1u);
  EXPECT_EQ(ReceiveAll(receiving.get(), near, features).size(), 128u);
  EXPECT_LE(counters_.Get(Count::kSystemCallsReceive), 2u);
}

TEST_F(UdpSocketsTest, BeyondThePathsMtuInFragments) {
  ASSERT_EQ(RunShell("ip link set lo mtu 1300"), absl::OkStatus());
  for (Family family : kFamilies) {
    const Ip near = Address(family, 1), far = Address(family, 2);
    const Descriptor sending = Open(near), receiving = Open(far);
    const Datagrams datagrams({far, kTestPort}, std::vector<std::size_t>(20, 1400));
    UdpSender sender(sending.get(), Features(), &counters_);
    ASSERT_TRUE(sender.Send(datagrams.trains()));
    EXPECT_THAT(ReceiveAll(receiving.get(), near, Features()),
                ElementsAreArray(datagrams.Numbers()));
    EXPECT_TRUE(sender.uses_gso());  // others' paths may be longer
  }
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 0u);
}

// Such a socket takes no UDP_SEGMENT, with the error that IPsec on the way out has as well.
TEST_F(UdpSocketsTest, WhatWorksForNoTrainIsNotTriedAgain) {
  const Descriptor sending(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDPLITE));
  const Descriptor receiving(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDPLITE));
  if (!sending.is_open()) GTEST_SKIP() << "this kernel has no UDP-Lite";
  const Ip near = Address(Family::kV4, 1), far = Address(Family::kV4, 2);
  SocketAddress from = ToSocketAddress(near, kTestPort), to = ToSocketAddress(far, kTestPort);
  ASSERT_EQ(bind(sending.get(), from.get(), from.length), 0);
  ASSERT_EQ(bind(receiving.get(), to.get(), to.length), 0);
  const Datagrams datagrams({far, kTestPort}, {1400, 1400, 900, 1400, 1400});
  UdpSender sender(sending.get(), Features(), &counters_);
  ASSERT_TRUE(sender.Send(datagrams.trains()));
  EXPECT_FALSE(sender.uses_gso());
  EXPECT_THAT(ReceiveAll(receiving.get(), near, Features()), ElementsAre(0, 1, 2, 3, 4));
  ASSERT_TRUE(sender.Send(datagrams.trains()));
  EXPECT_THAT(ReceiveAll(receiving.get(), near, Features()), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 0u);
}

TEST_F(UdpSocketsTest, WhatHasNoRouteIsCountedAndTheRestIsSent) {
  const Ip near = Address(Family::kV4, 1), far = Address(Family::kV4, 2);
  const Descriptor sending = Open(near), receiving = Open(far);
  const Endpoint nowhere{*Ip::Parse("198.51.100.1"), kTestPort}, there{far, kTestPort};
  const std::vector<std::uint8_t> zeros(100);
  Trains trains;
  for (int i = 0; i < 3; ++i) trains.Add(&nowhere, {zeros, {}});
  trains.Add(&there, {zeros, {}});
  UdpSender sender(sending.get(), Features(), &counters_);
  ASSERT_TRUE(sender.Send(trains.all()));
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 3u);
  EXPECT_THAT(ReceiveAll(receiving.get(), near, Features()), ElementsAre(0));
}

}  // namespace
}  // namespace heddle::node::forwarder
