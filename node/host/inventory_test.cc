#include "node/host/inventory.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/private_network.h"
#include "node/host/inventory_decode.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class InventoryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(EnterPrivateNetwork().ok()); }

  static void Shell(const std::string& command) {
    const absl::Status done = RunShell(command);
    ASSERT_TRUE(done.ok()) << done;
  }
  static HostInventory Read() {
    auto inventory = ReadInventory();
    EXPECT_TRUE(inventory.ok()) << inventory.status();
    return inventory.ok() ? *inventory : HostInventory{};
  }
  static HostInventory::Link Link(const HostInventory& inventory, const std::string& name) {
    for (const auto& link : inventory.links) {
      if (link.name == name) return link;
    }
    ADD_FAILURE() << "no link " << name;
    return {};
  }
  static std::vector<HostInventory::Route> RoutesTo(const HostInventory& inventory,
                                                    const std::string& destination) {
    std::vector<HostInventory::Route> routes;
    for (const auto& route : inventory.routes) {
      if (route.destination == *Prefix::Parse(destination)) routes.push_back(route);
    }
    return routes;
  }
};

TEST_F(InventoryTest, ReadsLinksWithTheirAddressesInTheKernelsOrder) {
  Shell("ip link set under0 mtu 1400; ip address add 192.0.2.9/24 dev under0");
  const auto link = Link(Read(), kTestUnderlay);
  EXPECT_EQ(link.mtu_bytes, 1400);
  EXPECT_TRUE(link.up);
  EXPECT_FALSE(link.loopback);
  ASSERT_GE(link.addresses.size(), 3u);
  EXPECT_EQ(link.addresses[0].address.ToString(), "192.0.2.1");
  EXPECT_EQ(link.addresses[0].prefix_length, 24);
  EXPECT_EQ(link.addresses[1].address.ToString(), "192.0.2.9");
  EXPECT_FALSE(link.addresses[1].temporary) << "secondary is not temporary";
  EXPECT_TRUE(Link(Read(), "lo").loopback);
}

TEST_F(InventoryTest, ReadsAddressFlags) {
  Shell(
      "ip address add 2001:db8::7/64 dev under0 nodad valid_lft 1000 preferred_lft 0;"
      "ip address add 2001:db8::8/64 dev under0 nodad valid_lft 1000 preferred_lft 1000");
  std::map<std::string, HostInventory::Address> by_text;
  for (const auto& a : Link(Read(), kTestUnderlay).addresses) by_text[a.address.ToString()] = a;
  EXPECT_TRUE(by_text["2001:db8::7"].deprecated);
  EXPECT_FALSE(by_text["2001:db8::8"].deprecated);
  EXPECT_TRUE(by_text["2001:db8::8"].dynamic);
  EXPECT_FALSE(by_text["2001:db8::1"].dynamic);
}

TEST_F(InventoryTest, ReadsRoutesButNotOurs) {
  Shell(
      "ip route add default via 192.0.2.254 metric 100;"
      "ip route add 198.51.100.0/24 dev under0 src 192.0.2.1;"
      "ip route add 203.0.113.0/24 via 192.0.2.7 proto 104;"
      "ip route add blackhole 198.18.0.0/15;"
      "ip route add 198.51.101.0/24 via 192.0.2.7 table 77;"
      "ip -6 route add default via 2001:db8::fe");
  const HostInventory inventory = Read();
  const int under0 = Link(inventory, kTestUnderlay).index;
  const auto defaults = RoutesTo(inventory, "0.0.0.0/0");
  ASSERT_EQ(defaults.size(), 1u);
  EXPECT_EQ(defaults[0].metric, 100u);
  EXPECT_EQ(defaults[0].link_index, under0);
  EXPECT_EQ(defaults[0].gateway, *Ip::Parse("192.0.2.254"));
  const auto connected = RoutesTo(inventory, "198.51.100.0/24");
  ASSERT_EQ(connected.size(), 1u);
  EXPECT_FALSE(connected[0].gateway);
  EXPECT_EQ(connected[0].source, *Ip::Parse("192.0.2.1"));
  const auto ipv6 = RoutesTo(inventory, "::/0");
  ASSERT_EQ(ipv6.size(), 1u);
  EXPECT_EQ(ipv6[0].gateway, *Ip::Parse("2001:db8::fe"));
  EXPECT_THAT(RoutesTo(inventory, "203.0.113.0/24"), IsEmpty()) << "ours";
  EXPECT_THAT(RoutesTo(inventory, "198.18.0.0/15"), IsEmpty()) << "not unicast";
  EXPECT_THAT(RoutesTo(inventory, "198.51.101.0/24"), IsEmpty()) << "another table";
}

TEST_F(InventoryTest, GivesEachLegOfAMultipathRoute) {
  Shell(
      "ip link add more0 type veth peer name more1; ip link set more0 up; ip link set more1 up;"
      "ip address add 198.51.100.1/24 dev more0;"
      "ip route add default nexthop via 192.0.2.254 nexthop via 198.51.100.254");
  const HostInventory inventory = Read();
  std::vector<int> links;
  for (const auto& route : RoutesTo(inventory, "0.0.0.0/0")) links.push_back(route.link_index);
  EXPECT_THAT(links, ElementsAre(Link(inventory, "under0").index, Link(inventory, "more0").index));
}

TEST_F(InventoryTest, SeesTheGatewayOfAnotherFamily) {
  Shell("ip route add 198.51.100.0/24 via inet6 2001:db8::fe dev under0");
  const auto routes = RoutesTo(Read(), "198.51.100.0/24");
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].gateway, *Ip::Parse("2001:db8::fe"));
}

TEST_F(InventoryTest, TellsOfNexthopObjectsAsTheKernelDoes) {
  const bool kernel_has_them = RunShell("ip nexthop add id 5 blackhole").ok();
  EXPECT_EQ(Read().has_nexthop_objects, kernel_has_them);
}

TEST_F(InventoryTest, AHostWithoutAnyRouteIsEmptyAndNoError) {
  Shell("ip link del under0; ip link set lo down");
  EXPECT_THAT(Read().routes, IsEmpty());
}

// What the kernel says drives the choice end to end.
TEST_F(InventoryTest, TheUnderlayIsChosenFromWhatWasRead) {
  Shell("ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe");
  const auto facts = SelectUnderlay(Read(), {}, true, true);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->underlay_link, kTestUnderlay);
  EXPECT_EQ(facts->source_address[Family::kV4], TestUnderlayAddress(Family::kV4));
  EXPECT_EQ(facts->source_address[Family::kV6], TestUnderlayAddress(Family::kV6));
  EXPECT_THAT(facts->onlink_prefixes,
              ElementsAre(*Prefix::Parse("192.0.2.0/24"), *Prefix::Parse("2001:db8::/64"),
                          *Prefix::Parse("fe80::/64")));
}

Message MessageOf(const MessageBuilder& builder) {
  absl::string_view bytes = builder.bytes();
  return *TakeMessage(&bytes);
}

// A valid message cut at every length, and with each byte turned over, decodes or does not, but
// never looks outside (the address sanitizer would say).
TEST(InventoryDecodeTest, CutAndTurnedMessagesAreHarmless) {
  MessageBuilder builder;
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  builder.Begin(RTM_NEWROUTE, 0, header);
  rtnexthop leg{};
  leg.rtnh_len = sizeof(leg);
  leg.rtnh_ifindex = 7;
  builder.Attribute(RTA_MULTIPATH,
                    absl::string_view(reinterpret_cast<const char*>(&leg), sizeof(leg)));
  const Message whole = MessageOf(builder);
  ASSERT_EQ(DecodeHostRoutes(whole).size(), 1u);
  const std::string payload(whole.payload);
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (const bool cut : {true, false}) {
      std::string bytes = cut ? payload.substr(0, at) : payload;
      if (!cut) bytes[at] = static_cast<char>(~bytes[at]);
      for (const int type : {RTM_NEWROUTE, RTM_NEWLINK, RTM_NEWADDR}) {
        Message message = whole;
        message.type = type;
        message.payload = bytes;
        EXPECT_LE(DecodeHostRoutes(message).size(), 1u);
        DecodeHostLink(message);
        DecodeHostAddress(message);
      }
    }
  }
}

}  // namespace
}  // namespace heddle::node
