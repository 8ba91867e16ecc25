// Each scenario's whole plan, against the text in testdata. When a plan is meant to change, the new
// text is in the test's undeclared outputs (bazel-testlogs/.../test.outputs).
#include <cstdlib>

#include "api/backend_schema.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "node/backend/backend.h"
#include "node/backend/scenario.h"

namespace heddle::node {
namespace {

void ExpectGolden(const std::string& name, const Scenario& scenario) {
  const std::string text = PlanAll(scenario.input(), scenario.peers).ToString();
  const auto golden = ReadFile("node/backend/testdata/" + name + ".golden");
  EXPECT_TRUE(golden.ok()) << golden.status();
  const std::string expected = golden.ok() ? *golden : "";
  EXPECT_EQ(text, expected);
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (text != expected && outputs != nullptr) {
    EXPECT_TRUE(
        WriteFileAtomically(std::string(outputs) + "/" + name + ".golden", text, 0644).ok());
  }
}

void SetOption(const std::string& key, OptionValue value, Scenario* scenario) {
  BackendConfig config = scenario->network.backend;
  config.options[key] = std::move(value);
  const auto complete = CompleteBackend(config);
  ASSERT_TRUE(complete.ok()) << complete.status();
  scenario->network.backend = *complete;
  scenario->peers.clear();
  scenario->host = {};
  scenario->Lease(3);
}

TEST(GoldenTest, VxlanIpv4) { ExpectGolden("vxlan_ipv4", Ipv4Scenario("vxlan")); }
TEST(GoldenTest, VxlanIpv6) { ExpectGolden("vxlan_ipv6", Ipv6Scenario("vxlan")); }
TEST(GoldenTest, VxlanDualStack) { ExpectGolden("vxlan_dual_stack", DualStackScenario("vxlan")); }

TEST(GoldenTest, VxlanDirectRouting) {
  Scenario scenario = DualStackScenario("vxlan");
  scenario.network.backend.options["DirectRouting"] = true;
  ExpectGolden("vxlan_direct_routing", scenario);
}

TEST(GoldenTest, VxlanMacPrefix) {
  Scenario scenario = Ipv4Scenario("vxlan");
  SetOption("MacPrefix", std::string("0E-2A"), &scenario);
  ExpectGolden("vxlan_mac_prefix", scenario);
}

TEST(GoldenTest, VxlanOptions) {
  Scenario scenario = Ipv4Scenario("vxlan");
  SetOption("VNI", std::int64_t{16777215}, &scenario);
  SetOption("Port", std::int64_t{4789}, &scenario);
  SetOption("MTU", std::int64_t{1400}, &scenario);
  SetOption("GBP", true, &scenario);
  SetOption("Learning", true, &scenario);
  SetOption("ChecksumOffload", false, &scenario);
  ExpectGolden("vxlan_options", scenario);
}

TEST(GoldenTest, VxlanBehindAddressTranslation) {
  Scenario scenario = Ipv4Scenario("vxlan");
  scenario.host.public_address[Family::kV4] = *Ip::Parse("203.0.113.9");
  ExpectGolden("vxlan_behind_nat", scenario);
}

TEST(GoldenTest, VxlanWithoutNexthopObjects) {
  Scenario by_kernel = DualStackScenario("vxlan"), by_option = by_kernel;
  by_kernel.host.has_nexthop_objects = false;
  by_option.options.use_nexthops = false;
  ExpectGolden("vxlan_no_nexthop_objects", by_kernel);
  ExpectGolden("vxlan_no_nexthop_objects", by_option);
}

TEST(GoldenTest, HostGwIpv4) { ExpectGolden("host_gw_ipv4", Ipv4Scenario("host-gw")); }
TEST(GoldenTest, HostGwDualStack) {
  ExpectGolden("host_gw_dual_stack", DualStackScenario("host-gw"));
}

TEST(GoldenTest, Ipip) { ExpectGolden("ipip", Ipv4Scenario("ipip")); }

TEST(GoldenTest, IpipDirectRouting) {
  Scenario scenario = Ipv4Scenario("ipip");
  SetOption("DirectRouting", true, &scenario);
  scenario.peers.rbegin()->second.advertisement.public_address[Family::kV4] =
      *Ip::Parse("198.51.100.4");
  ExpectGolden("ipip_direct_routing", scenario);
}

TEST(GoldenTest, WireguardDualStack) {
  ExpectGolden("wireguard_dual_stack", DualStackScenario("wireguard"));
}

TEST(GoldenTest, WireguardOptions) {
  Scenario scenario = DualStackScenario("wireguard");
  SetOption("Mode", std::string("auto"), &scenario);
  SetOption("ListenPort", std::int64_t{4500}, &scenario);
  SetOption("MTU", std::int64_t{1400}, &scenario);
  SetOption("PersistentKeepaliveInterval", std::int64_t{25}, &scenario);
  SetOption("PSK", WireguardKey{{1, 2, 3}}.ToBase64(), &scenario);
  ExpectGolden("wireguard_options", scenario);
}

TEST(GoldenTest, UdpIpv4) { ExpectGolden("udp_ipv4", Ipv4Scenario("udp")); }
TEST(GoldenTest, UdpIpv6) { ExpectGolden("udp_ipv6", Ipv6Scenario("udp")); }

// flannel's seed configuration has this port.
TEST(GoldenTest, UdpDualStack) {
  Scenario scenario = DualStackScenario("udp");
  SetOption("Port", std::int64_t{7890}, &scenario);
  scenario.host.public_address[Family::kV4] = *Ip::Parse("203.0.113.9");
  ExpectGolden("udp_dual_stack", scenario);
}

TEST(GoldenTest, AllocWithMasquerade) {
  Scenario scenario = DualStackScenario("alloc");
  scenario.options.ip_masq = true;
  ExpectGolden("alloc_masquerade", scenario);
}

TEST(GoldenTest, ExtensionDualStack) {
  Scenario scenario = DualStackScenario("extension");
  auto& options = scenario.network.backend.options;
  options["PostStartupCommand"] = std::string("/opt/net/up $NETWORK");
  options["SubnetAddCommand"] = std::string("ip route add $SUBNET via $PUBLIC_IP metric 50");
  options["SubnetRemoveCommand"] = std::string("ip route del $SUBNET via $PUBLIC_IP metric 50");
  scenario.peers.begin()->second.advertisement.extension_backend_data = "$(reboot)";
  ExpectGolden("extension_dual_stack", scenario);
}

}  // namespace
}  // namespace heddle::node
