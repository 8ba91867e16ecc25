// Two forwarders on the real kernel, with real packets between them.
#include "node/dataplane/forwarder/forwarder.h"

#include <sys/resource.h>

#include <thread>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/forwarder_fixture.h"
#include "node/dataplane/forwarder/transfer.h"

namespace heddle::node::forwarder {
namespace {

using testing::Contains;
using testing::HasSubstr;
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

class ForwarderTest : public ForwarderFixture {};

TEST_F(ForwarderTest, ManyPacketsInOneSystemCall) {
  Start(Features());
  // As on any kernel since 6.2; the guests' tests have older ones.
  EXPECT_THAT(forwarder(1).Describe().using_(), IsSupersetOf({"tso", "gso", "gro", "mmsg"}));
  ASSERT_EQ(Transfer(&hosts_, Family::kV4, kStreamBytes), absl::OkStatus());
  const std::uint64_t packets = CountOf(1, Count::kSentPackets);
  EXPECT_GT(packets, kStreamBytes / 1452);
  EXPECT_LT(CountOf(1, Count::kSystemCallsSend), packets / 8);
  EXPECT_LT(CountOf(2, Count::kSystemCallsTunWrite), packets / 4);
}

TEST_F(ForwarderTest, EachPacketHasASystemCallWithoutAny) {
  Start(*AllBut("checksum,gso,gro,mmsg"));
  ASSERT_EQ(Transfer(&hosts_, Family::kV4, kStreamBytes), absl::OkStatus());
  EXPECT_GE(CountOf(1, Count::kSystemCallsSend), CountOf(1, Count::kSentPackets));
  EXPECT_GE(CountOf(2, Count::kSystemCallsTunWrite), CountOf(2, Count::kReceivedPackets));
}

TEST_F(ForwarderTest, OutOfHopsIsToldByTheFarHost) {
  Start(Features());
  for (Family family : kFamilies) {
    const absl::Status told = Ping(family, "-c 1 -t 1");
    EXPECT_THAT(std::string(told.message()), HasSubstr("exceeded"));
    EXPECT_THAT(std::string(told.message()),
                HasSubstr(TestHost::Subnet(2, family).base().ToString()));
  }
  EXPECT_EQ(CountOf(2, Count::kDroppedHopLimit), 2u);
}

TEST_F(ForwarderTest, WhereNoTunnelLeadsIsToldAtOnce) {
  Start(Features());
  const TestHost& host = hosts_.host(1);
  for (Family family : kFamilies) {
    const Prefix nowhere = TestHost::Subnet(7, family);
    ASSERT_EQ(host.Run(absl::StrCat("ip route add ", nowhere.ToString(), " dev ", TestHost::kDevice,
                                    " src ", TestHost::PodAddress(1, family).ToString())),
              absl::OkStatus());
    const absl::Status told = host.Run(absl::StrCat("ping -c 1 -W 2 ", nowhere.at(1).ToString()));
    EXPECT_THAT(std::string(told.message()),
                HasSubstr(absl::StrCat("From ", TestHost::Subnet(1, family).base().ToString())));
  }
  EXPECT_GE(CountOf(1, Count::kDroppedNoTunnel), 2u);
}

TEST_F(ForwarderTest, APathWithASmallerMtuGetsFragments) {
  Start(Features());
  for (int number : {1, 2}) {
    ASSERT_EQ(hosts_.host(number).Run("ip link set wire mtu 1400"), absl::OkStatus());
  }
  for (Family family : kFamilies) {
    EXPECT_EQ(Ping(family, "-c 1 -s 1404 -M do"), absl::OkStatus());
    EXPECT_EQ(Transfer(&hosts_, family, 1 << 20), absl::OkStatus());
  }
  EXPECT_EQ(CountOf(1, Count::kDroppedUnsent), 0u);
}

TEST_F(ForwarderTest, TunnelsComeAndGoWhilePacketsFlow) {
  Start(Features(), 2);
  control::Request::Change removal, addition;
  for (const control::Tunnel& tunnel : hosts_.host(1).change().set()) {
    *removal.add_remove() = tunnel.subnet();
    *addition.add_set() = tunnel;
  }
  ASSERT_EQ(forwarder(1).Apply(removal, {}), absl::OkStatus());
  EXPECT_FALSE(Ping(Family::kV4, "-c 1").ok());
  ASSERT_EQ(forwarder(1).Apply(addition, {}), absl::OkStatus());
  EXPECT_EQ(Ping(Family::kV4, "-c 1"), absl::OkStatus());
  absl::Status transferred;
  std::thread stream([&] { transferred = Transfer(&hosts_, Family::kV4, kStreamBytes); });
  for (int i = 0; i < 200; ++i) ASSERT_EQ(forwarder(1).Apply(addition, {}), absl::OkStatus());
  stream.join();
  EXPECT_EQ(transferred, absl::OkStatus());
}

TEST_F(ForwarderTest, WithNothingToDoItDoesNothing) {
  Start(Features(), 2);
  ASSERT_EQ(Ping(Family::kV4, "-c 1"), absl::OkStatus());
  // Neighbour discovery and the like, until the hosts are quiet.
  absl::SleepFor(absl::Seconds(1));
  const auto calls = [&] {
    return CountOf(1, Count::kSystemCallsTunRead) + CountOf(1, Count::kSystemCallsReceive);
  };
  const std::uint64_t before = calls();
  rusage start{}, end{};
  getrusage(RUSAGE_SELF, &start);
  absl::SleepFor(absl::Seconds(1));
  getrusage(RUSAGE_SELF, &end);
  const auto used =
      absl::DurationFromTimeval(end.ru_utime) - absl::DurationFromTimeval(start.ru_utime) +
      absl::DurationFromTimeval(end.ru_stime) - absl::DurationFromTimeval(start.ru_stime);
  EXPECT_LT(used, absl::Milliseconds(5));
  EXPECT_LE(calls(), before + 4);
}

TEST_F(ForwarderTest, ADeviceThatIsRemovedIsForgotten) {
  Start(Features(), 2);
  ASSERT_TRUE(forwarder(1).serves());
  ASSERT_EQ(hosts_.host(1).Run(absl::StrCat("ip link delete ", TestHost::kDevice)),
            absl::OkStatus());
  for (int i = 0; i < 500 && !was_told_gone_; ++i) absl::SleepFor(absl::Milliseconds(10));
  ASSERT_TRUE(was_told_gone_);
  EXPECT_FALSE(forwarder(1).Describe().has_device());
  forwarder(1).ForgetDeviceIfGone();
  EXPECT_FALSE(forwarder(1).serves());
  EXPECT_TRUE(forwarder(2).serves());
}

TEST_F(ForwarderTest, ADeviceThatIsDownAndUpAgainGoesOn) {
  Start(Features());
  const std::string device = TestHost::kDevice;
  ASSERT_EQ(hosts_.host(2).Run("ip link set " + device + " down"), absl::OkStatus());
  EXPECT_FALSE(Ping(Family::kV4, "-c 1").ok());
  EXPECT_GE(CountOf(2, Count::kDroppedUndelivered), 1u);
  ASSERT_EQ(hosts_.host(2).Run("ip link set " + device + " up"), absl::OkStatus());
  ASSERT_EQ(hosts_.host(2).Run("ip route add 10.1.1.0/24 dev " + device + " src 10.1.2.1"),
            absl::OkStatus());
  EXPECT_EQ(Ping(Family::kV4, "-c 1"), absl::OkStatus());
  EXPECT_FALSE(was_told_gone_);
}

TEST_F(ForwarderTest, AnotherTakesOverWithoutALoss) {
  Start(Features(), 2);
  absl::Status pinged, transferred;
  std::thread pings([&] { pinged = Ping(Family::kV6, "-q -c 400 -i 0.002"); });
  std::thread stream([&] { transferred = Transfer(&hosts_, Family::kV4, 32 << 20); });
  for (int i = 0; i < 10; ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    HandOver(2);
  }
  pings.join();
  stream.join();
  EXPECT_EQ(pinged, absl::OkStatus());
  EXPECT_EQ(transferred, absl::OkStatus());
}

}  // namespace
}  // namespace heddle::node::forwarder
