// What a node plans while the cluster moves to another range.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/backend/backend.h"
#include "node/backend/peer_route.h"
#include "node/backend/scenario.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;

Prefix P(const std::string& text) { return *Prefix::Parse(text); }

// A cluster of 10.3.0.0/16 and fd00:3::/48 that goes to 10.60.0.0/16 and fd00:60::/48. This node
// (node-1) and node-2 have been renumbered; the others have not.
Scenario Moving(const std::string& backend) {
  Scenario scenario = DualStackScenario(backend);
  scenario.network.draining = scenario.network.ranges;
  scenario.SetRange(P("10.60.0.0/16"), 24);
  scenario.SetRange(P("fd00:60::/48"), 64);
  int number = 1;
  for (Peer* peer : {&scenario.self, &scenario.peers.at("node-2")}) {
    peer->draining_subnets = peer->subnets;
    for (Family family : kFamilies) {
      const Range& range = *scenario.network.ranges[family];
      const absl::uint128 size = absl::uint128(1) << (BitsOf(family) - range.subnet_length);
      peer->subnets[family] = Prefix(range.network.at(size * number), range.subnet_length);
    }
    ++number;
  }
  return scenario;
}

TEST(MovingTest, RulesKnowBothRangesAndBothOwnSubnets) {
  for (const Backend& backend : Backends()) {
    Scenario scenario = Moving(std::string(backend.type));
    scenario.options.ip_masq = true;
    const NetworkState state = PlanSelf(scenario.input());
    const RuleSet& v4 = state.rules.at(Family::kV4);
    EXPECT_THAT(v4.cluster, ElementsAre(P("10.3.0.0/16"), P("10.60.0.0/16")));
    EXPECT_THAT(v4.pods, ElementsAre(P("10.3.1.0/24"), P("10.60.1.0/24")));
    const RuleSet& v6 = state.rules.at(Family::kV6);
    EXPECT_THAT(v6.cluster, ElementsAre(P("fd00:3::/48"), P("fd00:60::/48")));
    EXPECT_THAT(v6.pods, ElementsAre(P("fd00:3:0:1::/64"), P("fd00:60:0:1::/64")));
  }
}

TEST(MovingTest, EverySubnetOfAPeerHasARouteAndTheDeviceBothAddresses) {
  const Scenario scenario = Moving("vxlan");
  const NetworkState state = PlanAll(scenario.input(), scenario.peers);
  std::vector<Prefix> routed;
  for (const auto& [key, route] : state.routes) {
    routed.push_back(key.destination);
    const auto id = std::get<std::uint32_t>(route.via);
    EXPECT_EQ(state.nexthops.at(id).gateway, key.destination.base());
  }
  EXPECT_THAT(routed, ElementsAre(P("10.3.2.0/24"), P("10.3.3.0/24"), P("10.3.4.0/24"),
                                  P("10.60.2.0/24"), P("fd00:3:0:2::/64"), P("fd00:3:0:3::/64"),
                                  P("fd00:3:0:4::/64"), P("fd00:60:0:2::/64")));
  for (const char* address : {"10.3.1.0", "10.60.1.0"}) {
    EXPECT_TRUE(state.addresses.contains({"heddle.1", *Ip::Parse(address)})) << address;
  }
  EXPECT_THAT(Problems(scenario.input(), scenario.peers), ElementsAre());
}

// The number of an IPv6 subnet says little of its range: only the mark tells the two apart.
TEST(MovingTest, NexthopsOfTheTwoRangesNeverShareAnId) {
  const Prefix subnet = P("fd00:3:0:2::/64"), twin = P("fd00:8003:0:2::/64");
  ASSERT_EQ(PeerRouteId(subnet, false), PeerRouteId(twin, false));
  EXPECT_NE(PeerRouteId(subnet, true), PeerRouteId(twin, false));
}

TEST(MovingTest, FinishingTakesTheFormerSubnetAndNothingElse) {
  Scenario scenario = Moving("vxlan");
  Peer& peer = scenario.peers.at("node-2");
  const NetworkState before = PlanPeer(scenario.input(), peer);
  peer.draining_subnets = {};
  const NetworkState after = PlanPeer(scenario.input(), peer);
  EXPECT_EQ(before.routes.size(), 4u);
  EXPECT_EQ(after.routes.size(), 2u);
  for (const auto& [key, route] : after.routes) {
    EXPECT_TRUE(before.routes.at(key) == route) << "kept as it was";
  }
}

}  // namespace
}  // namespace heddle::node
