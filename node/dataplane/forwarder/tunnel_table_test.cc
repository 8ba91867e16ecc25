#include "node/dataplane/forwarder/tunnel_table.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node::forwarder {

std::ostream& operator<<(std::ostream& out, const Endpoint& endpoint) {
  return out << endpoint.address << ":" << endpoint.port;
}

namespace {

Ip At(const char* text) { return *Ip::Parse(text); }
Tunnel To(const char* subnet, const char* endpoint, std::uint16_t port = 8285) {
  return {*Prefix::Parse(subnet), {At(endpoint), port}};
}

TEST(TunnelTableTest, AnEmptyOneKnowsNobody) {
  const TunnelTable table;
  EXPECT_EQ(table.Find(At("10.1.2.3")), nullptr);
  EXPECT_EQ(table.Find(At("fd00::1")), nullptr);
  EXPECT_EQ(table.OwnAddress(Family::kV4), nullptr);
  EXPECT_EQ(table.Judge(At("192.0.2.1"), At("10.1.1.1"), At("10.1.2.1")), Verdict::kUnknownPeer);
}

TEST(TunnelTableTest, TheLongestPrefixHasThePacket) {
  const TunnelTable table({To("10.0.0.0/8", "192.0.2.8"), To("10.1.0.0/16", "192.0.2.16"),
                           To("10.1.1.0/24", "192.0.2.24"), To("0.0.0.0/0", "192.0.2.1"),
                           To("10.1.1.1/32", "192.0.2.32")},
                          {});
  const auto endpoint_of = [&](const char* to) { return table.Find(At(to))->address; };
  EXPECT_EQ(endpoint_of("10.1.1.1"), At("192.0.2.32"));
  EXPECT_EQ(endpoint_of("10.1.1.2"), At("192.0.2.24"));
  EXPECT_EQ(endpoint_of("10.1.2.1"), At("192.0.2.16"));
  EXPECT_EQ(endpoint_of("10.2.1.1"), At("192.0.2.8"));
  EXPECT_EQ(endpoint_of("11.0.0.1"), At("192.0.2.1"));
  EXPECT_EQ(table.Find(At("fd00::1")), nullptr);
}

TEST(TunnelTableTest, TheLaterOfTwoOfOneSubnetCounts) {
  const TunnelTable table({To("10.1.1.0/24", "192.0.2.1"), To("10.1.1.0/24", "192.0.2.2", 7890)},
                          {});
  EXPECT_EQ(*table.Find(At("10.1.1.9")), (Endpoint{At("192.0.2.2"), 7890}));
  // Nothing leads to the former any more, so it is nobody.
  EXPECT_EQ(table.Judge(At("192.0.2.1"), At("10.1.1.9"), At("10.1.2.1")), Verdict::kUnknownPeer);
}

class JudgeTest : public testing::Test {
 protected:
  const TunnelTable table_{{To("10.1.1.0/24", "192.0.2.1"), To("10.1.2.0/24", "192.0.2.2"),
                            To("10.1.2.128/25", "192.0.2.3"), To("fd00:1::/64", "2001:db8::1")},
                           {*Prefix::Parse("10.1.9.0/24"), *Prefix::Parse("fd00:9::/64")}};
  Verdict Judge(const char* from, const char* source, const char* destination) const {
    return table_.Judge(At(from), At(source), At(destination));
  }
};

TEST_F(JudgeTest, APeerMaySendFromItsSubnetToOurs) {
  EXPECT_EQ(Judge("192.0.2.1", "10.1.1.7", "10.1.9.7"), Verdict::kAccepted);
  EXPECT_EQ(Judge("2001:db8::1", "fd00:1::7", "fd00:9::7"), Verdict::kAccepted);
}

TEST_F(JudgeTest, NotFromAnothersOrNobodys) {
  EXPECT_EQ(Judge("192.0.2.1", "10.1.2.7", "10.1.9.7"), Verdict::kSpoofed);
  EXPECT_EQ(Judge("192.0.2.1", "10.1.7.7", "10.1.9.7"), Verdict::kSpoofed);
  EXPECT_EQ(Judge("192.0.2.1", "10.1.9.7", "10.1.9.8"), Verdict::kSpoofed);
  EXPECT_EQ(Judge("192.0.2.1", "fd00:1::7", "fd00:9::7"), Verdict::kSpoofed);
}

TEST_F(JudgeTest, APartOfASubnetIsItsOwnersAlone) {
  EXPECT_EQ(Judge("192.0.2.2", "10.1.2.127", "10.1.9.7"), Verdict::kAccepted);
  EXPECT_EQ(Judge("192.0.2.2", "10.1.2.128", "10.1.9.7"), Verdict::kSpoofed);
  EXPECT_EQ(Judge("192.0.2.3", "10.1.2.128", "10.1.9.7"), Verdict::kAccepted);
}

TEST_F(JudgeTest, NotToOthers) {
  EXPECT_EQ(Judge("192.0.2.1", "10.1.1.7", "10.1.2.7"), Verdict::kNotOurs);
  EXPECT_EQ(Judge("192.0.2.1", "10.1.1.7", "224.0.0.1"), Verdict::kNotOurs);
}

TEST_F(JudgeTest, StrangersAreUnknownWhateverTheySay) {
  EXPECT_EQ(Judge("192.0.2.9", "10.1.1.7", "10.1.9.7"), Verdict::kUnknownPeer);
  EXPECT_EQ(Judge("192.0.2.9", "10.7.7.7", "10.1.2.7"), Verdict::kUnknownPeer);
}

TEST_F(JudgeTest, ErrorsComeFromTheFirstSubnetOfTheFamily) {
  EXPECT_EQ(*table_.OwnAddress(Family::kV4), At("10.1.9.0"));
  EXPECT_EQ(*table_.OwnAddress(Family::kV6), At("fd00:9::"));
}

// What the table must find, said in the plainest way.
const Tunnel* LongestOf(const std::vector<Tunnel>& tunnels, const Ip& destination) {
  const Tunnel* longest = nullptr;
  for (const Tunnel& tunnel : tunnels) {
    if (!tunnel.subnet.Contains(destination)) continue;
    if (longest == nullptr || tunnel.subnet.length() >= longest->subnet.length()) {
      longest = &tunnel;
    }
  }
  return longest;
}

class RandomTableTest : public testing::TestWithParam<Family> {};
INSTANTIATE_TEST_SUITE_P(Families, RandomTableTest, testing::ValuesIn(kFamilies));

TEST_P(RandomTableTest, FindsWhatALinearSearchFinds) {
  const Family family = GetParam();
  std::mt19937 random(7);
  // Few bits that differ, so that prefixes nest and addresses hit.
  const int shift = BitsOf(family) - 12;
  const auto any = [&] { return Ip(family, absl::uint128(random() & 0xfff) << shift); };
  int found = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<Tunnel> tunnels;
    for (int i = 0; i < 40; ++i) {
      tunnels.push_back(
          {Prefix(any(), static_cast<int>(random() % 13)), {any(), static_cast<std::uint16_t>(i)}});
    }
    const TunnelTable table(tunnels, {});
    for (int i = 0; i < 200; ++i) {
      const Ip destination = any();
      const Tunnel* const expected = LongestOf(tunnels, destination);
      const Endpoint* const actual = table.Find(destination);
      ASSERT_EQ(actual == nullptr, expected == nullptr) << destination;
      if (expected == nullptr) continue;
      ASSERT_EQ(*actual, expected->endpoint) << destination;
      ++found;
    }
  }
  EXPECT_GT(found, 1000);
}

}  // namespace
}  // namespace heddle::node::forwarder
