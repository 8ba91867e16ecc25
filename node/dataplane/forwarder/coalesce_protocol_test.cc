// What TCP, UDP, IPv4 and IPv6 each want of packets that become one frame.
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "node/dataplane/forwarder/coalesce_fixture.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20,
                       kEce = 0x40, kCwr = 0x80;

class CoalesceTcpTest : public CoalesceFixture {};

TEST_P(CoalesceTcpTest, WhatAStreamDoesNotGoOnWithStaysApart) {
  const std::function<void(Sample*)> kChanges[] = {
      [](Sample* s) { s->sequence += 1; },
      [](Sample* s) { s->sequence -= 1; },
      [](Sample* s) { s->sequence -= 1000; },
      [](Sample* s) { s->acknowledged += 1; },
      [](Sample* s) { s->window += 1; },
      [](Sample* s) { s->reserved = 1; },
      [](Sample* s) { s->urgent += 1; },
      [](Sample* s) { s->options = std::string(4, '\x01'); },
      [](Sample* s) { s->flags = kAck | kFin; },
      [](Sample* s) { s->flags = kAck | kSyn; },
      [](Sample* s) { s->flags = kAck | kRst; },
      [](Sample* s) { s->flags = kAck | kUrg; },
      [](Sample* s) { s->flags = kAck | kCwr; },
      [](Sample* s) { s->flags = kAck | kEce; },
      [](Sample* s) { s->flags = 0; },
  };
  for (const auto& change : kChanges) {
    const auto number = absl::StrCat("change ", &change - kChanges);
    Sample second = Part(1000);
    change(&second);
    ExpectApart(Bytes(0), second.Bytes(), number);
    Sample first = Part(0);
    change(&first);
    ExpectApart(first.Bytes(), Bytes(1000), number);
  }
}

TEST_P(CoalesceTcpTest, FlagsThatNeverMergeDoNotEvenWithTheirLike) {
  for (int flag : {kFin, kSyn, kRst, kUrg, kCwr}) {
    Sample first = Part(0), second = Part(1000);
    first.flags = second.flags = static_cast<std::uint8_t>(kAck | flag);
    ExpectApart(first.Bytes(), second.Bytes(), absl::StrCat("flag ", flag));
  }
}

TEST_P(CoalesceTcpTest, PushEndsAFrameThatHasItToo) {
  Sample pushed = Part(1000);
  pushed.flags = kAck | kPsh;
  const std::vector<Written> frames =
      Coalesce({Bytes(0), pushed.Bytes(), Bytes(2000), Bytes(3000)});
  ASSERT_EQ(frames.size(), 2u);
  Sample whole = Part(0, 2000);
  whole.flags = kAck | kPsh;
  EXPECT_EQ(frames[0].bytes, MakeFrame(whole, 1000).bytes);
  EXPECT_EQ(frames[1].bytes, MakeFrame(Part(2000, 2000), 1000).bytes);
  pushed = Part(0);
  pushed.flags = kAck | kPsh;
  ExpectApart(pushed.Bytes(), Bytes(1000), "pushed at once");
}

TEST_P(CoalesceTcpTest, APureAcknowledgementEndsTheFrame) {
  EXPECT_EQ(Sizes({Bytes(0), Bytes(1000), Bytes(2000, 0), Bytes(2000), Bytes(3000)}),
            (Counts{2, 1, 2}));
  ExpectApart(Bytes(0, 0), Bytes(0, 0), "acknowledgements alone");
}

TEST_P(CoalesceTcpTest, EqualOptionsAndEceAreNoHindrance) {
  Sample whole = Part(0, 2000), first = Part(0), second = Part(1000);
  for (Sample* sample : {&whole, &first, &second}) {
    sample->options = std::string("\x01\x01\x08\x0a", 4) + SamplePayload(8);
    sample->flags = kAck | kEce;
  }
  const std::vector<Written> frames = Coalesce({first.Bytes(), second.Bytes()});
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].bytes, MakeFrame(whole, 1000).bytes);
  second.options.back() = static_cast<char>(second.options.back() ^ 1);
  ExpectApart(first.Bytes(), second.Bytes(), "another timestamp");
}

TEST_P(CoalesceTcpTest, NumbersGoOnBeyondTheirEnd) {
  Sample first = Part(0), second = Part(1000);
  first.sequence = 0xffffff00;
  second.sequence = first.sequence + 1000;
  first.id = 0xffff;
  second.id = 0;
  EXPECT_EQ(Sizes({first.Bytes(), second.Bytes()}), Counts{2});
}

TEST_P(CoalesceTcpTest, PartsOutOfOrderKeepTheOrderTheyCameIn) {
  const std::vector<std::string> packets = {Bytes(0), Bytes(2000), Bytes(1000), Bytes(3000)};
  const std::vector<Written> frames = Coalesce(packets);
  ASSERT_EQ(frames.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(frames[i].bytes, packets[i]);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CoalesceTcpTest,
                         ::testing::Values(FlowKind{Family::kV4, true},
                                           FlowKind{Family::kV6, true}),
                         NameOf);

class CoalesceUdpTest : public CoalesceFixture {};

TEST_P(CoalesceUdpTest, ADatagramWithoutChecksumStaysAlone) {
  std::string bare = Bytes(1000);
  bare[IpBytes() + 6] = bare[IpBytes() + 7] = 0;
  EXPECT_EQ(Sizes({Bytes(0), bare, Bytes(2000)}), (Counts{1, 1, 1}));
  EXPECT_EQ(Sizes({bare, bare}), (Counts{1, 1}));
}

// One whose bytes happen to sum up to what 0 would be the checksum of.
TEST_P(CoalesceUdpTest, ADatagramWithoutChecksumStaysAloneThoughItsSumIsRight) {
  Sample second = Part(1000);
  second.payload[0] = second.payload[1] = 0;
  second.payload.replace(0, 2, second.Bytes(), IpBytes() + 6, 2);
  std::string bytes = second.Bytes();
  ASSERT_EQ(bytes.substr(IpBytes() + 6, 2), "\xff\xff");
  EXPECT_EQ(Sizes({Bytes(0), bytes}), Counts{2});
  bytes[IpBytes() + 6] = bytes[IpBytes() + 7] = 0;
  EXPECT_EQ(Sizes({Bytes(0), bytes}), (Counts{1, 1}));
}

TEST_P(CoalesceUdpTest, ADatagramThatSaysAnotherLengthStaysAlone) {
  for (int by : {-1, 1}) {
    // With a checksum that is right if the length is not looked at.
    const auto say = [&](std::string bytes) {
      bytes[IpBytes() + 5] = static_cast<char>(bytes[IpBytes() + 5] + by);
      bytes[IpBytes() + 7] = static_cast<char>(bytes[IpBytes() + 7] - by);
      return bytes;
    };
    ExpectApart(Bytes(0), say(Bytes(1000)), "second");
    ExpectApart(say(Bytes(0)), Bytes(1000), "first");
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, CoalesceUdpTest,
                         ::testing::Values(FlowKind{Family::kV4, false},
                                           FlowKind{Family::kV6, false}),
                         NameOf);

TEST(CoalesceIpv4Test, IdsCountUpOrStayWithDontFragment) {
  const auto sizes = [](std::uint16_t second_id, std::uint16_t third_id, bool dont_fragment) {
    Sample part;
    part.dont_fragment = dont_fragment;
    part.payload = "parts of a stream";
    std::vector<std::string> packets;
    for (std::uint16_t id : {std::uint16_t{100}, second_id, third_id}) {
      part.id = id;
      packets.push_back(part.Bytes());
      part.sequence += static_cast<std::uint32_t>(part.payload.size());
    }
    return Sizes(packets);
  };
  for (bool dont_fragment : {false, true}) {
    EXPECT_EQ(sizes(101, 102, dont_fragment), Counts{3});
    EXPECT_EQ(sizes(101, 103, dont_fragment), (Counts{2, 1}));
    EXPECT_EQ(sizes(99, 98, dont_fragment), (Counts{1, 1, 1}));
  }
  EXPECT_EQ(sizes(100, 100, true), Counts{3});
  EXPECT_EQ(sizes(100, 100, false), (Counts{1, 1, 1}));
}

TEST(CoalesceIpv4Test, DontFragmentIsEqual) {
  Sample first, second;
  first.payload = second.payload = "parts of a stream";
  second.sequence += static_cast<std::uint32_t>(first.payload.size());
  second.id += 1;
  ASSERT_EQ(Sizes({first.Bytes(), second.Bytes()}), Counts{2});
  second.dont_fragment = false;
  EXPECT_EQ(Sizes({first.Bytes(), second.Bytes()}), (Counts{1, 1}));
}

TEST(CoalesceIpv4Test, PacketsWithOptionsStayAloneEvenIfTheseAreEqual) {
  Sample first, second;
  first.payload = second.payload = "parts of a stream";
  first.extensions = second.extensions = std::string(4, '\x01');
  second.sequence += static_cast<std::uint32_t>(first.payload.size());
  second.id += 1;
  EXPECT_EQ(Sizes({first.Bytes(), second.Bytes()}), (Counts{1, 1}));
}

TEST(CoalesceIpv6Test, FlowLabelsAreEqual) {
  Sample first, second;
  first.family = second.family = Family::kV6;
  first.payload = second.payload = "parts of a stream";
  second.sequence += static_cast<std::uint32_t>(first.payload.size());
  EXPECT_EQ(Sizes({first.Bytes(), second.Bytes()}), Counts{2});
  second.flow_label += 1;
  EXPECT_EQ(Sizes({first.Bytes(), second.Bytes()}), (Counts{1, 1}));
}

}  // namespace
}  // namespace heddle::node::forwarder
