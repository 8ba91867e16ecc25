#include "node/dataplane/forwarder/candidate.h"

#include <gtest/gtest.h>

#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

using Kind = Candidate::Kind;

class CandidateTest : public ::testing::TestWithParam<Family> {
 protected:
  Sample SampleOf(bool is_tcp, std::size_t payload_bytes = 100) const {
    Sample sample;
    sample.family = GetParam();
    sample.is_tcp = is_tcp;
    sample.payload = SamplePayload(payload_bytes);
    return sample;
  }
  std::size_t IpBytes() const { return GetParam() == Family::kV4 ? 20 : 40; }
  static Kind KindOf(std::string bytes) { return Examine(ParseSample(&bytes)).kind; }
};

TEST_P(CandidateTest, IsASegmentWithPayload) {
  for (bool is_tcp : {false, true}) {
    EXPECT_EQ(KindOf(SampleOf(is_tcp).Bytes()), Kind::kSegment);
    EXPECT_EQ(KindOf(SampleOf(is_tcp, 0).Bytes()), Kind::kAlone);
    std::string bytes = SampleOf(is_tcp).Bytes();
    const Candidate candidate = Examine(ParseSample(&bytes));
    EXPECT_EQ(candidate.header_bytes, IpBytes() + (is_tcp ? 20 : 8));
    EXPECT_EQ(candidate.payload_bytes(), 100u);
    EXPECT_TRUE(HasRightChecksums(candidate));
  }
}

TEST_P(CandidateTest, IsOpaqueIfItsHeaderGoesBeyondTheEnd) {
  std::string bytes = SampleOf(true, 10).Bytes();
  bytes[IpBytes() + 12] = '\x70';
  EXPECT_EQ(KindOf(bytes), Kind::kSegment);
  bytes[IpBytes() + 12] = '\x80';
  EXPECT_EQ(KindOf(bytes), Kind::kOpaque);
  bytes[IpBytes() + 12] = '\x40';
  EXPECT_EQ(KindOf(bytes), Kind::kOpaque);
  // TCP that has but UDP's header.
  bytes = SampleOf(false, 11).Bytes();
  bytes[GetParam() == Family::kV4 ? 9 : 6] = 6;
  EXPECT_EQ(KindOf(bytes), Kind::kOpaque);
}

TEST_P(CandidateTest, IsForeignIfItIsIcmp) {
  for (char protocol : {1, 58}) {
    std::string bytes = SampleOf(true).Bytes();
    bytes[GetParam() == Family::kV4 ? 9 : 6] = protocol;
    EXPECT_EQ(KindOf(bytes), Kind::kForeign);
  }
}

TEST_P(CandidateTest, IsOfAFlowByAddressesProtocolAndPorts) {
  std::string one = SampleOf(true).Bytes(), like = one, udp = one;
  udp[GetParam() == Family::kV4 ? 9 : 6] = 17;
  const Candidate candidate = Examine(ParseSample(&one));
  EXPECT_TRUE(AreOfOneFlow(candidate, Examine(ParseSample(&like))));
  EXPECT_EQ(FlowTag(candidate), FlowTag(Examine(ParseSample(&like))));
  EXPECT_FALSE(AreOfOneFlow(candidate, Examine(ParseSample(&udp))));
  const std::size_t addresses = GetParam() == Family::kV4 ? 12 : 8;
  for (std::size_t at = addresses; at < IpBytes() + 4; ++at) {
    std::string other = one;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_FALSE(AreOfOneFlow(candidate, Examine(ParseSample(&other)))) << at;
    EXPECT_NE(FlowTag(candidate), FlowTag(Examine(ParseSample(&other)))) << at;
  }
  Sample other_family = SampleOf(true);
  other_family.family = GetParam() == Family::kV4 ? Family::kV6 : Family::kV4;
  std::string bytes = other_family.Bytes();
  EXPECT_FALSE(AreOfOneFlow(candidate, Examine(ParseSample(&bytes))));
}

INSTANTIATE_TEST_SUITE_P(Families, CandidateTest, ::testing::Values(Family::kV4, Family::kV6),
                         [](const ::testing::TestParamInfo<Family>& param) {
                           return std::string(FamilyName(param.param));
                         });

}  // namespace
}  // namespace heddle::node::forwarder
