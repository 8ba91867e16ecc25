#include "node/dataplane/forwarder/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

// As a number, and not as it lies in memory. On every kind of processor it is the same.
std::uint16_t Checksum(absl::string_view bytes) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const std::uint64_t sum = SumBytes({at, bytes.size()});
  EXPECT_EQ(sum, SumBytesPortably({at, bytes.size()}));
  return be16toh(ChecksumOf(sum));
}

TEST(Checksum, IsThatOfRfc1071) {
  EXPECT_EQ(Checksum(std::string("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8)), 0x220d);
}

TEST(Checksum, OfEverySizeAtEveryPlaceIsThatOfTheReference) {
  const std::string bytes = SamplePayload(700);
  for (std::size_t at = 0; at < 9; ++at) {
    for (std::size_t size = 0; size <= 600; ++size) {
      // Copied, so that a reader that goes too far leaves the heap block.
      const std::string exact = bytes.substr(at, size);
      ASSERT_EQ(Checksum(exact), PlainChecksum(exact)) << size << " bytes at " << at;
      const absl::string_view inside = absl::string_view(bytes).substr(at, size);
      ASSERT_EQ(Checksum(inside), PlainChecksum(inside)) << size << " bytes at " << at;
    }
  }
}

TEST(Checksum, CarriesWhateverTheBytesAre) {
  for (std::size_t size : {1, 2, 63, 64, 1400, 65535}) {
    for (char byte : {'\x00', '\x01', '\x7f', '\x80', '\xfe', '\xff'}) {
      const std::string bytes(size, byte);
      EXPECT_EQ(Checksum(bytes), PlainChecksum(bytes)) << size << " times " << int{byte};
    }
  }
}

TEST(Checksum, OfPiecesIsThatOfTheWhole) {
  const std::string bytes = SamplePayload(1501);
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 2) {
    const std::uint64_t sum = SumBytes({at, cut}) + SumBytes({at + cut, bytes.size() - cut});
    ASSERT_EQ(be16toh(ChecksumOf(sum)), PlainChecksum(bytes)) << cut;
  }
}

TEST(Checksum, OfALargeSumIsFoldedWhole) {
  EXPECT_EQ(FoldSum(0), 0);
  EXPECT_EQ(FoldSum(0xffff), 0xffff);
  EXPECT_EQ(FoldSum(0x10000), 1);
  EXPECT_EQ(FoldSum(0xffffffffffffffff), 0xffff);
  EXPECT_EQ(FoldSum(0xffffffff0000ffff), 0xffff);
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t sum = random() | 1;
    const std::uint64_t rest = sum % 0xffff;
    ASSERT_EQ(FoldSum(sum), rest == 0 ? 0xffff : rest) << sum;
  }
}

TEST(Checksum, OfUdpIsNeverNone) {
  EXPECT_EQ(ChecksumOf(0xffff), 0);
  EXPECT_EQ(NonzeroChecksumOf(0xffff), 0xffff);
  EXPECT_EQ(NonzeroChecksumOf(0x1234), ChecksumOf(0x1234));
}

TEST(Checksum, UpdatedIsThatOfTheNewBytes) {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes = SamplePayload(20, i);
    // Of the smallest and the largest words there are many.
    const std::uint16_t extremes[] = {0, 1, 0xfffe, 0xffff, static_cast<std::uint16_t>(random())};
    auto* at = reinterpret_cast<std::uint8_t*>(&bytes[2 * (random() % 10)]);
    if (random() % 2 == 0) StoreNative(at, extremes[random() % 5]);
    const std::uint16_t before = htobe16(PlainChecksum(bytes));
    const auto from = LoadNative<std::uint16_t>(at);
    const std::uint16_t to = extremes[random() % 5];
    StoreNative(at, to);
    ASSERT_EQ(be16toh(UpdateChecksum(before, from, to)), PlainChecksum(bytes));
  }
}

}  // namespace
}  // namespace heddle::node::forwarder
