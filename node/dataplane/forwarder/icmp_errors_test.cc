#include "node/dataplane/forwarder/icmp_errors.h"

#include "gtest/gtest.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

class IcmpErrorsTest : public testing::Test {
 protected:
  // How many of so many packets are answered at `now`.
  int Answered(int packets, absl::Time now) {
    int answered = 0;
    for (int i = 0; i < packets; ++i) {
      const auto told = errors_.Make(IcmpError::kNoRoute, ParseSample(&bytes_), table_, now);
      answered += told.empty() ? 0 : 1;
    }
    return answered;
  }

  const absl::Time start_ = absl::FromUnixSeconds(1000);
  IcmpErrors errors_{start_};
  std::string bytes_ = Sample().Bytes();
  TunnelTable table_{{}, {*Prefix::Parse("10.9.1.0/24")}};
};

TEST_F(IcmpErrorsTest, ComeFromThisHostsSubnet) {
  auto told = errors_.Make(IcmpError::kNoRoute, ParseSample(&bytes_), table_, start_);
  const auto packet = ParsePacket(absl::MakeSpan(told));
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->source(), *Ip::Parse("10.9.1.0"));
}

TEST_F(IcmpErrorsTest, AreAsManyAsARouterSends) {
  EXPECT_EQ(Answered(1000, start_), 50);
  EXPECT_EQ(Answered(1000, start_ + absl::Milliseconds(20)), 20);
  EXPECT_EQ(Answered(1000, start_ + absl::Seconds(10)), 50);
}

TEST_F(IcmpErrorsTest, AreNoneWithoutAnAddressOfTheFamily) {
  table_ = TunnelTable({}, {*Prefix::Parse("fd00:9::/64")});
  EXPECT_EQ(Answered(10, start_), 0);
}

}  // namespace
}  // namespace heddle::node::forwarder
