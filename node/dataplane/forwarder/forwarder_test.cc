// Two forwarders on the real kernel, with real packets between them.
#include "node/dataplane/forwarder/forwarder.h"

#include <sys/resource.h>

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/forwarder_fixture.h"
#include "node/dataplane/forwarder/transfer.h"

namespace heddle::node::forwarder {
namespace {

using testing::HasSubstr;

constexpr std::size_t kStreamBytes = 8 << 20;

class ForwarderTest : public ForwarderFixture {};

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
