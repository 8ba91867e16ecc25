#include "node/host/host_facts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Ip Addr(const std::string& text) { return *Ip::Parse(text); }

HostInventory::Address On(const std::string& prefix) {
  HostInventory::Address address;
  address.address = Addr(prefix.substr(0, prefix.find('/')));
  address.prefix_length = Prefix::Parse(prefix)->length();
  return address;
}

HostInventory::Link Link(int index, std::string name, std::vector<HostInventory::Address> addresses,
                         int mtu_bytes = 1500) {
  return {index, std::move(name), mtu_bytes, true, false, std::move(addresses)};
}

HostInventory::Route Via(const std::string& destination, int link_index,
                         const std::string& gateway = "", std::uint32_t metric = 0) {
  HostInventory::Route route;
  route.destination = *Prefix::Parse(destination);
  route.link_index = link_index;
  route.metric = metric;
  if (!gateway.empty()) route.gateway = Addr(gateway);
  return route;
}

// A host with two interfaces, dual-stack, the default routes through eth0, and our own device.
HostInventory Host() {
  HostInventory host;
  HostInventory::Link lo = Link(1, "lo", {On("127.0.0.1/8"), On("::1/128")}, 65536);
  lo.loopback = true;
  host.links = {lo, Link(2, "eth0", {On("192.0.2.5/24"), On("fe80::5/64"), On("2001:db8::5/64")}),
                Link(3, "eth1", {On("198.51.100.5/24"), On("2001:db8:1::5/64")}, 9000),
                Link(4, "heddle.1", {On("10.3.4.0/32")}, 1450)};
  host.routes = {Via("0.0.0.0/0", 2, "192.0.2.1"),    Via("192.0.2.0/24", 2),
                 Via("198.51.100.0/24", 3),           Via("203.0.113.0/24", 3, "198.51.100.1"),
                 Via("::/0", 2, "2001:db8::1", 1024), Via("2001:db8::/64", 2)};
  return host;
}

HostFacts Selected(const HostInventory& host, const UnderlayOptions& options, bool ipv4 = true,
                   bool ipv6 = false) {
  const auto facts = SelectUnderlay(host, options, ipv4, ipv6);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.ok() ? *facts : HostFacts{};
}

std::string Refusal(const HostInventory& host, const UnderlayOptions& options, bool ipv4 = true,
                    bool ipv6 = false) {
  const auto facts = SelectUnderlay(host, options, ipv4, ipv6);
  EXPECT_FALSE(facts.ok()) << facts->underlay_link;
  return facts.ok() ? "" : std::string(facts.status().message());
}

UnderlayOptions Iface(std::vector<std::string> entries) {
  UnderlayOptions options;
  options.iface = std::move(entries);
  return options;
}
UnderlayOptions Regex(std::vector<std::string> patterns) {
  UnderlayOptions options;
  options.iface_regex = std::move(patterns);
  return options;
}
UnderlayOptions Reach(const std::string& target) {
  UnderlayOptions options;
  options.iface_can_reach = Addr(target);
  return options;
}
UnderlayOptions PublicIp(const std::string& ip) {
  UnderlayOptions options;
  options.public_address[Addr(ip).family()] = Addr(ip);
  return options;
}

TEST(SelectUnderlayTest, TheDefaultRouteDecides) {
  const HostFacts facts = Selected(Host(), {});
  EXPECT_EQ(facts.underlay_link, "eth0");
  EXPECT_EQ(facts.underlay_mtu_bytes, 1500);
  EXPECT_EQ(facts.source_address[Family::kV4], Addr("192.0.2.5"));
  EXPECT_EQ(facts.public_address, facts.source_address);
  EXPECT_FALSE(facts.source_address[Family::kV6]) << "was not asked for";
  EXPECT_THAT(facts.onlink_prefixes, ElementsAre(*Prefix::Parse("192.0.2.0/24")));
  EXPECT_TRUE(facts.has_nexthop_objects);
}

TEST(SelectUnderlayTest, TheDefaultRouteOfLowestMetricDecides) {
  HostInventory host = Host();
  host.routes[0].metric = 100;
  host.routes.push_back(Via("0.0.0.0/0", 3, "198.51.100.1", 50));
  EXPECT_EQ(Selected(host, {}).underlay_link, "eth1");
}

TEST(SelectUnderlayTest, Ipv6Alone) {
  const HostFacts facts = Selected(Host(), {}, false, true);
  EXPECT_EQ(facts.source_address[Family::kV6], Addr("2001:db8::5")) << "global before link-local";
  EXPECT_FALSE(facts.source_address[Family::kV4]);
}

TEST(SelectUnderlayTest, DualStackWantsOneInterfaceWithBothDefaultRoutes) {
  EXPECT_EQ(Selected(Host(), {}, true, true).underlay_link, "eth0");
  HostInventory split = Host();
  split.routes[4].link_index = 3;
  const std::string refusal = Refusal(split, {}, true, true);
  EXPECT_THAT(refusal, HasSubstr("eth0 has the default route of IPv4 only"));
  EXPECT_THAT(refusal, HasSubstr("eth1 has the default route of IPv6 only"));
  // An interface that has both, even if neither is the best, serves.
  split.routes.push_back(Via("0.0.0.0/0", 3, "198.51.100.1", 900));
  EXPECT_EQ(Selected(split, {}, true, true).underlay_link, "eth1");
}

TEST(SelectUnderlayTest, IfaceByNameAndByAddressInTheOrderGiven) {
  EXPECT_EQ(Selected(Host(), Iface({"eth1"})).underlay_link, "eth1");
  EXPECT_EQ(Selected(Host(), Iface({"198.51.100.5"})).underlay_link, "eth1");
  EXPECT_EQ(Selected(Host(), Iface({"eth7", "eth1", "eth0"})).underlay_link, "eth1");
}

TEST(SelectUnderlayTest, TheAddressThatIfaceNamesIsTheSource) {
  HostInventory host = Host();
  host.links[1].addresses.push_back(On("192.0.2.77/24"));
  const HostFacts facts = Selected(host, Iface({"192.0.2.77"}), true, true);
  EXPECT_EQ(facts.source_address[Family::kV4], Addr("192.0.2.77"));
  EXPECT_EQ(facts.source_address[Family::kV6], Addr("2001:db8::5"));
}

TEST(SelectUnderlayTest, AnInterfaceThatLacksAFamilyIsPassedOver) {
  HostInventory host = Host();
  host.links.push_back(Link(5, "eth2", {On("203.0.113.5/24")}));
  EXPECT_EQ(Selected(host, Iface({"eth2", "eth1"}), true, true).underlay_link, "eth1");
  EXPECT_THAT(Refusal(host, Iface({"eth2"}), true, true),
              HasSubstr("eth2 (up, MTU 1500, 203.0.113.5/24) has no usable IPv6 address"));
}

TEST(SelectUnderlayTest, RegexLooksAtAddressesFirstThenNames) {
  EXPECT_EQ(Selected(Host(), Regex({"^198\\.51\\."})).underlay_link, "eth1");
  EXPECT_EQ(Selected(Host(), Regex({"^eth1$"})).underlay_link, "eth1");
  HostInventory host = Host();
  host.links.push_back(Link(5, "br198", {On("203.0.113.5/24")}));
  EXPECT_EQ(Selected(host, Regex({"198"})).underlay_link, "eth1") << "by address, before br198";
  EXPECT_EQ(Selected(host, Regex({"nothing", "br.*"})).underlay_link, "br198");
}

TEST(SelectUnderlayTest, TheAddressThatRegexMatchesIsTheSource) {
  HostInventory host = Host();
  host.links[1].addresses.push_back(On("192.0.2.77/24"));
  EXPECT_EQ(Selected(host, Regex({"\\.77$"})).source_address[Family::kV4], Addr("192.0.2.77"));
}

TEST(SelectUnderlayTest, IfaceComesBeforeRegexBeforeCanReach) {
  UnderlayOptions options = Iface({"missing"});
  options.iface_regex = {"eth1"};
  options.iface_can_reach = Addr("192.0.2.9");
  EXPECT_EQ(Selected(Host(), options).underlay_link, "eth1");
  options.iface_regex = {"missing"};
  EXPECT_EQ(Selected(Host(), options).underlay_link, "eth0");
}

TEST(SelectUnderlayTest, CanReachIsTheLongestMatch) {
  EXPECT_EQ(Selected(Host(), Reach("203.0.113.9")).underlay_link, "eth1");
  EXPECT_EQ(Selected(Host(), Reach("203.0.114.9")).underlay_link, "eth0");
  EXPECT_EQ(Selected(Host(), Reach("198.51.100.5")).underlay_link, "eth1") << "the host's own";
  HostInventory host = Host();
  host.routes.push_back(Via("203.0.113.0/24", 2, "192.0.2.1", 50));
  EXPECT_EQ(Selected(host, Reach("203.0.113.9")).underlay_link, "eth1") << "the lower metric";
}

TEST(SelectUnderlayTest, CanReachTakesTheRoutesPreferredSource) {
  HostInventory host = Host();
  host.links[2].addresses.push_back(On("198.51.100.77/24"));
  host.routes[3].source = Addr("198.51.100.77");
  EXPECT_EQ(Selected(host, Reach("203.0.113.9")).source_address[Family::kV4],
            Addr("198.51.100.77"));
}

TEST(SelectUnderlayTest, APublicAddressThatIsLocalSelectsItsInterface) {
  const HostFacts facts = Selected(Host(), PublicIp("198.51.100.5"));
  EXPECT_EQ(facts.underlay_link, "eth1");
  EXPECT_EQ(facts.source_address[Family::kV4], Addr("198.51.100.5"));
}

TEST(SelectUnderlayTest, APublicAddressElsewhereIsAnnouncedButNotSentFrom) {
  const HostFacts facts = Selected(Host(), PublicIp("203.0.113.200"));
  EXPECT_EQ(facts.underlay_link, "eth0");
  EXPECT_EQ(facts.public_address[Family::kV4], Addr("203.0.113.200"));
  EXPECT_EQ(facts.source_address[Family::kV4], Addr("192.0.2.5"));
}

TEST(SelectUnderlayTest, APublicAddressDoesNotOutrankIface) {
  UnderlayOptions options = PublicIp("198.51.100.5");
  options.iface = {"eth0"};
  const HostFacts facts = Selected(Host(), options);
  EXPECT_EQ(facts.underlay_link, "eth0");
  EXPECT_EQ(facts.source_address[Family::kV4], Addr("192.0.2.5"));
  EXPECT_EQ(facts.public_address[Family::kV4], Addr("198.51.100.5"));
}

TEST(SelectUnderlayTest, APublicAddressOfTheWrongFamilyIsRefused) {
  UnderlayOptions options;
  options.public_address[Family::kV4] = Addr("2001:db8::9");
  EXPECT_THAT(Refusal(Host(), options), HasSubstr("--public-ip 2001:db8::9 is not an IPv4"));
}

// Each defect alone makes the address the second choice, and the only choice when it is alone.
TEST(SelectUnderlayTest, TheBestOfSeveralAddresses) {
  using Defect = void (*)(HostInventory::Address*);
  const Defect defects[] = {
      [](auto* a) { a->deprecated = true; }, [](auto* a) { a->temporary = true; },
      [](auto* a) { a->dynamic = true; }, [](auto* a) { a->address = Addr("fe80::99"); }};
  for (const Defect defect : defects) {
    HostInventory host = Host();
    HostInventory::Address lesser = On("2001:db8::66/64");
    defect(&lesser);
    host.links[1].addresses = {lesser, On("2001:db8::5/64")};
    EXPECT_EQ(Selected(host, {}, false, true).source_address[Family::kV6], Addr("2001:db8::5"));
    host.links[1].addresses = {lesser};
    EXPECT_EQ(Selected(host, {}, false, true).source_address[Family::kV6], lesser.address);
  }
}

TEST(SelectUnderlayTest, AmongEqualsTheKernelsOrder) {
  HostInventory host = Host();
  host.links[1].addresses = {On("192.0.2.9/24"), On("192.0.2.5/24")};
  // In IPv4 the address with a lifetime is the host's own, from DHCP.
  host.links[1].addresses[0].dynamic = true;
  EXPECT_EQ(Selected(host, {}).source_address[Family::kV4], Addr("192.0.2.9"));
}

TEST(SelectUnderlayTest, ATentativeAddressIsNone) {
  HostInventory host = Host();
  host.links[1].addresses = {On("2001:db8::5/64")};
  host.links[1].addresses[0].tentative = true;
  EXPECT_THAT(Refusal(host, {}, false, true), HasSubstr("2001:db8::5/64 tentative"));
}

TEST(SelectUnderlayTest, AnMtuOfZeroIsRefused) {
  HostInventory host = Host();
  host.links[1].mtu_bytes = 0;
  EXPECT_THAT(Refusal(host, {}), HasSubstr("has an MTU of 0"));
}

TEST(SelectUnderlayTest, OurOwnDevicesAndLoopbackAreNeverChosen) {
  HostInventory host = Host();
  host.routes = {Via("0.0.0.0/0", 4), Via("0.0.0.0/0", 1), Via("0.0.0.0/0", 3, "198.51.100.1", 9)};
  EXPECT_EQ(Selected(host, {}).underlay_link, "eth1");
  EXPECT_EQ(Selected(host, Reach("203.0.113.9")).underlay_link, "eth1");
  EXPECT_THAT(Refusal(host, Iface({"heddle.1"})), HasSubstr("--iface heddle.1: no interface"));
  EXPECT_THAT(Refusal(host, Regex({"^10\\.3\\.", "^127\\.", "^lo$"})), HasSubstr("matches no"));
  EXPECT_EQ(Selected(host, PublicIp("10.3.4.0")).underlay_link, "eth1");
}

TEST(SelectUnderlayTest, ErrorsListWhatWasLookedAt) {
  HostInventory host = Host();
  host.routes.clear();
  const std::string refusal = Refusal(host, {});
  EXPECT_THAT(refusal, HasSubstr("there is no default route"));
  EXPECT_THAT(refusal, HasSubstr("eth1 (up, MTU 9000, 198.51.100.5/24, 2001:db8:1::5/64)"));
  EXPECT_THAT(refusal, HasSubstr("--iface"));
  EXPECT_THAT(refusal, testing::Not(HasSubstr("heddle.1")));
  EXPECT_THAT(Refusal(host, Reach("203.0.113.9")), HasSubstr("no route to it"));
  EXPECT_THAT(Refusal({}, {}), HasSubstr("The host's interfaces: none"));
}

TEST(SelectUnderlayTest, AWrongRegularExpressionIsNamed) {
  const auto facts = SelectUnderlay(Host(), Regex({"eth(0"}), true, false);
  EXPECT_EQ(facts.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(facts.status().message()), HasSubstr("'eth(0'"));
}

TEST(SelectUnderlayTest, ANetworkWithoutFamiliesIsRefused) {
  EXPECT_EQ(SelectUnderlay(Host(), {}, false, false).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace heddle::node
