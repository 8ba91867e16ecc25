#include "node/host/onlink.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace heddle::node {
namespace {

struct Row {
  const char* destination;
  int link_index;
  const char* gateway = nullptr;
  std::uint32_t metric = 0;
};

// The prefixes on link 1, in words.
std::string Onlink(const std::vector<Row>& rows) {
  std::vector<HostInventory::Route> routes;
  for (const Row& row : rows) {
    HostInventory::Route route;
    route.destination = *Prefix::Parse(row.destination);
    route.link_index = row.link_index;
    route.metric = row.metric;
    if (row.gateway != nullptr) route.gateway = *Ip::Parse(row.gateway);
    routes.push_back(route);
  }
  return absl::StrJoin(OnlinkPrefixes(routes, 1), " ", [](std::string* out, const Prefix& prefix) {
    out->append(prefix.ToString());
  });
}

TEST(OnlinkTest, TakesConnectedRoutesOfTheLinkInBothFamilies) {
  EXPECT_EQ(Onlink({{"10.0.0.0/24", 1}, {"fd00::/64", 1}, {"10.0.1.0/24", 2}}),
            "10.0.0.0/24 fd00::/64");
}

TEST(OnlinkTest, LeavesOutWhatARouterIsNeededFor) {
  EXPECT_EQ(Onlink({{"10.0.0.0/24", 1}, {"10.9.0.0/16", 1, "10.0.0.1"}, {"0.0.0.0/0", 1}}),
            "10.0.0.0/24");
}

TEST(OnlinkTest, AMoreSpecificRouteElsewhereIsAHole) {
  EXPECT_EQ(Onlink({{"10.0.0.0/8", 1}, {"10.64.0.0/10", 2}}), "10.0.0.0/10 10.128.0.0/9");
  EXPECT_EQ(Onlink({{"10.0.0.0/30", 1}, {"10.0.0.2/32", 1, "10.0.0.1"}}),
            "10.0.0.0/31 10.0.0.3/32");
}

TEST(OnlinkTest, AnIslandInAHoleIsOnlink) {
  EXPECT_EQ(Onlink({{"10.0.0.0/8", 1}, {"10.128.0.0/9", 2}, {"10.129.0.0/16", 1}}),
            "10.0.0.0/9 10.129.0.0/16");
}

TEST(OnlinkTest, AnInnerRouteThatSaysTheSameChangesNothing) {
  EXPECT_EQ(Onlink({{"10.0.0.0/8", 1}, {"10.3.0.0/16", 1}}), "10.0.0.0/8");
}

TEST(OnlinkTest, TheLowestMetricDecidesAndATieIsOnlink) {
  EXPECT_EQ(Onlink({{"10.0.0.0/24", 1, nullptr, 200}, {"10.0.0.0/24", 2, nullptr, 100}}), "");
  EXPECT_EQ(Onlink({{"10.0.0.0/24", 2, nullptr, 200}, {"10.0.0.0/24", 1, nullptr, 100}}),
            "10.0.0.0/24");
  EXPECT_EQ(Onlink({{"fe80::/64", 2, nullptr, 256}, {"fe80::/64", 1, nullptr, 256}}), "fe80::/64");
  EXPECT_EQ(Onlink({{"fe80::/64", 1, nullptr, 256}, {"fe80::/64", 2, nullptr, 256}}), "fe80::/64");
}

}  // namespace
}  // namespace heddle::node
