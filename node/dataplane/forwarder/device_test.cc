// A forwarder whose device is taken away, or down, or whose wire is slow.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/forwarder_fixture.h"
#include "node/dataplane/forwarder/transfer.h"

namespace heddle::node::forwarder {
namespace {

class DeviceTest : public ForwarderFixture {};

TEST_F(DeviceTest, ADeviceThatIsRemovedIsForgotten) {
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

TEST_F(DeviceTest, ADeviceThatIsDownAndUpAgainGoesOn) {
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

TEST_F(DeviceTest, ASlowWireIsWaitedForAndNothingIsLost) {
  Start(Features());
  hosts_.host(1).LimitSendBuffers(16 << 10);
  ASSERT_EQ(
      hosts_.host(1).Run("tc qdisc replace dev wire root tbf rate 80mbit burst 70k limit 10m"),
      absl::OkStatus());
  EXPECT_EQ(Transfer(&hosts_, Family::kV4, 4 << 20), absl::OkStatus());
  EXPECT_EQ(CountOf(1, Count::kDroppedUnsent), 0u);
  EXPECT_EQ(Ping(Family::kV4, "-c 1"), absl::OkStatus());
}

}  // namespace
}  // namespace heddle::node::forwarder
