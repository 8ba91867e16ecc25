#include "node/dataplane/forwarder/packet.h"

#include <gtest/gtest.h>

#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

using Part = UpperLayer::Part;

// Copied, so that a reader that goes too far leaves the heap block.
struct Copy {
  explicit Copy(absl::string_view from) : bytes(from.begin(), from.end()) {}
  std::optional<Packet> Parse() { return ParsePacket(absl::MakeSpan(bytes)); }
  std::vector<std::uint8_t> bytes;
};

Sample SampleOf(Family family, bool is_tcp = true) {
  Sample sample;
  sample.family = family;
  sample.is_tcp = is_tcp;
  sample.payload = SamplePayload(101);
  return sample;
}

class PacketTest : public ::testing::TestWithParam<Family> {};

TEST_P(PacketTest, SaysWhatItsHeaderSays) {
  Copy copy(SampleOf(GetParam()).Bytes());
  const auto packet = copy.Parse();
  ASSERT_TRUE(packet);
  const bool v4 = GetParam() == Family::kV4;
  EXPECT_EQ(packet->family, GetParam());
  EXPECT_EQ(packet->header_bytes, v4 ? 20u : 40u);
  EXPECT_EQ(packet->protocol, 6);
  EXPECT_EQ(packet->hop_limit, 63);
  EXPECT_FALSE(packet->is_fragment);
  EXPECT_EQ(packet->source().ToString(), v4 ? "10.4.0.2" : "fd04::2");
  EXPECT_EQ(packet->destination().ToString(), v4 ? "10.4.0.9" : "fd04::9");
}

TEST_P(PacketTest, OfAnotherLengthThanItSaysIsNone) {
  const std::string bytes = SampleOf(GetParam()).Bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Copy(bytes.substr(0, size)).Parse()) << size;
  }
  EXPECT_FALSE(Copy(bytes + '\0').Parse());
}

TEST_P(PacketTest, OfAnotherVersionIsNone) {
  std::string bytes = SampleOf(GetParam()).Bytes();
  for (int version = 0; version < 16; ++version) {
    bytes[0] = static_cast<char>(version << 4 | 5);
    const bool is_own = version == (GetParam() == Family::kV4 ? 4 : 6);
    EXPECT_EQ(Copy(bytes).Parse().has_value(), is_own) << version;
  }
}

TEST_P(PacketTest, KeepsARightChecksumWhileItsHopLimitFalls) {
  Sample sample = SampleOf(GetParam());
  for (int id = 0; id < 65536; id += 251) {
    sample.id = static_cast<std::uint16_t>(id);
    sample.hop_limit = static_cast<std::uint8_t>(1 + id % 255);
    std::string bytes = sample.Bytes();
    Packet packet = ParseSample(&bytes);
    DecrementHopLimit(&packet);
    sample.hop_limit -= 1;
    EXPECT_EQ(packet.hop_limit, sample.hop_limit);
    ASSERT_EQ(bytes, sample.Bytes()) << id;
  }
}

TEST_P(PacketTest, FindsTheUpperLayer) {
  Sample sample = SampleOf(GetParam(), false);
  std::string bytes = sample.Bytes();
  const auto upper = FindUpperLayer(ParseSample(&bytes));
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->protocol, 17);
  EXPECT_EQ(upper->at, GetParam() == Family::kV4 ? 20u : 40u);
  EXPECT_EQ(upper->part, Part::kWhole);
}

TEST_P(PacketTest, SumsThePseudoHeader) {
  Sample sample = SampleOf(GetParam());
  std::string frame = MakeFrame(sample, 50).bytes;
  Packet packet = ParseSample(&frame);
  const std::uint8_t* checksum = &packet.bytes[packet.header_bytes + 16];
  const std::uint64_t sum = SumPseudoHeader(packet, 6, 20 + sample.payload.size());
  // Folded: nothing in it is as large as a word's carry.
  std::uint64_t folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >> 16);
  EXPECT_EQ(folded, checksum[0] + 256u * checksum[1]);
}

INSTANTIATE_TEST_SUITE_P(Families, PacketTest, ::testing::Values(Family::kV4, Family::kV6),
                         [](const ::testing::TestParamInfo<Family>& param) {
                           return std::string(FamilyName(param.param));
                         });

TEST(Ipv4PacketTest, HasOptionsUpToItsEnd) {
  Sample sample = SampleOf(Family::kV4, false);
  sample.payload.clear();
  sample.extensions = std::string(8, '\x01');
  std::string bytes = sample.Bytes();
  EXPECT_EQ(ParseSample(&bytes).header_bytes, 28u);
  bytes[0] = 0x49;
  EXPECT_EQ(ParseSample(&bytes).header_bytes, 36u);
  for (int words : {0, 4, 10, 15}) {
    bytes[0] = static_cast<char>(0x40 | words);
    EXPECT_FALSE(Copy(bytes).Parse()) << words;
  }
}

TEST(Ipv4PacketTest, IsAFragmentByOffsetOrMoreToCome) {
  const struct {
    int field;
    bool is_fragment;
    Part part;
  } kCases[] = {{0x0000, false, Part::kWhole},
                {0x4000, false, Part::kWhole},
                {0x2000, true, Part::kFirstFragment},
                {0x0001, true, Part::kLaterFragment},
                {0x20b9, true, Part::kLaterFragment}};
  for (const auto& c : kCases) {
    std::string bytes = SampleOf(Family::kV4).Bytes();
    bytes[6] = static_cast<char>(c.field >> 8);
    bytes[7] = static_cast<char>(c.field & 0xff);
    const Packet packet = ParseSample(&bytes);
    EXPECT_EQ(packet.is_fragment, c.is_fragment) << c.field;
    EXPECT_EQ(FindUpperLayer(packet)->part, c.part) << c.field;
  }
}

// An extension header that says `next` follows it.
std::string Extension(int next, int more_words = 0) {
  std::string bytes(8 + 8 * more_words, '\0');
  bytes[0] = static_cast<char>(next);
  bytes[1] = static_cast<char>(more_words);
  return bytes;
}

std::string WithExtensions(const std::string& extensions) {
  Sample sample = SampleOf(Family::kV6);
  sample.extensions = extensions;
  return sample.Bytes();
}

TEST(Ipv6PacketTest, HasItsUpperLayerBehindExtensions) {
  std::string bytes =
      WithExtensions(Extension(0) + Extension(43, 2) + Extension(60, 1) + Extension(6));
  const auto upper = FindUpperLayer(ParseSample(&bytes));
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->protocol, 6);
  EXPECT_EQ(upper->at, 40u + 8 + 24 + 16 + 8);
  EXPECT_EQ(upper->part, Part::kWhole);
}

TEST(Ipv6PacketTest, HasFragmentsOfWhichTheFirstIsReadOn) {
  std::string fragment = Extension(6);
  fragment[3] = 1;  // more to come
  std::string bytes = WithExtensions(Extension(44) + fragment);
  auto upper = FindUpperLayer(ParseSample(&bytes));
  EXPECT_EQ(upper->part, Part::kFirstFragment);
  EXPECT_EQ(upper->at, 56u);
  EXPECT_EQ(upper->protocol, 6);
  // Fragment headers have one length, whatever stands where others say theirs.
  fragment[1] = 5;
  bytes = WithExtensions(Extension(44) + fragment);
  EXPECT_EQ(FindUpperLayer(ParseSample(&bytes))->at, 56u);
  // In a later one, what looks like an extension header is none.
  fragment = Extension(60);
  fragment[2] = 1;
  bytes = WithExtensions(Extension(44) + fragment);
  upper = FindUpperLayer(ParseSample(&bytes));
  EXPECT_EQ(upper->part, Part::kLaterFragment);
  EXPECT_EQ(upper->at, 56u);
  EXPECT_EQ(upper->protocol, 60);
}

TEST(Ipv6PacketTest, HasNoUpperLayerIfAnExtensionGoesTooFar) {
  for (const std::string& last : {Extension(60, 2).substr(0, 16), Extension(6).substr(0, 7),
                                  Extension(6).substr(0, 1), std::string()}) {
    std::string bytes = WithExtensions(Extension(60));
    bytes.resize(48);
    bytes += last;
    bytes[5] = static_cast<char>(bytes.size() - 40);
    Copy copy(bytes);
    const auto packet = copy.Parse();
    ASSERT_TRUE(packet);
    EXPECT_FALSE(FindUpperLayer(*packet)) << last.size();
  }
}

}  // namespace
}  // namespace heddle::node::forwarder
