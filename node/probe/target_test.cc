#include "node/probe/target.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle::node {
namespace {

struct World {
  explicit World(const std::string& backend, std::map<std::string, OptionValue> options = {}) {
    network.ranges[Family::kV4] =
        Range{*Prefix::Parse("10.0.0.0/16"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.255.0")};
    network.backend = *CompleteBackend({backend, options});
    host.underlay_link = "eth0";
    host.underlay_mtu_bytes = 1500;
    host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.1");
    host.onlink_prefixes = {*Prefix::Parse("192.0.2.0/24")};
    self = MakePeer(1);
    peer = MakePeer(2);
  }
  Peer MakePeer(int n) {
    Peer made;
    made.node_id = absl::StrCat("h", n);
    made.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.0.", n, ".0/24"));
    made.advertisement.public_address[Family::kV4] = *Ip::Parse(absl::StrCat("192.0.2.", n));
    made.advertisement.backend_type = network.backend.type;
    if (network.backend.type == "vxlan") {
      made.advertisement.vtep_mac = Mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}};
    }
    return made;
  }
  std::vector<ProbeTarget> Targets(const Peer& of) {
    return PlanTargets({network, self, host, options}, of);
  }

  Network network;
  HostFacts host;
  Peer self, peer;
  PlanOptions options;
};

TEST(PlanTargets, VxlanFromBaseAddressToBaseAddress) {
  World world("vxlan");
  for (bool nexthops : {true, false}) {
    world.options.use_nexthops = nexthops;
    const auto targets = world.Targets(world.peer);
    ASSERT_EQ(targets.size(), 1u);
    EXPECT_EQ(targets[0].underlay.from.ToString(), "192.0.2.1");
    EXPECT_EQ(targets[0].underlay.to.ToString(), "192.0.2.2");
    EXPECT_EQ(targets[0].underlay.full_bytes, 1500);
    ASSERT_TRUE(targets[0].overlay);
    EXPECT_EQ(targets[0].overlay->from.ToString(), "10.0.1.0");
    EXPECT_EQ(targets[0].overlay->to.ToString(), "10.0.2.0");
    EXPECT_EQ(targets[0].overlay->full_bytes, 1450);
    ASSERT_TRUE(targets[0].vxlan);
    EXPECT_EQ(targets[0].vxlan->port, 8472);
    EXPECT_EQ(targets[0].vxlan->remote.ToString(), "192.0.2.2");
    EXPECT_EQ(targets[0].vxlan->mac, world.self.advertisement.vtep_mac);
  }
}

TEST(PlanTargets, ADirectRouteHasTheUnderlaysSizeAndNoTunnel) {
  World world("vxlan", {{"DirectRouting", true}});
  const auto targets = world.Targets(world.peer);
  ASSERT_EQ(targets.size(), 1u);
  ASSERT_TRUE(targets[0].overlay);
  EXPECT_EQ(targets[0].overlay->full_bytes, 1500);
  EXPECT_FALSE(targets[0].vxlan);
}

TEST(PlanTargets, HostGwHasNoAddressesOfItsOwn) {
  World world("host-gw");
  const auto targets = world.Targets(world.peer);
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_FALSE(targets[0].overlay);
}

TEST(PlanTargets, NothingWhereThereIsNoPath) {
  World alloc("alloc");
  EXPECT_TRUE(alloc.Targets(alloc.peer).empty());
  World world("vxlan");
  EXPECT_TRUE(world.Targets(world.self).empty());
  Peer other = world.peer;
  other.advertisement.backend_type = "host-gw";
  EXPECT_TRUE(world.Targets(other).empty());
}

}  // namespace
}  // namespace heddle::node
