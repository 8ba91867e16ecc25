#include "node/dataplane/forwarder/icmp_error.h"

#include <gtest/gtest.h>

#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

Ip OwnAddress(Family family) {
  return *Ip::Parse(family == Family::kV4 ? "10.4.7.0" : "fd04:0:0:7::");
}

std::string ErrorAbout(std::string packet, IcmpError error = IcmpError::kNoRoute) {
  const Packet parsed = ParseSample(&packet);
  return ToString(MakeIcmpError(error, parsed, OwnAddress(parsed.family)));
}

Sample SampleOf(Family family, std::size_t payload_bytes = 100) {
  Sample sample;
  sample.family = family;
  sample.payload = SamplePayload(payload_bytes);
  return sample;
}

// ICMP of this type instead of TCP.
std::string IcmpSample(Family family, int type) {
  std::string bytes = SampleOf(family).Bytes();
  bytes[family == Family::kV4 ? 9 : 6] = family == Family::kV4 ? 1 : 58;
  bytes[family == Family::kV4 ? 20 : 40] = static_cast<char>(type);
  return bytes;
}

class IcmpErrorTest : public ::testing::TestWithParam<Family> {
 protected:
  bool v4() const { return GetParam() == Family::kV4; }
};

TEST_P(IcmpErrorTest, GoesToTheSenderAndQuotesThePacket) {
  const std::string packet = SampleOf(GetParam()).Bytes();
  std::string error = ErrorAbout(packet);
  const Packet parsed = ParseSample(&error);
  EXPECT_EQ(parsed.source(), OwnAddress(GetParam()));
  EXPECT_EQ(parsed.destination().ToString(), v4() ? "10.4.0.2" : "fd04::2");
  EXPECT_EQ(parsed.protocol, v4() ? 1 : 58);
  EXPECT_EQ(parsed.hop_limit, 64);
  const std::string icmp = error.substr(v4() ? 20 : 40);
  EXPECT_EQ(icmp.substr(0, 2), v4() ? std::string("\x03\x00", 2) : std::string("\x01\x00", 2));
  EXPECT_EQ(icmp.substr(8), packet);
}

TEST_P(IcmpErrorTest, SaysThatTheHopLimitWasExceeded) {
  const std::string error = ErrorAbout(SampleOf(GetParam()).Bytes(), IcmpError::kHopLimitExceeded);
  EXPECT_EQ(error.substr(v4() ? 20 : 40, 2),
            v4() ? std::string("\x0b\x00", 2) : std::string("\x03\x00", 2));
}

TEST_P(IcmpErrorTest, HasRightChecksums) {
  for (std::size_t payload : {1, 2, 333, 3000}) {
    const std::string error = ErrorAbout(SampleOf(GetParam(), payload).Bytes());
    if (v4()) {
      EXPECT_EQ(PlainChecksum(error.substr(0, 20)), 0);
      EXPECT_EQ(PlainChecksum(error.substr(20)), 0);
      continue;
    }
    const std::string icmp = error.substr(40);
    std::string covered = error.substr(8, 32);
    covered += std::string(2, '\0');
    covered += static_cast<char>(icmp.size() >> 8);
    covered += static_cast<char>(icmp.size() & 0xff);
    covered += std::string("\0\0\0\x3a", 4);
    EXPECT_EQ(PlainChecksum(covered + icmp), 0);
  }
}

TEST_P(IcmpErrorTest, QuotesAsMuchAsMayBe) {
  const std::size_t most = v4() ? 576 : 1280;
  const std::size_t room = most - (v4() ? 20 : 40) - 8;
  const std::size_t headers = (v4() ? 20 : 40) + 20;
  for (std::size_t packet_bytes : {room - 1, room, room + 1, std::size_t{9000}}) {
    const std::string packet = SampleOf(GetParam(), packet_bytes - headers).Bytes();
    const std::string error = ErrorAbout(packet);
    EXPECT_EQ(error.size(), std::min(most, most - room + packet_bytes));
    EXPECT_EQ(error.substr(most - room), packet.substr(0, room));
  }
}

TEST_P(IcmpErrorTest, IsNotSentAboutAnError) {
  int queries = 0;
  for (int type = 0; type < 256; ++type) {
    const bool is_error = v4() ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12
                               : type < 128 || type == 137;
    const bool is_sent = !ErrorAbout(IcmpSample(GetParam(), type)).empty();
    EXPECT_FALSE(is_error && is_sent) << type;
    queries += is_sent;
  }
  EXPECT_FALSE(ErrorAbout(IcmpSample(GetParam(), v4() ? 8 : 128)).empty()) << "an echo request";
  EXPECT_GE(queries, 10);
}

TEST_P(IcmpErrorTest, IsNotSentAboutWhatCannotBeReadAsAQuery) {
  std::string bytes = IcmpSample(GetParam(), v4() ? 8 : 128).substr(0, v4() ? 20 : 40);
  bytes[v4() ? 2 : 4] = 0;
  bytes[v4() ? 3 : 5] = v4() ? 20 : 0;
  EXPECT_EQ(ErrorAbout(bytes), "");
}

TEST_P(IcmpErrorTest, IsNotSentToOrAboutGroupsAndTheLike) {
  const std::vector<std::string> kNoHosts[] = {
      {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.3.4", "224.0.0.1", "239.9.9.9", "240.0.0.1",
       "255.255.255.255"},
      {"::", "::1", "fe80::1", "ff02::1", "ff0e::9"}};
  for (const std::string& address : kNoHosts[static_cast<int>(GetParam())]) {
    Sample from = SampleOf(GetParam()), to = SampleOf(GetParam());
    from.source = address;
    to.destination = address;
    EXPECT_EQ(ErrorAbout(from.Bytes()), "") << address;
    EXPECT_EQ(ErrorAbout(to.Bytes()), "") << address;
  }
}

TEST_P(IcmpErrorTest, IsSentAboutFirstFragmentsOnly) {
  std::string first = SampleOf(GetParam()).Bytes(), later = first;
  if (v4()) {
    first[6] = 0x20;
    later[6] = 0x20;
    later[7] = 1;
  } else {
    for (std::string* bytes : {&first, &later}) {
      bytes->at(6) = 44;
      bytes->replace(40, 8, std::string("\x06\0\0\x01\0\0\0\0", 8));
    }
    later[42] = 1;
  }
  EXPECT_NE(ErrorAbout(first), "");
  EXPECT_EQ(ErrorAbout(later), "");
}

TEST_P(IcmpErrorTest, NeedsAnAddressOfThePacketsFamily) {
  std::string bytes = SampleOf(GetParam()).Bytes();
  const Family other = v4() ? Family::kV6 : Family::kV4;
  EXPECT_TRUE(MakeIcmpError(IcmpError::kNoRoute, ParseSample(&bytes), OwnAddress(other)).empty());
}

INSTANTIATE_TEST_SUITE_P(Families, IcmpErrorTest, ::testing::Values(Family::kV4, Family::kV6),
                         [](const ::testing::TestParamInfo<Family>& param) {
                           return std::string(FamilyName(param.param));
                         });

}  // namespace
}  // namespace heddle::node::forwarder
