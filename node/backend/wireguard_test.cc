// The wireguard row: which underlay carries what, whom it refuses, and what a peer is made of.
#include "api/backend_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/backend/backend.h"
#include "node/backend/scenario.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Ip Address(const char* text) { return *Ip::Parse(text); }

// Pods of both families, or of IPv4 alone, on a host with both underlays.
Scenario InMode(const std::string& mode, bool ipv6_pods = true) {
  Scenario scenario = DualStackScenario("wireguard");
  scenario.network.backend = *CompleteBackend({"wireguard", {{"Mode", mode}}});
  scenario.peers.clear();
  scenario.host = {};
  scenario.Lease(1);
  if (!ipv6_pods) scenario.network.ranges[Family::kV6].reset();
  return scenario;
}

absl::StatusOr<Advertisement> Advertise(const Scenario& scenario) {
  return Announce(scenario.network, scenario.identity(), scenario.host).advertisement;
}

Peer& OnlyPeer(Scenario* scenario) { return scenario->peers.begin()->second; }

// The one WireGuard peer that the plan has.
WireguardPeer Planned(const Scenario& scenario) {
  const NetworkState state = PlanAll(scenario.input(), scenario.peers);
  EXPECT_THAT(state.wireguard_peers, SizeIs(1)) << state.ToString();
  return state.wireguard_peers.empty() ? WireguardPeer{} : state.wireguard_peers.begin()->second;
}

TEST(WireguardTest, SeparateFamiliesHaveADeviceAndAPortEach) {
  const Scenario scenario = InMode("separate");
  const auto announced = Advertise(scenario);
  ASSERT_TRUE(announced.ok()) << announced.status();
  EXPECT_EQ(announced->wireguard_port[Family::kV4], 51820);
  EXPECT_EQ(announced->wireguard_port[Family::kV6], 51821);
  const NetworkState state = PlanAll(scenario.input(), scenario.peers);
  EXPECT_EQ(state.wireguard_devices.at("heddle.wg").listen_port, 51820);
  EXPECT_EQ(state.wireguard_devices.at("heddle.wg6").listen_port, 51821);
  for (const auto& [key, peer] : state.wireguard_peers) {
    const Family family = key.link == "heddle.wg" ? Family::kV4 : Family::kV6;
    EXPECT_EQ(peer.endpoint->family(), family);
    EXPECT_THAT(peer.allowed, ElementsAre(*scenario.peers.begin()->second.subnets[family]));
  }
}

TEST(WireguardTest, OtherModesNeedOneUnderlayForPodsOfAnyFamily) {
  for (Family underlay : kFamilies) {
    for (bool ipv6_pods : {false, true}) {
      Scenario scenario = InMode(underlay == Family::kV4 ? "ipv4" : "ipv6", ipv6_pods);
      const Family other = underlay == Family::kV4 ? Family::kV6 : Family::kV4;
      scenario.host.source_address[other].reset();
      scenario.host.public_address[other].reset();
      OnlyPeer(&scenario).advertisement.public_address[other].reset();
      const auto announced = Advertise(scenario);
      ASSERT_TRUE(announced.ok()) << announced.status();
      EXPECT_FALSE(announced->public_address[other]);
      EXPECT_EQ(announced->wireguard_port[underlay], 51820);
      EXPECT_FALSE(announced->wireguard_port[other]);
      EXPECT_THAT(Problems(scenario.input(), scenario.peers), IsEmpty());
      const WireguardPeer peer = Planned(scenario);
      EXPECT_EQ(peer.endpoint->family(), underlay);
      EXPECT_EQ(peer.endpoint_port, 51820);
      EXPECT_THAT(peer.allowed, SizeIs(ipv6_pods ? 2 : 1));
      scenario.host.source_address[underlay].reset();
      EXPECT_THAT(std::string(Advertise(scenario).status().message()), HasSubstr("Mode"));
    }
  }
}

TEST(WireguardTest, AutoTakesWhatThereIs) {
  Scenario scenario = InMode("auto");
  for (Family family : kFamilies) {
    Scenario lame = scenario;
    lame.host.source_address[family].reset();
    const auto announced = Advertise(lame);
    ASSERT_TRUE(announced.ok()) << announced.status();
    EXPECT_FALSE(announced->public_address[family]);
    EXPECT_NE(Planned(lame).endpoint->family(), family);
  }
  scenario.host.source_address = {};
  EXPECT_EQ(Advertise(scenario).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(WireguardTest, AutoPrefersIpv6OnlyWhereBothArePublicAndIpv4IsNot) {
  struct Row {
    const char* peer_v4;
    const char* peer_v6;
    const char* own_v6;
    const char* endpoint;
  };
  const Row rows[] = {
      {"192.0.2.9", "2001:db8::9", "2001:db8::1", "192.0.2.9"},
      {"10.0.0.9", "2001:db8::9", "2001:db8::1", "2001:db8::9"},
      {"100.64.0.9", "2001:db8::9", "2001:db8::1", "2001:db8::9"},
      {"10.0.0.9", "fd00::9", "2001:db8::1", "10.0.0.9"},
      {"10.0.0.9", "2001:db8::9", "fd00::1", "10.0.0.9"},
  };
  for (const Row& row : rows) {
    Scenario scenario = InMode("auto");
    auto& peer = OnlyPeer(&scenario).advertisement.public_address;
    peer[Family::kV4] = Address(row.peer_v4);
    peer[Family::kV6] = Address(row.peer_v6);
    scenario.host.public_address[Family::kV6] = Address(row.own_v6);
    EXPECT_EQ(Planned(scenario).endpoint, Address(row.endpoint)) << row.endpoint;
  }
}

TEST(WireguardTest, WithoutAKeyItIsRefusedWithTheReason) {
  const Scenario scenario = InMode("separate");
  Identity keyless = scenario.identity();
  keyless.wireguard_public_key = {};
  keyless.wireguard_key_problem = "the file is torn";
  const auto status = Announce(scenario.network, keyless, scenario.host).advertisement.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the file is torn"));
}

// So that a device never has a key that its peers do not know.
TEST(WireguardTest, TheDeviceHasTheAnnouncedKey) {
  Scenario scenario = InMode("separate");
  scenario.self.advertisement.wireguard_public_key.bytes.fill(7);
  EXPECT_EQ(PlanSelf(scenario.input()).wireguard_devices.at("heddle.wg").public_key,
            scenario.self.advertisement.wireguard_public_key);
  scenario.self.advertisement.wireguard_public_key = {};
  EXPECT_TRUE(PlanSelf(scenario.input()).links.empty());
  const NetworkState all = PlanAll(scenario.input(), scenario.peers);
  EXPECT_THAT(all.wireguard_peers, IsEmpty());
  EXPECT_THAT(all.routes, IsEmpty());
}

TEST(WireguardTest, APeerWithoutAKeyOrWithOursIsAProblem) {
  Scenario scenario = InMode("ipv4", /*ipv6_pods=*/false);
  Advertisement& peer = OnlyPeer(&scenario).advertisement;
  peer.wireguard_public_key = scenario.self.advertisement.wireguard_public_key;
  EXPECT_THAT(PeerProblems(scenario.input(), OnlyPeer(&scenario)),
              ElementsAre(HasSubstr("copied key file")));
  peer.wireguard_public_key = {};
  EXPECT_THAT(PeerProblems(scenario.input(), OnlyPeer(&scenario)),
              ElementsAre(HasSubstr("announces no WireGuard key")));
}

// Sessions are made before packets need them.
TEST(WireguardTest, AsAStandbyItKeepsItsSessionsAlive) {
  Scenario scenario = InMode("auto");
  for (Peer* peer : {&scenario.self, &OnlyPeer(&scenario)}) {
    peer->advertisement.backend_type = "host-gw";
    peer->advertisement.standby_type = "wireguard";
  }
  scenario.network.standby = scenario.network.backend;
  scenario.network.backend = *CompleteBackend({"host-gw", {}});
  EXPECT_EQ(Planned(scenario).keepalive_seconds, 25);
  std::swap(scenario.network.backend, *scenario.network.standby);
  EXPECT_EQ(Planned(scenario).keepalive_seconds, 0);
}

TEST(WireguardTest, DrainingSubnetsAreAllowedToo) {
  Scenario scenario = InMode("auto");
  Range draining = *scenario.network.ranges[Family::kV4];
  draining.network = *Prefix::Parse("10.2.0.0/16");
  scenario.network.draining[Family::kV4] = draining;
  OnlyPeer(&scenario).draining_subnets[Family::kV4] = *Prefix::Parse("10.2.2.0/24");
  const WireguardPeer peer = Planned(scenario);
  EXPECT_THAT(peer.allowed,
              ElementsAre(*Prefix::Parse("10.2.2.0/24"), *Prefix::Parse("10.3.2.0/24"),
                          *Prefix::Parse("fd00:3:0:2::/64")));
}

TEST(WireguardTest, AnUnderlayIsLookedForWithWhatTheModeNeeds) {
  const auto choices = [](const Scenario& scenario) { return UnderlayChoices(scenario.network); };
  const std::vector<Family> v4 = {Family::kV4}, v6 = {Family::kV6},
                            both = {Family::kV4, Family::kV6};
  EXPECT_THAT(choices(InMode("separate")), ElementsAre(both));
  EXPECT_THAT(choices(InMode("separate", false)), ElementsAre(v4));
  EXPECT_THAT(choices(InMode("ipv4")), ElementsAre(v4));
  EXPECT_THAT(choices(InMode("ipv6", false)), ElementsAre(v6));
  EXPECT_THAT(choices(InMode("auto", false)), ElementsAre(both, v4, v6));
  // A standby is served if that can be.
  Scenario changing = InMode("ipv6", false);
  changing.network.standby = *CompleteBackend({"vxlan", {}});
  EXPECT_THAT(choices(changing), ElementsAre(both, v6));
  std::swap(changing.network.backend, *changing.network.standby);
  EXPECT_THAT(choices(changing), ElementsAre(both, v4));
}

}  // namespace
}  // namespace heddle::node
