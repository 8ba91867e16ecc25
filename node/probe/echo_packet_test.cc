#include "node/probe/echo_packet.h"

#include <gtest/gtest.h>

#include <random>

#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node {
namespace {

// What a kernel would answer: the same, with another type.
std::string AnswerTo(std::string request, Family family) {
  request[0] = family == Family::kV4 ? 0 : static_cast<char>(129);
  return request;
}

class EchoPacket : public ::testing::TestWithParam<Family> {};

TEST_P(EchoPacket, FillsThePacketToItsSize) {
  const int header = GetParam() == Family::kV4 ? 20 : 40;
  for (int bytes : {kSmallPacketBytes, 1450, 9000}) {
    EXPECT_EQ(EchoRequest(GetParam(), {7, 9}, bytes).size(),
              static_cast<std::size_t>(bytes - header));
  }
}

TEST_P(EchoPacket, HasTheChecksumOfAllItsBytes) {
  // Of ICMPv6, the kernel makes it.
  if (GetParam() == Family::kV6) return;
  for (int bytes : {kSmallPacketBytes, 1449, 9000}) {
    EXPECT_EQ(forwarder::PlainChecksum(EchoRequest(Family::kV4, {7, 9}, bytes)), 0) << bytes;
  }
}

TEST_P(EchoPacket, AnAnswerCarriesTheTag) {
  const std::string answer =
      AnswerTo(EchoRequest(GetParam(), {0x1234, 0x0123456789abcdef}, 1500), GetParam());
  const auto tag = ParseEchoReply(GetParam(), false, answer);
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->id, 0x1234);
  EXPECT_EQ(tag->token, 0x0123456789abcdef);
}

TEST_P(EchoPacket, RequestsAndFragmentsOfAnswersAreNoAnswers) {
  const std::string request = EchoRequest(GetParam(), {1, 2}, 200);
  EXPECT_FALSE(ParseEchoReply(GetParam(), false, request));
  const std::string answer = AnswerTo(request, GetParam());
  for (std::size_t size = 0; size < 16; ++size) {
    EXPECT_FALSE(ParseEchoReply(GetParam(), false, absl::string_view(answer).substr(0, size)));
  }
}

TEST_P(EchoPacket, AnyBytesAreReadWithinTheirBounds) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 80, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    // Copied, so that a reader that goes too far leaves the heap block.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    for (bool with_header : {false, true}) {
      ParseEchoReply(GetParam(), with_header, {exact.data(), exact.size()});
    }
  }
}

// Behind the headers of VXLAN and Ethernet, with 22 bytes.
TEST_P(EchoPacket, HasRightChecksumsInVxlan) {
  const bool v4 = GetParam() == Family::kV4;
  const std::string packet = VxlanEchoForAnyMac(1, Mac(), *Ip::Parse(v4 ? "10.4.0.2" : "fd04::2"),
                                                *Ip::Parse(v4 ? "10.4.0.9" : "fd04::9"), {7, 9})
                                 .substr(22);
  if (v4) {
    EXPECT_EQ(forwarder::PlainChecksum(packet.substr(0, 20)), 0);
    EXPECT_EQ(forwarder::PlainChecksum(packet.substr(20)), 0);
    return;
  }
  const std::string icmp = packet.substr(40);
  const std::string length = {0, 0, 0, static_cast<char>(icmp.size()), 0, 0, 0, 58};
  EXPECT_EQ(forwarder::PlainChecksum(packet.substr(8, 32) + length + icmp), 0);
}

INSTANTIATE_TEST_SUITE_P(Families, EchoPacket, ::testing::Values(Family::kV4, Family::kV6),
                         [](const ::testing::TestParamInfo<Family>& param) {
                           return std::string(FamilyName(param.param));
                         });

TEST(EchoPacketIpv4, SkipsTheIpHeaderWithItsOptions) {
  const std::string answer = AnswerTo(EchoRequest(Family::kV4, {5, 6}, 100), Family::kV4);
  EXPECT_EQ(
      ParseEchoReply(Family::kV4, true, std::string("\x46") + std::string(23, 'x') + answer)->token,
      6u);
}

TEST(VxlanFrame, IsForEveryMacInTheVni) {
  const std::string frame = VxlanEchoForAnyMac(0x010203, Mac{{2, 0, 0, 0, 0, 1}},
                                               *Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.2.0"), {});
  EXPECT_EQ(frame.substr(0, 8), std::string("\x08\0\0\0\x01\x02\x03\0", 8));
  EXPECT_EQ(frame.substr(8, 6), "\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(frame.size(), 8u + 14 + kSmallPacketBytes);
}

}  // namespace
}  // namespace heddle::node
