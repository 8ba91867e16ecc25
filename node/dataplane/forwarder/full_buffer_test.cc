// Sending faster than the way out of the host goes.
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/offload.h"
#include "node/dataplane/forwarder/udp_sockets_fixture.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAreArray;

// Ten megabytes a second: what waits for its turn is in the socket's buffer.
class FullBufferTest : public UdpSocketsFixture {
 protected:
  FullBufferTest() {
    auto opened = OpenTunQueues("slow", 1);
    EXPECT_EQ(opened.status(), absl::OkStatus());
    device_ = std::move(opened->queues[0]);
    EXPECT_EQ(RunShell("ip link set slow up && ip address add 203.0.113.1/24 dev slow && "
                       "tc qdisc replace dev slow root tbf rate 80mbit burst 70k limit 10m"),
              absl::OkStatus());
    socket_ = Open(*Ip::Parse("203.0.113.1"));
    const int bytes = 8 << 10;
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  }
  // The numbers of the packets that the device has.
  std::vector<std::size_t> ReadDevice() {
    std::vector<std::size_t> numbers;
    std::uint8_t frame[1 << 16];
    constexpr std::size_t kFirst = sizeof(Offload) + 20 + 8;  // IPv4 and UDP headers
    ssize_t n;
    while ((n = read(device_.get(), frame, sizeof(frame))) > 0) {
      if (frame[sizeof(Offload)] == 0x45) numbers.push_back(frame[kFirst]);
    }
    return numbers;
  }

  const Datagrams datagrams_{{*Ip::Parse("203.0.113.2"), kTestPort},
                             std::vector<std::size_t>(200, 1000)};
  Descriptor device_, socket_;
};

TEST_F(FullBufferTest, IsWaitedForAndNothingIsLost) {
  for (const char* left_out : {"", "gso", "gso,mmsg"}) {
    UdpSender sender(socket_.get(), *AllBut(left_out), &counters_);
    EXPECT_FALSE(sender.Send(datagrams_.trains()));
    std::vector<std::size_t> numbers;
    const absl::Time end = absl::Now() + absl::Seconds(10);
    while (numbers.size() < 200 && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(1));
      sender.Resume();
      const auto more = ReadDevice();
      numbers.insert(numbers.end(), more.begin(), more.end());
    }
    EXPECT_TRUE(sender.Resume());
    EXPECT_THAT(numbers, ElementsAreArray(datagrams_.Numbers()));
  }
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 0u);
  EXPECT_EQ(counters_.Get(Count::kSentPackets), 600u);
}

TEST_F(FullBufferTest, WhatIsGivenUpIsCounted) {
  UdpSender sender(socket_.get(), Features(), &counters_);
  ASSERT_FALSE(sender.Send(datagrams_.trains()));
  sender.GiveUp();
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent) + counters_.Get(Count::kSentPackets), 200u);
  EXPECT_GT(counters_.Get(Count::kDroppedUnsent), 0u);
  EXPECT_TRUE(sender.Resume());
}

}  // namespace
}  // namespace heddle::node::forwarder
