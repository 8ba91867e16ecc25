// On the real kernel, in a network of the test's own.
#include "node/dataplane/forwarder/descriptors.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket_address.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr char kName[] = "heddle.udp";

class DescriptorsTest : public testing::Test {
 protected:
  DescriptorsTest() { EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus()); }
  static std::string Devices() { return *OutputOf("ip -d link show type tun"); }
};

TEST_F(DescriptorsTest, ManyQueuesOfOneDeviceThatGoesWithTheLast) {
  {
    const auto opened = OpenTunQueues(kName, 4);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    EXPECT_THAT(opened->queues, SizeIs(4));
    EXPECT_TRUE(opened->vnet_header);
    EXPECT_THAT(Devices(), HasSubstr("numqueues 4"));
  }
  EXPECT_EQ(Devices(), "");
}

TEST_F(DescriptorsTest, ADeviceThatIsKeptIsOpenedAgain) {
  {
    const auto opened = OpenTunQueues(kName, 1);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    ASSERT_EQ(KeepTunDevice(opened->queues[0]), absl::OkStatus());
  }
  EXPECT_THAT(Devices(), HasSubstr(kName));
  const auto again = OpenTunQueues(kName, 3);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_THAT(again->queues, SizeIs(3));
}

TEST_F(DescriptorsTest, ADeviceWithOneQueueHasOne) {
  ASSERT_EQ(RunShell("ip tuntap add heddle.udp mode tun"), absl::OkStatus());
  {
    const auto opened = OpenTunQueues(kName, 4);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    EXPECT_THAT(opened->queues, SizeIs(1));
    const auto second = OpenTunQueues(kName, 1);
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(second.status().message()), HasSubstr("another process"));
  }
}

TEST_F(DescriptorsTest, ANameThatIsTakenOrIsNone) {
  EXPECT_EQ(OpenTunQueues(kTestUnderlay, 1).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenTunQueues("", 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenTunQueues("sixteen.letters.", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

class UdpSocketsTest : public DescriptorsTest, public testing::WithParamInterface<Family> {
 protected:
  const Ip local_ = TestUnderlayAddress(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Families, UdpSocketsTest, testing::ValuesIn(kFamilies));

TEST_P(UdpSocketsTest, ShareAnAddressAndPort) {
  const auto opened = OpenUdpSockets(local_, 8285, 4);
  ASSERT_EQ(opened.status(), absl::OkStatus());
  ASSERT_THAT(*opened, SizeIs(4));
  for (const Descriptor& socket : *opened) {
    SocketAddress address;
    ASSERT_EQ(getsockname(socket.get(), address.get(), &address.length), 0);
    EXPECT_EQ(ToIp(address), local_);
    EXPECT_EQ(PortOf(address), 8285);
    char byte;
    EXPECT_EQ(read(socket.get(), &byte, 1), -1);
    EXPECT_EQ(errno, EAGAIN);
  }
}

TEST_P(UdpSocketsTest, SayWhoIsInTheWay) {
  const Descriptor stranger(socket(ToAddressFamily(GetParam()), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress address = ToSocketAddress(local_, 8285);
  ASSERT_EQ(bind(stranger.get(), address.get(), address.length), 0);
  const auto opened = OpenUdpSockets(local_, 8285, 2);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("8285"));
}

TEST_P(UdpSocketsTest, AnAddressOfNobodyHere) {
  const Ip foreign(GetParam(), local_.number() + 1);
  const auto opened = OpenUdpSockets(foreign, 8285, 1);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("not on this host"));
}

}  // namespace
}  // namespace heddle::node::forwarder
