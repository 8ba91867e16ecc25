#include "node/dataplane/forwarder/segment.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::uint8_t kFin = 0x01, kPsh = 0x08, kAck = 0x10, kEce = 0x40, kCwr = 0x80;

struct Kind {
  Family family;
  bool is_tcp;
};

std::string NameOf(const ::testing::TestParamInfo<Kind>& info) {
  return absl::StrCat(info.param.is_tcp ? "Tcp" : "Udp", FamilyName(info.param.family));
}

// The packets of a cut, put together.
std::vector<std::string> Cut(const SampleFrame& frame, Segmenter* segmenter) {
  // Copied, so that a reader that goes too far leaves the heap block.
  std::vector<std::uint8_t> exact(frame.bytes.begin(), frame.bytes.end());
  const auto packet = ParsePacket(absl::MakeSpan(exact));
  if (!packet) return {"not a packet"};
  const std::vector<std::string> packets = PacketsOf(segmenter->Cut(frame.offload, *packet));
  // What is left as it was found may be sent by others yet.
  if (packets.empty()) {
    EXPECT_EQ(ToString(exact), frame.bytes);
  }
  return packets;
}

std::vector<std::string> Cut(const SampleFrame& frame) {
  Segmenter segmenter;
  return Cut(frame, &segmenter);
}

class SegmentTest : public ::testing::TestWithParam<Kind> {
 protected:
  Sample SampleOf(std::size_t payload_bytes) const {
    Sample sample;
    sample.family = GetParam().family;
    sample.is_tcp = GetParam().is_tcp;
    sample.payload = SamplePayload(payload_bytes);
    return sample;
  }
  std::size_t HeaderBytes() const {
    return (GetParam().family == Family::kV4 ? 20 : 40) + (GetParam().is_tcp ? 20 : 8);
  }
};

TEST_P(SegmentTest, AFrameBecomesWhatTheSenderMeant) {
  for (std::size_t segment_bytes : {1, 2, 7, 536, 1399, 1400, 14000, 20000}) {
    for (std::size_t payload_bytes : {1, 2, 1399, 1400, 2800, 6999, 14000}) {
      if (payload_bytes / segment_bytes > 2000) continue;
      const Sample sample = SampleOf(payload_bytes);
      const std::vector<std::string> packets = Cut(MakeFrame(sample, segment_bytes));
      ASSERT_EQ(packets, SegmentsOf(sample, segment_bytes))
          << payload_bytes << " by " << segment_bytes;
      for (const std::string& packet : packets) ASSERT_EQ(WrongWith(packet), "");
    }
  }
}

TEST_P(SegmentTest, TheLargestFrameIsCut) {
  const Sample sample = SampleOf(65535 - HeaderBytes());
  for (std::size_t segment_bytes : {8, 1448, 65535}) {
    EXPECT_EQ(Cut(MakeFrame(sample, segment_bytes)), SegmentsOf(sample, segment_bytes));
  }
  EXPECT_TRUE(Cut(MakeFrame(sample, 7)).empty());
}

TEST_P(SegmentTest, NumbersGoOnBeyondTheirEnd) {
  Sample sample = SampleOf(5000);
  sample.sequence = 0xfffffc00;
  sample.id = 0xfffe;
  EXPECT_EQ(Cut(MakeFrame(sample, 1000)), SegmentsOf(sample, 1000));
}

TEST_P(SegmentTest, AllElseIsInEverySegment) {
  Sample sample = SampleOf(5000);
  sample.tos = 0x29;
  sample.hop_limit = 3;
  sample.dont_fragment = false;
  sample.flow_label = 0xabcde;
  sample.acknowledged = 0xdeadbeef;
  sample.window = 0xffff;
  sample.options = std::string("\x01\x01\x08\x0a", 4) + SamplePayload(8);
  EXPECT_EQ(Cut(MakeFrame(sample, 1000)), SegmentsOf(sample, 1000));
}

TEST_P(SegmentTest, AChecksumOfZeroIsWrittenAsTheProtocolWants) {
  Sample sample = SampleOf(2000);
  const std::size_t at = HeaderBytes() - (GetParam().is_tcp ? 4 : 2);
  // With its own checksum as payload, a packet has the checksum 0.
  sample.payload[0] = sample.payload[1] = 0;
  const std::string first = SegmentsOf(sample, 1000)[0];
  sample.payload.replace(0, 2, first, at, 2);
  const std::vector<std::string> packets = Cut(MakeFrame(sample, 1000));
  ASSERT_EQ(packets, SegmentsOf(sample, 1000));
  EXPECT_EQ(packets[0].substr(at, 2), GetParam().is_tcp ? std::string(2, '\0') : "\xff\xff");
}

TEST_P(SegmentTest, APacketWithoutOffloadIsLeftAlone) {
  const std::string bytes = SampleOf(1000).Bytes();
  EXPECT_EQ(Cut({Offload{}, bytes}), std::vector<std::string>{bytes});
}

TEST_P(SegmentTest, AChecksumLeftToUsIsFilledIn) {
  const Sample sample = SampleOf(1001);
  SampleFrame frame = MakeFrame(sample, 0);
  frame.offload.kind = Offload::kNone;
  EXPECT_EQ(Cut(frame), std::vector<std::string>{sample.Bytes()});
}

TEST_P(SegmentTest, AChecksumLeftToUsIsNeverNone) {
  Sample sample = SampleOf(1000);
  const std::size_t at = HeaderBytes() - (GetParam().is_tcp ? 4 : 2);
  sample.payload[0] = sample.payload[1] = 0;
  sample.payload.replace(0, 2, sample.Bytes(), at, 2);
  SampleFrame frame = MakeFrame(sample, 0);
  frame.offload.kind = Offload::kNone;
  const std::vector<std::string> packets = Cut(frame);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].substr(at, 2), "\xff\xff");
  EXPECT_EQ(WrongWith(packets[0]), "");
}

TEST_P(SegmentTest, HeadersBetweenIpAndTransportAreKept) {
  Sample sample = SampleOf(3000);
  sample.extensions = std::string(16, '\x01');
  if (sample.family == Family::kV6) {
    sample.extensions[0] = sample.is_tcp ? 6 : 17;
  }
  EXPECT_EQ(Cut(MakeFrame(sample, 1000)), SegmentsOf(sample, 1000));
}

TEST_P(SegmentTest, MemoryIsUsedAgain) {
  const SampleFrame frame = MakeFrame(SampleOf(60000), 1000);
  std::string bytes = frame.bytes;
  const Packet packet = ParseSample(&bytes);
  Segmenter segmenter;
  const auto first = segmenter.Cut(frame.offload, packet);
  const Pieces* const pieces = first.data();
  const std::uint8_t* const header = first[0].header.data();
  for (int i = 0; i < 3; ++i) {
    Cut(MakeFrame(SampleOf(50), 1), &segmenter);
    const auto again = segmenter.Cut(frame.offload, packet);
    EXPECT_EQ(again.size(), 60u);
    EXPECT_EQ(again.data(), pieces);
    EXPECT_EQ(again[0].header.data(), header);
  }
}

TEST_P(SegmentTest, WhatContradictsItselfIsNotCut) {
  const SampleFrame good = MakeFrame(SampleOf(3000), 1000);
  ASSERT_EQ(Cut(good).size(), 3u);
  const std::function<void(SampleFrame*)> kBreakers[] = {
      [](SampleFrame* f) { f->offload.segment_bytes = 0; },
      [](SampleFrame* f) { f->offload.flags = 0; },
      [](SampleFrame* f) { f->offload.flags = 2; },
      [](SampleFrame* f) { f->offload.checksum_start += 1; },
      [](SampleFrame* f) { f->offload.checksum_start = 0; },
      [](SampleFrame* f) { f->offload.checksum_start = 0xffff; },
      [](SampleFrame* f) { f->offload.checksum_offset += 2; },
      [](SampleFrame* f) { f->offload.checksum_offset = 0xffff; },
      [](SampleFrame* f) { f->offload.kind = f->offload.kind == 4 ? 1 : 4; },
      [](SampleFrame* f) { f->offload.kind = f->offload.kind == 5 ? 1 : 5; },
      [](SampleFrame* f) { f->offload.kind = 3; },  // UFO, which we never ask for
      [](SampleFrame* f) { f->offload.kind = 0x80; },
      [](SampleFrame* f) { f->offload.kind = 0x85; },
      [](SampleFrame* f) { f->offload.kind = 0x7f; },
  };
  for (std::size_t i = 0; i < std::size(kBreakers); ++i) {
    SampleFrame frame = good;
    kBreakers[i](&frame);
    EXPECT_TRUE(Cut(frame).empty()) << i;
  }
}

TEST_P(SegmentTest, AChecksumOutsideThePacketIsNotFilledIn) {
  SampleFrame frame = MakeFrame(SampleOf(100), 0);
  frame.offload.kind = Offload::kNone;
  const auto size = static_cast<std::uint16_t>(frame.bytes.size());
  const auto ip = static_cast<std::uint16_t>(GetParam().family == Family::kV4 ? 20 : 40);
  const struct {
    std::uint16_t start, offset;
    bool fits;
  } kCases[] = {{ip, 6, true},          {static_cast<std::uint16_t>(ip - 1), 6, false},
                {0, 10, false},         {static_cast<std::uint16_t>(size - 2), 0, true},
                {size, 0, false},       {static_cast<std::uint16_t>(size - 1), 0, false},
                {0xffff, 0, false},     {ip, static_cast<std::uint16_t>(size - ip - 2), true},
                {ip, 0xffff, false},    {ip, static_cast<std::uint16_t>(size - ip - 1), false},
                {0xffff, 0xffff, false}};
  for (const auto& c : kCases) {
    frame.offload.checksum_start = c.start;
    frame.offload.checksum_offset = c.offset;
    EXPECT_EQ(Cut(frame).size(), c.fits ? 1u : 0u) << c.start << " + " << c.offset;
  }
}

TEST_P(SegmentTest, AFrameWithoutPayloadOrHeaderIsNotCut) {
  SampleFrame frame = MakeFrame(SampleOf(0), 1000);
  EXPECT_TRUE(Cut(frame).empty());
  const bool v4 = GetParam().family == Family::kV4;
  while (frame.bytes.size() > (v4 ? 20u : 40u)) {
    frame.bytes.pop_back();
    frame.bytes[v4 ? 3 : 5] -= 1;
    EXPECT_TRUE(Cut(frame).empty()) << frame.bytes.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SegmentTest,
                         ::testing::Values(Kind{Family::kV4, true}, Kind{Family::kV6, true},
                                           Kind{Family::kV4, false}, Kind{Family::kV6, false}),
                         NameOf);

Sample TcpSample(Family family, std::uint8_t flags) {
  Sample sample;
  sample.family = family;
  sample.flags = flags;
  sample.payload = SamplePayload(3000);
  return sample;
}

TEST(SegmentTcpTest, FlagsStandWhereTheyBelong) {
  for (Family family : kFamilies) {
    const Sample sample = TcpSample(family, kAck | kPsh | kFin | kEce | kCwr);
    SampleFrame frame = MakeFrame(sample, 1000);
    for (bool says_ecn : {false, true}) {
      if (says_ecn) frame.offload.kind |= 0x80;
      const std::vector<std::string> packets = Cut(frame);
      ASSERT_EQ(packets, SegmentsOf(sample, 1000)) << says_ecn;
      const std::size_t at = (family == Family::kV4 ? 20 : 40) + 13;
      EXPECT_EQ(packets[0][at], static_cast<char>(kAck | kEce | kCwr));
      EXPECT_EQ(packets[1][at], kAck | kEce);
      EXPECT_EQ(packets[2][at], kAck | kEce | kPsh | kFin);
    }
  }
}

TEST(SegmentTcpTest, AHeaderLongerThanThePacketIsNone) {
  for (Family family : kFamilies) {
    SampleFrame frame = MakeFrame(TcpSample(family, kAck), 1000);
    char& data_offset = frame.bytes[(family == Family::kV4 ? 20 : 40) + 12];
    data_offset = 0x40;
    EXPECT_TRUE(Cut(frame).empty());
    data_offset = '\xf0';
    EXPECT_EQ(Cut(frame).size(), 3u);
    Sample small = TcpSample(family, kAck);
    small.payload = "ten bytes.";
    frame = MakeFrame(small, 1000);
    frame.bytes[(family == Family::kV4 ? 20 : 40) + 12] = '\xf0';
    EXPECT_TRUE(Cut(frame).empty());
  }
}

TEST(SegmentTcpTest, FragmentsAreNotCut) {
  SampleFrame v4 = MakeFrame(TcpSample(Family::kV4, kAck), 1000);
  v4.bytes[6] |= 0x20;
  EXPECT_TRUE(Cut(v4).empty());
  Sample sample = TcpSample(Family::kV6, kAck);
  sample.extensions = std::string("\x2c\0\0\0\0\0\0\0\x06\0\0\x01\0\0\0\0", 16);
  EXPECT_TRUE(Cut(MakeFrame(sample, 1000)).empty());
}

TEST(SegmentTcpTest, ExtensionsMayBeTooLong) {
  for (std::size_t bytes : {512, 1024}) {
    Sample sample = TcpSample(Family::kV6, kAck);
    sample.extensions = std::string(bytes, '\0');
    sample.extensions[0] = 6;
    sample.extensions[1] = static_cast<char>(bytes / 8 - 1);
    EXPECT_EQ(Cut(MakeFrame(sample, 1000)).size(), bytes == 512 ? 3u : 0u);
  }
}

TEST(SegmentUdpTest, ALengthThatIsNotTheFramesIsAContradiction) {
  for (Family family : kFamilies) {
    Sample sample = TcpSample(family, kAck);
    sample.is_tcp = false;
    SampleFrame frame = MakeFrame(sample, 1000);
    ASSERT_EQ(Cut(frame).size(), 3u);
    frame.bytes[(family == Family::kV4 ? 20 : 40) + 5] ^= 1;
    EXPECT_TRUE(Cut(frame).empty());
  }
}

TEST(SegmentTcpTest, ExtensionsThatLeadElsewhereAreAContradiction) {
  Sample sample = TcpSample(Family::kV6, kAck);
  sample.extensions = std::string("\x06\0\0\0\0\0\0\0", 8);
  const SampleFrame good = MakeFrame(sample, 1000);
  EXPECT_EQ(Cut(good).size(), 3u);
  SampleFrame frame = good;
  frame.bytes[40] = 17;
  EXPECT_TRUE(Cut(frame).empty());
  frame = good;
  frame.bytes[41] = 1;
  EXPECT_TRUE(Cut(frame).empty());
}

// With a routing header, checksums are of the last destination, which the IP header does not name.
TEST(SegmentTcpTest, ThePseudoHeaderIsTheFrames) {
  Sample sample = TcpSample(Family::kV6, kAck);
  sample.extensions = std::string("\x06\0\0\0\0\0\0\0", 8);
  SampleFrame frame = MakeFrame(sample, 1000);
  frame.bytes[39] = 8;  // the destination's last byte, which was 9
  std::vector<std::string> expected = SegmentsOf(sample, 1000);
  for (std::string& packet : expected) packet[39] = 8;
  EXPECT_EQ(Cut(frame), expected);
}

}  // namespace
}  // namespace heddle::node::forwarder
