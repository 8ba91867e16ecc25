#include "controller/subnet_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace heddle::controller {
namespace {

Prefix P(absl::string_view text) { return Prefix::Parse(text).value(); }
Ip A(absl::string_view text) { return Ip::Parse(text).value(); }

Range Small() { return {P("10.3.0.0/16"), 24, A("10.3.1.0"), A("10.3.8.0")}; }

TEST(SubnetPool, GivesTheLowestFirst) {
  SubnetPool pool(Small());
  EXPECT_EQ(pool.total_count(), 8u);
  EXPECT_EQ(*pool.Lowest(), P("10.3.1.0/24"));
  pool.Take(P("10.3.1.0/24"));
  pool.Take(P("10.3.2.0/24"));
  EXPECT_EQ(*pool.Lowest(), P("10.3.3.0/24"));
  pool.Free(P("10.3.1.0/24"));
  EXPECT_EQ(*pool.Lowest(), P("10.3.1.0/24"));
  EXPECT_EQ(pool.free_count(), 7u);
}

TEST(SubnetPool, TakeAndFreeAreIdempotent) {
  SubnetPool pool(Small());
  for (int i = 0; i < 2; ++i) {
    pool.Take(P("10.3.4.0/24"));
    EXPECT_EQ(pool.free_count(), 7u);
    EXPECT_FALSE(pool.IsFree(P("10.3.4.0/24")));
  }
  for (int i = 0; i < 2; ++i) {
    pool.Free(P("10.3.4.0/24"));
    EXPECT_EQ(pool.free_count(), 8u);
  }
  EXPECT_EQ(pool, SubnetPool(Small())) << "runs that touch become one again";
}

TEST(SubnetPool, OtherLengthsTakeAllThatTheyOverlap) {
  SubnetPool pool(Small());
  pool.Take(P("10.3.2.0/23"));
  EXPECT_EQ(pool.free_count(), 6u);
  pool.Take(P("10.3.5.128/25"));
  EXPECT_FALSE(pool.IsFree(P("10.3.5.0/24")));
  pool.Take(P("10.0.0.0/8"));
  EXPECT_EQ(pool.free_count(), 0u);
  EXPECT_FALSE(pool.Lowest().has_value());
}

TEST(SubnetPool, IgnoresWhatIsOutside) {
  SubnetPool pool(Small());
  for (const char* outside : {"10.3.0.0/24", "10.3.9.0/24", "10.4.1.0/24", "fc00::/64"}) {
    pool.Take(P(outside));
    pool.Free(P(outside));
    EXPECT_FALSE(pool.IsFree(P(outside))) << outside;
  }
  EXPECT_FALSE(pool.IsFree(P("10.3.1.0/25")));
  EXPECT_EQ(pool, SubnetPool(Small()));
}

TEST(SubnetPool, WideIpv6RangesDoNotOverflow) {
  const Range range{P("::/0"), 126, A("::4"), A("::ffff:fffc")};
  SubnetPool pool(range);
  pool.Take(P("ffff::/16"));
  EXPECT_EQ(pool.free_count(), range.subnet_count());
  EXPECT_EQ(*pool.Lowest(), P("::4/126"));
}

TEST(SubnetPool, AgreesWithASetOfFreeSubnets) {
  std::mt19937 random(7);
  const Range range{P("fc00::/56"), 64, A("fc00:0:0:10::"), A("fc00:0:0:d0::")};
  SubnetPool pool(range);
  std::set<Prefix> free;
  for (int i = 0x10; i <= 0xd0; ++i) {
    free.insert(Prefix(range.network.at(absl::uint128(i) << 64), 64));
  }
  for (int step = 0; step < 20000; ++step) {
    const int length = 58 + static_cast<int>(random() % 8);
    const Prefix subnet(range.network.at((absl::uint128(random() % 256) << 64) +
                                         (absl::uint128(random() % 4) << 62)),
                        length);
    const bool take = random() % 2 == 0;
    take ? pool.Take(subnet) : pool.Free(subnet);
    for (int i = 0x10; i <= 0xd0; ++i) {
      const Prefix one(range.network.at(absl::uint128(i) << 64), 64);
      if (!one.Overlaps(subnet)) continue;
      take ? (void)free.erase(one) : (void)free.insert(one);
    }
    ASSERT_EQ(pool.free_count(), free.size()) << "step " << step;
    ASSERT_EQ(pool.Lowest().has_value(), !free.empty());
    if (!free.empty()) {
      ASSERT_EQ(*pool.Lowest(), *free.begin());
    }
    const Prefix probe(range.network.at(absl::uint128(random() % 256) << 64), 64);
    ASSERT_EQ(pool.IsFree(probe), free.count(probe) == 1);
  }
}

}  // namespace
}  // namespace heddle::controller
