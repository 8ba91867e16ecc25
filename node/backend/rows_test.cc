// What each row announces, refuses and leaves for pods.
#include "api/backend_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/backend/backend.h"
#include "node/backend/scenario.h"
#include "node/backend/vtep_mac.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<Advertisement> Advertise(const Scenario& scenario) {
  return Announce(scenario.network, scenario.identity(), scenario.host).advertisement;
}

absl::StatusOr<int> PodMtu(const Scenario& scenario) {
  return PodMtuBytes(scenario.network, scenario.host);
}

void ExpectRefused(const Scenario& scenario, const std::string& why) {
  const auto advertisement = Advertise(scenario);
  EXPECT_EQ(advertisement.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(advertisement.status().message()), HasSubstr(why));
}

// With both families, where the backend carries both.
Scenario WidestScenario(const Backend& backend) {
  const std::string type(backend.type);
  return heddle::FindBackend(type)->ipv4_only ? Ipv4Scenario(type) : DualStackScenario(type);
}

TEST(AdvertiseTest, EveryBackendAnnouncesThePublicAddressOfEachFamily) {
  for (const Backend& backend : Backends()) {
    const Scenario scenario = WidestScenario(backend);
    const auto advertisement = Advertise(scenario);
    ASSERT_TRUE(advertisement.ok()) << advertisement.status();
    EXPECT_EQ(*advertisement, scenario.self.advertisement);
  }
}

TEST(AdvertiseTest, AMissingFamilyIsRefusedNamingTheFlag) {
  for (const Backend& backend : Backends()) {
    Scenario scenario = WidestScenario(backend);
    if (scenario.network.ranges[Family::kV6]) {
      scenario.host.public_address[Family::kV6].reset();
      ExpectRefused(scenario, "--public-ipv6");
    }
    scenario = WidestScenario(backend);
    scenario.host.public_address[Family::kV4].reset();
    ExpectRefused(scenario, "--public-ip,");
    scenario = Ipv4Scenario(std::string(backend.type));
    scenario.host.source_address[Family::kV4].reset();
    ExpectRefused(scenario, "--iface");
  }
}

TEST(AdvertiseTest, AFamilyThatTheNetworkLacksIsNotAnnounced) {
  Scenario scenario = Ipv4Scenario("vxlan");
  scenario.host.public_address[Family::kV6] = *Ip::Parse("2001:db8::1");
  EXPECT_FALSE(Advertise(scenario)->public_address[Family::kV6]);
}

TEST(AdvertiseTest, OnlyHostGwRefusesAddressTranslation) {
  Scenario scenario = Ipv4Scenario("vxlan");
  scenario.host.public_address[Family::kV4] = *Ip::Parse("203.0.113.9");
  EXPECT_EQ(Advertise(scenario)->public_address[Family::kV4], *Ip::Parse("203.0.113.9"));
  scenario.network.backend = *CompleteBackend({"host-gw", {}});
  ExpectRefused(scenario, "203.0.113.9");
  ExpectRefused(scenario, "--public-ip");
}

TEST(IpipTest, RefusesAnIpv6RangeWithWhatToDo) {
  const Scenario scenario = DualStackScenario("ipip");
  ExpectRefused(scenario, "fd00:3::/48");
  ExpectRefused(scenario, "EnableIPv6");
  EXPECT_THAT(Problems(scenario.input(), scenario.peers),
              testing::Each(HasSubstr("which is not IPv4")));
  EXPECT_EQ(Problems(scenario.input(), scenario.peers).size(), 3u);
}

TEST(IpipTest, SendsFromTheSourceAddressAndNotFromTheAnnouncedOne) {
  Scenario scenario = Ipv4Scenario("ipip");
  scenario.host.public_address[Family::kV4] = *Ip::Parse("203.0.113.9");
  EXPECT_EQ(Advertise(scenario)->public_address[Family::kV4], *Ip::Parse("203.0.113.9"));
  const Link link = PlanSelf(scenario.input()).links.at("heddle.ipip");
  EXPECT_EQ(std::get<IpipLink>(link.kind).local, *Ip::Parse("192.0.2.1"));
}

class ExtensionTest : public testing::Test {
 protected:
  ExtensionTest() {
    identity_.node_id = scenario_.self.node_id;
    identity_.runs_commands = true;
  }
  void SetOption(const char* key, const char* command) {
    scenario_.network.backend.options[key] = std::string(command);
  }
  absl::StatusOr<Advertisement> Advertise() const {
    return Announce(scenario_.network, identity_, scenario_.host).advertisement;
  }
  const Peer& peer() const { return scenario_.peers.begin()->second; }

  Scenario scenario_ = Ipv4Scenario("extension");
  Identity identity_;
};

TEST_F(ExtensionTest, AHostThatDoesNotAllowCommandsRefusesEachOfThem) {
  identity_.runs_commands = false;
  EXPECT_TRUE(Advertise().ok()) << "there is none";
  for (const char* key :
       {"PreStartupCommand", "PostStartupCommand", "SubnetAddCommand", "SubnetRemoveCommand"}) {
    SetOption(key, "true");
    const absl::Status status = Advertise().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << key;
    EXPECT_THAT(std::string(status.message()),
                testing::AllOf(HasSubstr(key), HasSubstr("--allow-extension-commands")));
    SetOption(key, "");
  }
  SetOption("ShutdownCommand", "true");
  EXPECT_TRUE(Advertise().ok()) << "it is never run";
}

TEST_F(ExtensionTest, AnnouncesWhatPreStartupPrintedAndNothingBeforeIt) {
  SetOption("PreStartupCommand", "true");
  EXPECT_EQ(Advertise().status().code(), absl::StatusCode::kFailedPrecondition);
  identity_.extension_backend_data = "key";
  EXPECT_EQ(Advertise()->extension_backend_data, "key");
}

TEST_F(ExtensionTest, APeersDatumIsPartOfItsHook) {
  SetOption("SubnetAddCommand", "true");
  const NetworkState before = PlanPeer(scenario_.input(), peer());
  Peer changed = peer();
  changed.advertisement.extension_backend_data = "key";
  const NetworkState after = PlanPeer(scenario_.input(), changed);
  ASSERT_EQ(after.hooks.size(), 1u);
  EXPECT_EQ(after.hooks.begin()->first, before.hooks.begin()->first);
  EXPECT_FALSE(after == before);
  EXPECT_EQ(after.hooks.begin()->second.input, "key\n");
}

TEST_F(ExtensionTest, WithoutCommandsNothingIsPlanned) {
  EXPECT_TRUE(PlanPeer(scenario_.input(), peer()).empty());
  EXPECT_TRUE(PlanSelf(scenario_.input()).hooks.empty());
}

// While the backend changes, the standby is for peers that do not run the network's own yet.
TEST_F(ExtensionTest, APeerThatRunsItNeedsNoRouteThroughTheStandby) {
  SetOption("SubnetAddCommand", "true");
  scenario_.network.standby = *CompleteBackend({"host-gw", {}});
  scenario_.self.advertisement.standby_type = "host-gw";
  Peer both = peer(), only_standby = peer();
  both.advertisement.standby_type = "host-gw";
  only_standby.advertisement.backend_type = "host-gw";
  const NetworkState by_commands = PlanPeer(scenario_.input(), both);
  EXPECT_EQ(by_commands.hooks.size(), 1u);
  EXPECT_TRUE(by_commands.routes.empty());
  const NetworkState by_standby = PlanPeer(scenario_.input(), only_standby);
  EXPECT_TRUE(by_standby.hooks.empty());
  EXPECT_EQ(by_standby.routes.size(), 1u);
}

TEST(HostGwTest, APeerBehindARouterIsAProblemWithAName) {
  const Scenario scenario = DualStackScenario("host-gw");
  EXPECT_THAT(Problems(scenario.input(), scenario.peers),
              ElementsAre(testing::AllOf(HasSubstr("node-4"), HasSubstr("198.51.100.4")),
                          testing::AllOf(HasSubstr("node-4"), HasSubstr("2001:db8:1::4"))));
}

TEST(PodMtuTest, IsTheUnderlaysLessTheOverheadOfTheDearestFamily) {
  EXPECT_EQ(*PodMtu(Ipv4Scenario("vxlan")), 1450);
  EXPECT_EQ(*PodMtu(Ipv6Scenario("vxlan")), 1430);
  EXPECT_EQ(*PodMtu(DualStackScenario("vxlan")), 1430);
  EXPECT_EQ(*PodMtu(DualStackScenario("host-gw")), 1500);
  EXPECT_EQ(*PodMtu(DualStackScenario("alloc")), 1500);
  EXPECT_EQ(*PodMtu(Ipv4Scenario("ipip")), 1480);
  EXPECT_EQ(*PodMtu(Ipv4Scenario("wireguard")), 1420);
  EXPECT_EQ(*PodMtu(DualStackScenario("wireguard")), 1420);
  EXPECT_EQ(*PodMtu(Ipv4Scenario("udp")), 1472);
  EXPECT_EQ(*PodMtu(Ipv6Scenario("udp")), 1452);
  EXPECT_EQ(*PodMtu(DualStackScenario("udp")), 1452);
  EXPECT_EQ(*PodMtu(DualStackScenario("extension")), 1500);
}

TEST(PodMtuTest, TheOptionStandsForTheUnderlaysButCannotRaiseIt) {
  Scenario scenario = Ipv4Scenario("vxlan");
  scenario.network.backend.options["MTU"] = std::int64_t{1400};
  EXPECT_EQ(*PodMtu(scenario), 1350);
  EXPECT_THAT(Problems(scenario.input(), {}), ElementsAre());
  scenario.network.backend.options["MTU"] = std::int64_t{9000};
  EXPECT_EQ(*PodMtu(scenario), 1450);
  EXPECT_THAT(Problems(scenario.input(), {}),
              ElementsAre(HasSubstr("MTU 9000 is above the 1500 bytes of eth0")));
}

TEST(PodMtuTest, AStandbysOptionAboveTheUnderlaysIsToldToo) {
  Scenario scenario = Ipv4Scenario("host-gw");
  scenario.network.standby = *CompleteBackend({"vxlan", {}});
  EXPECT_THAT(Problems(scenario.input(), {}), ElementsAre());
  scenario.network.standby->options["MTU"] = std::int64_t{9000};
  EXPECT_THAT(Problems(scenario.input(), {}),
              ElementsAre(HasSubstr("vxlan: backend option MTU 9000 is above the 1500 bytes")));
}

TEST(PodMtuTest, TooLittleForAFamilyIsRefused) {
  Scenario scenario = DualStackScenario("vxlan");
  scenario.host.underlay_mtu_bytes = 1350;
  EXPECT_EQ(*PodMtu(scenario), 1280);
  scenario.host.underlay_mtu_bytes = 1349;
  EXPECT_EQ(PodMtu(scenario).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(PodMtu(scenario).status().message()), HasSubstr("IPv6 needs 1280"));
  scenario.network.ranges[Family::kV6].reset();
  EXPECT_EQ(*PodMtu(scenario), 1299);
}

TEST(VtepMacTest, IsStableLocalAndUnicast) {
  EXPECT_EQ(DeriveVtepMac("node-1", 1, "").ToString(), "72:6f:d2:61:fb:07");
  for (int number = 0; number < 200; ++number) {
    const Mac mac = DeriveVtepMac("node-" + std::to_string(number), 7, "");
    EXPECT_FALSE(mac.is_multicast());
    EXPECT_TRUE(mac.bytes[0] & 2);
  }
  EXPECT_NE(DeriveVtepMac("node-1", 1, ""), DeriveVtepMac("node-1", 2, ""));
  EXPECT_NE(DeriveVtepMac("node-1", 1, ""), DeriveVtepMac("node-2", 1, ""));
}

TEST(VtepMacTest, APrefixReplacesTheFirstBytes) {
  const std::string whole = DeriveVtepMac("node-1", 1, "").ToString();
  EXPECT_EQ(DeriveVtepMac("node-1", 1, "0E-2A").ToString(), "0e:2a" + whole.substr(5));
  EXPECT_EQ(DeriveVtepMac("node-1", 1, "00:15:5D").ToString(), "00:15:5d" + whole.substr(8));
  // What the schema refuses does no harm here.
  for (const char* bad : {"01:00", "zz:zz", "x", "0e:2a:00:00:00:00:00:00"}) {
    EXPECT_EQ(DeriveVtepMac("node-1", 1, bad).ToString(), whole) << bad;
  }
}

// The link has the address that the peers were told, so that a change of VNI or MacPrefix cuts
// nobody off before it has been announced.
TEST(VxlanTest, TheLinkHasTheAnnouncedMac) {
  Scenario scenario = Ipv4Scenario("vxlan");
  const auto mac = [&] { return PlanSelf(scenario.input()).links.at("heddle.1").mac; };
  scenario.self.advertisement.vtep_mac = *Mac::Parse("0e:2a:00:00:00:99");
  EXPECT_EQ(mac().ToString(), "0e:2a:00:00:00:99");
  scenario.self.advertisement.vtep_mac = {};
  EXPECT_EQ(mac(), DeriveVtepMac("node-1", 1, ""));
}

}  // namespace
}  // namespace heddle::node
