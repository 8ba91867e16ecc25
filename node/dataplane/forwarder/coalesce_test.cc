#include "node/dataplane/forwarder/coalesce.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "node/dataplane/forwarder/coalesce_fixture.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

class CoalesceTest : public CoalesceFixture {};

TEST_P(CoalesceTest, PartsInARowBecomeTheFrameTheSenderHad) {
  const std::vector<Written> frames =
      Coalesce({Bytes(0), Bytes(1000), Bytes(2000), Bytes(3000, 1)});
  ASSERT_EQ(frames.size(), 1u);
  const SampleFrame expected = MakeFrame(Part(0, 3001), 1000);
  EXPECT_EQ(frames[0].bytes, expected.bytes);
  EXPECT_EQ(frames[0].packets, 4u);
  EXPECT_EQ(frames[0].offload.flags, expected.offload.flags);
  EXPECT_EQ(frames[0].offload.kind, expected.offload.kind);
  EXPECT_EQ(frames[0].offload.header_bytes, expected.offload.header_bytes);
  EXPECT_EQ(frames[0].offload.segment_bytes, 1000);
  EXPECT_EQ(frames[0].offload.checksum_start, expected.offload.checksum_start);
  EXPECT_EQ(frames[0].offload.checksum_offset, expected.offload.checksum_offset);
}

TEST_P(CoalesceTest, OnePacketGoesThroughAsItCame) {
  const std::vector<Written> frames = Coalesce({Bytes(0)});
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].bytes, Bytes(0));
  EXPECT_TRUE(IsPlain(frames[0].offload));
}

TEST_P(CoalesceTest, NothingComesOfNothing) { EXPECT_TRUE(Coalesce({}).empty()); }

TEST_P(CoalesceTest, AShorterPartEndsAFrameAndALongerOneBeginsOne) {
  EXPECT_EQ(Sizes({Bytes(0), Bytes(1000, 999), Bytes(1999), Bytes(2999)}), (Counts{2, 2}));
  EXPECT_EQ(Sizes({Bytes(0, 999), Bytes(999, 1000)}), (Counts{1, 1}));
}

TEST_P(CoalesceTest, WhatTheSenderCouldNotHaveSentWholeStaysApart) {
  const std::function<void(Sample*)> kChanges[] = {
      [](Sample* s) { s->tos = 1; },
      [](Sample* s) { s->hop_limit -= 1; },
      [](Sample* s) { s->source_port += 1; },
      [](Sample* s) { s->destination_port += 1; },
      [](Sample* s) { s->source = s->family == Family::kV4 ? "10.4.0.3" : "fd04::3"; },
      [](Sample* s) { s->destination = s->family == Family::kV4 ? "10.4.0.8" : "fd14::9"; },
      [](Sample* s) { s->is_tcp = !s->is_tcp; },
      [](Sample* s) { s->payload.clear(); },
      [](Sample* s) {
        s->extensions = std::string(s->family == Family::kV4 ? 4 : 8, '\0');
        if (s->family == Family::kV6) s->extensions[0] = s->is_tcp ? 6 : 17;
      },
  };
  for (const auto& change : kChanges) {
    Sample second = Part(1000);
    change(&second);
    const auto number = absl::StrCat("change ", &change - kChanges);
    ExpectApart(Bytes(0), second.Bytes(), number);
    Sample first = Part(0);
    change(&first);
    ExpectApart(first.Bytes(), Bytes(1000), number);
  }
  ASSERT_EQ(Sizes({Bytes(0), Bytes(1000)}), Counts{2});
}

TEST_P(CoalesceTest, AWrongBitAnywhereIsNeverHidden) {
  // Small, so that each of them is tried.
  const std::string good = Bytes(0, 40);
  Sample next = Part(40, 40);
  next.id = Part(0).id + 1;
  ASSERT_EQ(Sizes({good, next.Bytes()}), Counts{2});
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string first = good, second = next.Bytes();
    first[bit / 8] = static_cast<char>(first[bit / 8] ^ 1 << bit % 8);
    second[bit / 8] = static_cast<char>(second[bit / 8] ^ 1 << bit % 8);
    std::vector<std::uint8_t> exact(first.begin(), first.end());
    if (!ParsePacket(absl::MakeSpan(exact))) continue;
    // No checksum covers these of IPv6: the second differs from the first there.
    ExpectApart(first, next.Bytes(), absl::StrCat("first, bit ", bit));
    ExpectApart(good, second, absl::StrCat("second, bit ", bit));
  }
}

TEST_P(CoalesceTest, PartsAfterAWrongOneBecomeAFrameAgain) {
  std::string wrong = Bytes(1000);
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  EXPECT_EQ(Sizes({Bytes(0), wrong, Bytes(2000), Bytes(3000)}), (Counts{1, 1, 2}));
}

TEST_P(CoalesceTest, AFrameIsNoLargerThanAPacketMayBe) {
  std::vector<std::string> packets;
  for (std::size_t i = 0; i < 70; ++i) packets.push_back(Bytes(i * 1000));
  const std::vector<Written> frames = Coalesce(packets);
  const std::size_t most =
      std::min<std::size_t>((65535 - HeaderBytes()) / 1000, GetParam().is_tcp ? 1023 : 64);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].packets, most);
  EXPECT_LE(frames[0].bytes.size(), 65535u);
  EXPECT_EQ(frames[1].packets, 70 - most);
}

TEST_P(CoalesceTest, AFrameMayBeExactlyAsLargeAsAPacketMayBe) {
  const std::size_t payload = 65535 - HeaderBytes();
  const std::vector<Written> frames = Coalesce({Bytes(0, 40000), [&] {
                                                  Sample second = Part(40000, payload - 40000);
                                                  second.id = Part(0).id + 1;
                                                  return second.Bytes();
                                                }()});
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].bytes, MakeFrame(Part(0, payload), 40000).bytes);
  Sample too_large = Part(40000, payload - 40000 + 1);
  too_large.id = Part(0).id + 1;
  EXPECT_EQ(Sizes({Bytes(0, 40000), too_large.Bytes()}), (Counts{1, 1}));
}

TEST_P(CoalesceTest, AFrameHasNoMorePiecesThanOneWriteTakes) {
  std::vector<std::string> packets;
  for (std::size_t i = 0; i < 2500; ++i) {
    Sample part = Part(i, 1);
    part.id = static_cast<std::uint16_t>(i);
    packets.push_back(part.Bytes());
  }
  const std::size_t most = GetParam().is_tcp ? 1023 : 64;
  Counts expected(2500 / most, most);
  expected.push_back(2500 % most);
  EXPECT_EQ(Sizes(packets), expected);
}

TEST_P(CoalesceTest, AFragmentEndsTheFramesBetweenItsAddresses) {
  const auto from_elsewhere = [&](std::size_t at) {
    Sample part = Part(at);
    part.source = part.family == Family::kV4 ? "10.4.0.3" : "fd04::3";
    return part.Bytes();
  };
  const auto other_port = [&](std::size_t at) {
    Sample part = Part(at);
    part.source_port += 1;
    return part.Bytes();
  };
  std::string fragment = Bytes(0);
  if (GetParam().family == Family::kV4) {
    fragment[6] |= 0x20;  // more to come
  } else {
    fragment[6] = 44;  // what are ports else says the rest
  }
  EXPECT_EQ(Sizes({Bytes(0), other_port(0), from_elsewhere(0), fragment, Bytes(1000),
                   other_port(1000), from_elsewhere(1000)}),
            (Counts{1, 1, 2, 1, 1, 1}));
}

TEST_P(CoalesceTest, FlowsThatLookAlikeAreToldApart) {
  // What is different in the ports is so in the address, too.
  Sample other = Part(1000);
  other.source = other.family == Family::kV4 ? "10.4.0.3" : "fd04:1::2";
  other.destination_port ^= 1;
  EXPECT_EQ(Sizes({Bytes(0), other.Bytes(), Bytes(1000)}), (Counts{2, 1}));
}

TEST_P(CoalesceTest, APacketOfAnotherProtocolEndsNoFrame) {
  Sample echo = Part(0);
  std::string bytes = echo.Bytes();
  bytes[GetParam().family == Family::kV4 ? 9 : 6] = GetParam().family == Family::kV4 ? 1 : 58;
  EXPECT_EQ(Sizes({Bytes(0), bytes, Bytes(1000)}), (Counts{2, 1}));
}

TEST_P(CoalesceTest, AnotherFamilysPacketWithTheSameBytesIsAnother) {
  Sample other = Part(1000);
  other.family = GetParam().family == Family::kV4 ? Family::kV6 : Family::kV4;
  EXPECT_EQ(Sizes({Bytes(0), other.Bytes(), Bytes(1000)}), (Counts{2, 1}));
}

TEST_P(CoalesceTest, SixteenFlowsAreKeptApartAndTogether) {
  std::vector<std::string> packets;
  for (std::size_t at = 0; at < 5000; at += 1000) {
    for (std::uint16_t flow = 0; flow < 16; ++flow) {
      Sample part = Part(at);
      part.source_port += flow;
      packets.push_back(part.Bytes());
    }
  }
  const std::vector<Written> frames = Coalesce(packets);
  ASSERT_EQ(frames.size(), 16u);
  for (std::uint16_t flow = 0; flow < 16; ++flow) {
    Sample whole = Part(0, 5000);
    whole.source_port += flow;
    EXPECT_EQ(frames[flow].bytes, MakeFrame(whole, 1000).bytes) << flow;
  }
}

TEST_P(CoalesceTest, OfMoreFlowsTheNewestMayGoOn) {
  std::vector<std::string> packets;
  for (std::uint16_t flow = 0; flow < 17; ++flow) {
    Sample part = Part(0);
    part.source_port += flow;
    packets.push_back(part.Bytes());
  }
  for (std::uint16_t flow : {1, 0}) {
    Sample part = Part(1000);
    part.source_port += flow;
    packets.push_back(part.Bytes());
  }
  Counts expected(18, 1);
  expected[1] = 2;
  EXPECT_EQ(Sizes(packets), expected);
}

TEST_P(CoalesceTest, NothingGoesFromOneBatchToTheNext) {
  Coalescer coalescer(kAll);
  const iovec* pieces = nullptr;
  for (int round = 0; round < 4; ++round) {
    std::string first = Bytes(0), second = Bytes(1000), third = Bytes(2000);
    coalescer.Add(ParseSample(&first));
    coalescer.Add(ParseSample(&second));
    if (round % 2 == 0) coalescer.Add(ParseSample(&third));
    const absl::Span<const Frame> frames = coalescer.Finish();
    const std::vector<Written> written = WrittenOf(frames);
    ASSERT_EQ(written.size(), 1u);
    EXPECT_EQ(written[0].bytes, MakeFrame(Part(0, round % 2 == 0 ? 3000 : 2000), 1000).bytes);
    if (round > 0) {
      EXPECT_EQ(frames[0].pieces.data(), pieces) << "memory is used again";
    }
    pieces = frames[0].pieces.data();
    coalescer.Clear();
    EXPECT_TRUE(coalescer.Finish().empty());
    coalescer.Clear();
  }
}

TEST_P(CoalesceTest, AProtocolThatTheDeviceDoesNotTakeIsLeftAlone) {
  const CoalesceOptions without = {!GetParam().is_tcp, GetParam().is_tcp};
  EXPECT_EQ(Coalesce({Bytes(0), Bytes(1000)}, without).size(), 2u);
  const CoalesceOptions alone = {GetParam().is_tcp, !GetParam().is_tcp};
  EXPECT_EQ(Coalesce({Bytes(0), Bytes(1000)}, alone).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CoalesceTest,
                         ::testing::Values(FlowKind{Family::kV4, true}, FlowKind{Family::kV6, true},
                                           FlowKind{Family::kV4, false},
                                           FlowKind{Family::kV6, false}),
                         NameOf);

}  // namespace
}  // namespace heddle::node::forwarder
