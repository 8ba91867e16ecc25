// For tests: datagrams that can be told apart, sent and received on the real kernel.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder/udp_receiver.h"
#include "node/dataplane/forwarder/udp_sender.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {

inline constexpr std::uint16_t kTestPort = 8285;

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

class UdpSocketsFixture : public testing::Test {
 protected:
  UdpSocketsFixture() {
    EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    EXPECT_EQ(RunShell("ip address add 127.0.0.2/8 dev lo; ip address add ::2/128 dev lo"),
              absl::OkStatus());
  }

  static Ip Address(Family family, int number) {
    return *Ip::Parse(absl::StrCat(family == Family::kV4 ? "127.0.0." : "::", number));
  }
  static Descriptor Open(const Ip& at) {
    auto opened = OpenUdpSockets(at, kTestPort, 1);
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

}  // namespace heddle::node::forwarder
