#include "base/ip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace heddle {
namespace {

Prefix P(absl::string_view text) { return Prefix::Parse(text).value(); }
Ip A(absl::string_view text) { return Ip::Parse(text).value(); }

TEST(Ip, ParsesAndPrintsCanonically) {
  EXPECT_EQ(A("10.3.0.255").ToString(), "10.3.0.255");
  EXPECT_EQ(A("FC00:0:0:1:0:0:0:1").ToString(), "fc00:0:0:1::1");
  EXPECT_EQ(A("::").ToString(), "::");
  EXPECT_EQ(A("::ffff:10.0.0.1").family(), Family::kV6) << "a mapped address stays IPv6";
}

TEST(Ip, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", "10.3.0", "10.3.0.256", "010.3.0.1", "10.3.0.1 ", " ::1", "::1%eth0",
                          ":::", "g::", "10.3.0.1/24"}) {
    EXPECT_EQ(Ip::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(Ip::Parse(absl::string_view("10.0.0.1\0", 9)).ok());
  EXPECT_FALSE(Ip::Parse(std::string(1 << 20, '1')).ok());
}

TEST(Ip, BytesRoundTrip) {
  for (const char* text : {"0.0.0.0", "10.3.1.7", "255.255.255.255", "::", "fc00::1:2",
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    const Ip ip = A(text);
    EXPECT_EQ(ip.ToBytes().size(), static_cast<std::size_t>(BitsOf(ip.family()) / 8));
    EXPECT_EQ(Ip::FromBytes(ip.ToBytes()).value(), ip);
  }
  for (std::size_t size : {0u, 3u, 5u, 15u, 17u}) {
    EXPECT_FALSE(Ip::FromBytes(std::string(size, 'x')).ok()) << size;
  }
}

TEST(Ip, FamiliesNeverCompareEqual) {
  EXPECT_NE(A("0.0.0.1"), A("::1"));
  EXPECT_LT(A("255.255.255.255"), A("::"));
  EXPECT_EQ(Ip(Family::kV4, (absl::uint128(1) << 32) + 5), A("0.0.0.5")) << "cut to the family";
}

TEST(Ip, KnowsItsKind) {
  EXPECT_TRUE(A("169.254.255.1").is_link_local());
  EXPECT_TRUE(A("fe80::1").is_link_local());
  EXPECT_TRUE(A("febf::1").is_link_local());
  EXPECT_FALSE(A("fec0::1").is_link_local());
  EXPECT_FALSE(A("169.253.0.1").is_link_local());
  EXPECT_TRUE(A("127.9.9.9").is_loopback());
  EXPECT_TRUE(A("::1").is_loopback());
  EXPECT_FALSE(A("0.0.0.1").is_loopback());
  EXPECT_TRUE(A("239.1.2.3").is_multicast());
  EXPECT_TRUE(A("ff02::1").is_multicast());
  EXPECT_FALSE(A("240.0.0.1").is_multicast());
  EXPECT_TRUE(A("::").is_zero());
}

TEST(Prefix, MasksHostBits) {
  EXPECT_EQ(P("10.3.7.9/16").ToString(), "10.3.0.0/16");
  EXPECT_EQ(P("fc00::1:0:0:0:1/64").ToString(), "fc00:0:0:1::/64");
  EXPECT_EQ(P("10.3.7.9").ToString(), "10.3.7.9/32");
  EXPECT_EQ(P("255.255.255.255/0").ToString(), "0.0.0.0/0");
  EXPECT_EQ(Prefix(A("10.3.7.9"), 99).length(), 32);
  EXPECT_EQ(Prefix(A("10.3.7.9"), -1).length(), 0);
}

TEST(Prefix, RefusesWhatIsNoPrefix) {
  for (const char* bad :
       {"", "/", "10.3.0.0/", "10.3.0.0/33", "10.3.0.0/-1", "10.3.0.0/ 16", "10.3.0.0/+16",
        "10.3.0.0/16 ", "10.3.0.0/16/8", "::/129", "10.3.0.0/0016", "10.3/16", "x/8"}) {
    EXPECT_EQ(Prefix::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Prefix, Ends) {
  EXPECT_EQ(P("10.3.0.0/16").last(), A("10.3.255.255"));
  EXPECT_EQ(P("0.0.0.0/0").last(), A("255.255.255.255"));
  EXPECT_EQ(P("::/0").last(), A("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(P("fc00::/64").at(5), A("fc00::5"));
  EXPECT_EQ(P("255.255.255.0/24").at(256), A("0.0.0.0")) << "wraps inside the family";
}

TEST(Prefix, ContainsAndOverlaps) {
  EXPECT_TRUE(P("10.3.0.0/16").Contains(A("10.3.255.255")));
  EXPECT_FALSE(P("10.3.0.0/16").Contains(A("10.4.0.0")));
  EXPECT_FALSE(P("0.0.0.0/0").Contains(A("::1")));
  EXPECT_TRUE(P("10.3.0.0/16").Contains(P("10.3.9.0/24")));
  EXPECT_FALSE(P("10.3.9.0/24").Contains(P("10.3.0.0/16")));
  EXPECT_TRUE(P("10.3.9.0/24").Overlaps(P("10.3.0.0/16")));
  EXPECT_FALSE(P("10.3.9.0/24").Overlaps(P("10.3.10.0/24")));
  EXPECT_FALSE(P("0.0.0.0/0").Overlaps(P("::/0")));
}

TEST(Prefix, OrdersByAddressThenLength) {
  std::vector<Prefix> prefixes = {P("fc00::/64"), P("10.3.0.0/24"), P("10.3.0.0/16"),
                                  P("9.0.0.0/8")};
  std::sort(prefixes.begin(), prefixes.end());
  const std::vector<Prefix> expected = {P("9.0.0.0/8"), P("10.3.0.0/16"), P("10.3.0.0/24"),
                                        P("fc00::/64")};
  EXPECT_EQ(prefixes, expected);
  const absl::flat_hash_set<Prefix> set(prefixes.begin(), prefixes.end());
  EXPECT_TRUE(set.contains(P("10.3.0.0/24")));
  EXPECT_FALSE(set.contains(P("10.3.0.0/25")));
}

TEST(PerFamily, HoldsEitherBothOrNone) {
  PerFamily<int> values;
  EXPECT_TRUE(values.empty());
  values[Family::kV6] = 6;
  EXPECT_FALSE(values.empty());
  values[Family::kV4] = 4;
  std::vector<int> seen;
  values.ForEach([&](Family family, int value) {
    EXPECT_EQ(value, family == Family::kV4 ? 4 : 6);
    seen.push_back(value);
  });
  EXPECT_EQ(seen, (std::vector<int>{4, 6})) << "IPv4 first";
}

}  // namespace
}  // namespace heddle
