// Sending and receiving on the real kernel, at each level of what it can do.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder/offload.h"
#include "node/dataplane/forwarder/udp_receiver.h"
#include "node/dataplane/forwarder/udp_sender.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr std::uint16_t kPort = 8285;

// Datagrams whose first byte is their number.
class Datagrams {
 public:
  Datagrams(const Endpoint& to, const std::vector<std::size_t>& sizes) : to_(to) {
    for (std::size_t size : sizes) {
      datagrams_.emplace_back(size, static_cast<std::uint8_t>(datagrams_.size()));
    }
    for (const auto& datagram : datagrams_) {
      const absl::Span<const std::uint8_t> all(datagram);
      const std::size_t header = std::min<std::size_t>(all.size(), 40);
      trains_.Add(&to_, {all.first(header), all.subspan(header)});
    }
  }
  absl::Span<const Train> trains() const { return trains_.all(); }
  std::vector<std::size_t> Numbers() const {
    std::vector<std::size_t> numbers(datagrams_.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    return numbers;
  }

 private:
  const Endpoint to_;
  std::vector<std::vector<std::uint8_t>> datagrams_;
  Trains trains_;
};

class UdpSocketsTest : public testing::Test {
 protected:
  UdpSocketsTest() {
    EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    EXPECT_EQ(RunShell("ip address add 127.0.0.2/8 dev lo; ip address add ::2/128 dev lo"),
              absl::OkStatus());
  }

  static Ip Address(Family family, int number) {
    return *Ip::Parse(absl::StrCat(family == Family::kV4 ? "127.0.0." : "::", number));
  }
  static Descriptor Open(const Ip& at) {
    auto opened = OpenUdpSockets(at, kPort, 1);
    EXPECT_EQ(opened.status(), absl::OkStatus());
    return std::move(opened->at(0));
  }
  // The numbers of those that wait at the socket, which must be from `from` and whole.
  std::vector<std::size_t> ReceiveAll(int fd, const Ip& from, const Features& features) {
    UdpReceiver receiver(fd, features, &counters_);
    std::vector<std::size_t> numbers;
    pollfd waiting{fd, POLLIN, 0};
    while (poll(&waiting, 1, 100) > 0) {
      for (const Bundle& bundle : receiver.Receive(&buffers_)) {
        EXPECT_EQ(bundle.from, from);
        for (std::size_t at = 0; at < bundle.bytes.size(); at += bundle.datagram_bytes) {
          const auto datagram = bundle.bytes.subspan(at, bundle.datagram_bytes);
          EXPECT_THAT(datagram, testing::Each(datagram[0]));
          numbers.push_back(datagram[0]);
        }
      }
    }
    return numbers;
  }

  Counters counters_;
  ReceiveBuffers buffers_;
};

class LevelTest : public UdpSocketsTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Levels, LevelTest,
                         testing::Values("", "gso", "gro", "mmsg", "gso,gro,mmsg"));

TEST_P(LevelTest, WhatIsSentComesInOrder) {
  for (Family family : kFamilies) {
    const Ip near = Address(family, 1), far = Address(family, 2);
    const Descriptor sending = Open(near), receiving = Open(far);
    const Features features = PrepareSocket(receiving.get(), *AllBut(GetParam()));
    std::vector<std::size_t> sizes(100, 1400);
    for (std::size_t i = 40; i < 60; ++i) sizes[i] = 64 + i;
    const Datagrams datagrams({far, kPort}, sizes);
    UdpSender sender(sending.get(), features, &counters_);
    ASSERT_TRUE(sender.Send(datagrams.trains()));
    EXPECT_THAT(ReceiveAll(receiving.get(), near, features), ElementsAreArray(datagrams.Numbers()));
  }
  EXPECT_EQ(counters_.Get(Count::kSentPackets), 200u);
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 0u);
}

TEST_F(UdpSocketsTest, FewSystemCallsMoveMany) {
  const Ip near = Address(Family::kV4, 1), far = Address(Family::kV4, 2);
  const Descriptor sending = Open(near), receiving = Open(far);
  const Features features = PrepareSocket(receiving.get(), Features());
  ASSERT_TRUE(features.gso && features.gro && features.mmsg);
  const Datagrams datagrams({far, kPort}, std::vector<std::size_t>(128, 400));
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
    const Datagrams datagrams({far, kPort}, std::vector<std::size_t>(20, 1400));
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
  SocketAddress from = ToSocketAddress(near, kPort), to = ToSocketAddress(far, kPort);
  ASSERT_EQ(bind(sending.get(), from.get(), from.length), 0);
  ASSERT_EQ(bind(receiving.get(), to.get(), to.length), 0);
  const Datagrams datagrams({far, kPort}, {1400, 1400, 900, 1400, 1400});
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
  const Endpoint nowhere{*Ip::Parse("198.51.100.1"), kPort}, there{far, kPort};
  const std::vector<std::uint8_t> zeros(100);
  Trains trains;
  for (int i = 0; i < 3; ++i) trains.Add(&nowhere, {zeros, {}});
  trains.Add(&there, {zeros, {}});
  UdpSender sender(sending.get(), Features(), &counters_);
  ASSERT_TRUE(sender.Send(trains.all()));
  EXPECT_EQ(counters_.Get(Count::kDroppedUnsent), 3u);
  EXPECT_THAT(ReceiveAll(receiving.get(), near, Features()), ElementsAre(0));
}

// Ten megabytes a second: what waits for its turn is in the socket's buffer.
class FullBufferTest : public UdpSocketsTest {
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

  const Datagrams datagrams_{{*Ip::Parse("203.0.113.2"), kPort},
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
