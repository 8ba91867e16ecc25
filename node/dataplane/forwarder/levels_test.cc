// Two forwarders with real packets between them, at each level of what the kernel can do.
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/forwarder_fixture.h"
#include "node/dataplane/forwarder/transfer.h"

namespace heddle::node::forwarder {
namespace {

using testing::Contains;
using testing::IsSupersetOf;
using testing::Not;

constexpr std::size_t kStreamBytes = 8 << 20;

// The parameter is what is left out.
class LevelTest : public ForwarderFixture, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Levels, LevelTest,
                         testing::Values("", "uso", "uso,tso", "checksum", "gso", "gro", "mmsg",
                                         "gso,gro", "checksum,gso,gro,mmsg"));

TEST_P(LevelTest, CarriesPingsAndStreams) {
  Start(*AllBut(GetParam()), 2);
  for (Family family : kFamilies) {
    EXPECT_EQ(Ping(family, "-c 3 -i 0.01"), absl::OkStatus());
    EXPECT_EQ(Ping(family, "-c 1 -s 1404 -M do"), absl::OkStatus());
    EXPECT_EQ(Ping(family, "-c 1 -s 20000"), absl::OkStatus());
    EXPECT_EQ(Transfer(&hosts_, family, kStreamBytes), absl::OkStatus());
  }
  const control::State state = forwarder(1).Describe();
  for (absl::string_view left_out : absl::StrSplit(GetParam(), ',', absl::SkipEmpty())) {
    EXPECT_THAT(state.lacking(), Contains(left_out));
    EXPECT_THAT(state.using_(), Not(Contains(left_out)));
  }
  for (Count count : {Count::kDroppedMalformed, Count::kDroppedSpoofed, Count::kDroppedUnknownPeer,
                      Count::kDroppedUnsent, Count::kDroppedUndelivered}) {
    EXPECT_EQ(CountOf(1, count), 0u) << CountName(count);
    EXPECT_EQ(CountOf(2, count), 0u) << CountName(count);
  }
}

class SystemCallsTest : public ForwarderFixture {};

TEST_F(SystemCallsTest, ManyPacketsInOneSystemCall) {
  Start(Features());
  // As on any kernel since 6.2; the guests' tests have older ones.
  EXPECT_THAT(forwarder(1).Describe().using_(), IsSupersetOf({"tso", "gso", "gro", "mmsg"}));
  ASSERT_EQ(Transfer(&hosts_, Family::kV4, kStreamBytes), absl::OkStatus());
  const std::uint64_t packets = CountOf(1, Count::kSentPackets);
  EXPECT_GT(packets, kStreamBytes / 1452);
  EXPECT_LT(CountOf(1, Count::kSystemCallsSend), packets / 8);
  EXPECT_LT(CountOf(2, Count::kSystemCallsTunWrite), packets / 4);
}

TEST_F(SystemCallsTest, EachPacketHasASystemCallWithoutAny) {
  Start(*AllBut("checksum,gso,gro,mmsg"));
  ASSERT_EQ(Transfer(&hosts_, Family::kV4, kStreamBytes), absl::OkStatus());
  EXPECT_GE(CountOf(1, Count::kSystemCallsSend), CountOf(1, Count::kSentPackets));
  EXPECT_GE(CountOf(2, Count::kSystemCallsTunWrite), CountOf(2, Count::kReceivedPackets));
}

}  // namespace
}  // namespace heddle::node::forwarder
