#include "node/state/diff.h"

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/state/dependents.h"
#include "node/state/kernel_model.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using Kind = Operation::Kind;

constexpr char kUnderlay[] = "eth0";

Ip Address4(int n) { return Ip(Family::kV4, 0x0a000000u + n); }
Mac MacOf(int n) { return Mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}}; }

Link VxlanOn(int vni, Ip local, int mac) {
  VxlanLink vxlan;
  vxlan.vni = vni;
  vxlan.port = 8472;
  vxlan.lower = kUnderlay;
  vxlan.local = local;
  return Link{vxlan, MacOf(mac), 1450, true};
}

std::vector<std::string> Lines(const std::vector<Operation>& operations) {
  std::vector<std::string> lines;
  for (const Operation& operation : operations) lines.push_back(operation.ToString());
  return lines;
}

// One vxlan device with one peer, as a backend plans it.
NetworkState OnePeer() {
  NetworkState state;
  state.links["heddle.1"] = VxlanOn(1, Address4(1), 1);
  state.sysctls["net/ipv6/conf/heddle.1/accept_ra"] = "0";
  state.addresses[{"heddle.1", Address4(256)}] = {32};
  state.fdb[{"heddle.1", MacOf(2)}] = {Address4(2)};
  state.neighbours[{"heddle.1", Address4(512)}] = {MacOf(2)};
  state.nexthops[7] = {"heddle.1", Address4(512), true};
  state.routes[{Prefix(Address4(512), 24), 0}] = {std::uint32_t{7}};
  state.rules[Family::kV4] = {{Prefix(Address4(0), 8)}, {Prefix(Address4(256), 24)}, true, true};
  return state;
}

TEST(Diff, MakesWhatIsStoodUponFirst) {
  EXPECT_THAT(Lines(Diff({}, OnePeer())),
              ElementsAre("add rules IPv4 cluster 10.0.0.0/8 pods 10.0.1.0/24 masquerade forward",
                          "add link heddle.1 vxlan vni 1 port 8472 lower eth0 local 10.0.0.1 mac "
                          "02:00:00:00:00:01 mtu 1450 up",
                          "add sysctl net/ipv6/conf/heddle.1/accept_ra = 0",
                          "add address 10.0.1.0/32 on heddle.1",
                          "add fdb 02:00:00:00:00:02 to 10.0.0.2 on heddle.1",
                          "add neighbour 10.0.2.0 is 02:00:00:00:00:02 on heddle.1",
                          "add nexthop 7 via 10.0.2.0 on heddle.1 onlink",
                          "add route 10.0.2.0/24 nexthop 7"));
}

TEST(Diff, RemovesInReverseAndLeavesToTheLinkWhatGoesWithIt) {
  const std::vector<std::string> lines = Lines(Diff(OnePeer(), {}));
  ASSERT_EQ(lines.size(), 4u) << absl::StrJoin(lines, "\n");
  EXPECT_TRUE(absl::StartsWith(lines[0], "remove route"));
  EXPECT_TRUE(absl::StartsWith(lines[1], "remove nexthop"));
  EXPECT_TRUE(absl::StartsWith(lines[2], "remove link"));
  EXPECT_TRUE(absl::StartsWith(lines[3], "remove rules"));
}

// A node that hears of a wider network and of a node in its new part at once: a packet between the
// two changes must not be taken for one that leaves the cluster.
TEST(Diff, WidensTheRulesBeforeARouteLeadsToTheNewPart) {
  NetworkState grown = OnePeer();
  grown.rules[Family::kV4].cluster = {Prefix(Address4(0), 7)};
  grown.routes[{Prefix(Address4(1 << 24), 24), 0}] = {std::uint32_t{7}};
  EXPECT_THAT(
      Lines(Diff(OnePeer(), grown)),
      ElementsAre("change rules IPv4 cluster 10.0.0.0/7 pods 10.0.1.0/24 masquerade forward",
                  "add route 11.0.0.0/24 nexthop 7"));
}

TEST(Diff, RemovesOnePeerAndNothingElse) {
  NetworkState with = OnePeer(), without = OnePeer();
  without.fdb.clear();
  without.neighbours.clear();
  without.nexthops.clear();
  without.routes.clear();
  EXPECT_THAT(Lines(Diff(with, without)),
              ElementsAre("remove route 10.0.2.0/24 nexthop 7",
                          "remove nexthop 7 via 10.0.2.0 on heddle.1 onlink",
                          "remove neighbour 10.0.2.0 is 02:00:00:00:00:02 on heddle.1",
                          "remove fdb 02:00:00:00:00:02 to 10.0.0.2 on heddle.1"));
}

TEST(Diff, MakesALinkAnewWithAllThatStandsOnIt) {
  NetworkState desired = OnePeer();
  std::get<VxlanLink>(desired.links["heddle.1"].kind).port = 4789;
  const std::vector<Operation> operations = Diff(OnePeer(), desired);
  ASSERT_EQ(operations.size(), 10u) << absl::StrJoin(Lines(operations), "\n");
  EXPECT_TRUE(absl::StartsWith(operations[0].ToString(), "remove route"));
  EXPECT_TRUE(absl::StartsWith(operations[1].ToString(), "remove nexthop"));
  EXPECT_TRUE(absl::StartsWith(operations[2].ToString(), "remove link"));
  for (std::size_t i = 3; i < operations.size(); ++i) EXPECT_EQ(operations[i].kind, Kind::kAdd);
}

TEST(Diff, PlansTheNeighboursOfALinkAgainWhoseMacChanges) {
  NetworkState desired = OnePeer();
  desired.links["heddle.1"].mac = MacOf(9);
  const std::vector<Operation> operations = Diff(OnePeer(), desired);
  ASSERT_FALSE(operations.empty());
  EXPECT_TRUE(absl::StartsWith(operations[0].ToString(), "change link"));
  NetworkState state = OnePeer();
  ApplyTo(&state, operations);
  EXPECT_TRUE(state == desired) << state.ToString();
}

TEST(Diff, ChangesAnAddressByRemovingIt) {
  NetworkState actual = OnePeer();
  actual.addresses.begin()->second.prefix_length = 24;
  const std::vector<std::string> lines = Lines(Diff(actual, OnePeer()));
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0], "remove address 10.0.1.0/24 on heddle.1");
  EXPECT_EQ(lines[1], "add address 10.0.1.0/32 on heddle.1");
}

TEST(Diff, MovesARouteBeforeItsOldNexthopGoes) {
  NetworkState desired = OnePeer();
  desired.nexthops.clear();
  desired.nexthops[8] = {"heddle.1", Address4(512), true};
  desired.routes.begin()->second.via = std::uint32_t{8};
  EXPECT_THAT(Lines(Diff(OnePeer(), desired)),
              ElementsAre("add nexthop 8 via 10.0.2.0 on heddle.1 onlink",
                          "change route 10.0.2.0/24 nexthop 8",
                          "remove nexthop 7 via 10.0.2.0 on heddle.1 onlink"));
}

// A kernel that refuses what the real one would refuse or be slow at.
class StrictKernel {
 public:
  explicit StrictKernel(NetworkState state) : state(std::move(state)) {}

  testing::AssertionResult Apply(const Operation& operation) {
    absl::Status status = Admit(state, {kUnderlay}, operation);
    if (status.ok()) status = CheckOrder(operation);
    if (!status.ok()) return testing::AssertionFailure() << operation.ToString() << ": " << status;
    ApplyTo(&state, {operation});
    return testing::AssertionSuccess();
  }

  NetworkState state;

 private:
  // What the kernel is slow to drop with an object must be gone before it; and nothing that was
  // never there is removed.
  absl::Status CheckOrder(const Operation& operation) const {
    if (operation.kind != Kind::kRemove) return absl::OkStatus();
    if (const auto* link = std::get_if<std::pair<std::string, Link>>(&operation.object)) {
      return CheckNothingOn(link->first);
    }
    if (const auto* nexthop = std::get_if<std::pair<std::uint32_t, Nexthop>>(&operation.object)) {
      for (const auto& [key, route] : state.routes) {
        if (route == Route{nexthop->first}) return absl::FailedPreconditionError("a route uses it");
      }
    }
    // A neighbour may have gone with its link's old MAC.
    if (std::holds_alternative<std::pair<NeighbourKey, Neighbour>>(operation.object)) {
      return absl::OkStatus();
    }
    NetworkState without = state;
    ApplyTo(&without, {operation});
    return without == state ? absl::NotFoundError("it is not there") : absl::OkStatus();
  }

  absl::Status CheckNothingOn(const std::string& link) const {
    for (const auto& [key, route] : state.routes) {
      if (LinkOf(state, key, route) == link) return absl::FailedPreconditionError("it has routes");
    }
    for (const auto& [id, nexthop] : state.nexthops) {
      if (nexthop.link == link) return absl::FailedPreconditionError("it has nexthops");
    }
    return absl::OkStatus();
  }
};

class RandomState {
 public:
  explicit RandomState(unsigned seed)
      : random_(seed), family_(seed % 2 ? Family::kV6 : Family::kV4) {}

  NetworkState Next() {
    NetworkState state;
    std::vector<std::string> links = {kUnderlay};
    for (int vni = 1; vni <= 3; ++vni) {
      if (Pick(3) == 0) continue;
      const std::string name = LinkName(Family::kV4, vni);
      state.links[name] = VxlanOn(vni, Address4(Pick(6) == 0), Pick(2));
      state.links[name].mtu_bytes = 1400 + Pick(2);
      state.sysctls[absl::StrCat("net/ipv6/conf/", name, "/accept_ra")] = "0";
      links.push_back(name);
      FillLink(name, &state);
    }
    if (Pick(2)) {
      AddTun(&state);
      links.push_back(kUdpLinkName);
    }
    for (int n = 0; n < 12; ++n) FillRoutes(n, links, &state);
    for (Family family : kFamilies) {
      if (Pick(2)) state.rules[family].masquerade = Pick(2);
    }
    return state;
  }

 private:
  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void FillLink(const std::string& name, NetworkState* state) {
    for (int n = 0; n < 4; ++n) {
      const Ip address = Address4(n);
      if (Pick(3)) state->addresses[{name, address}] = {Pick(4) ? 32 : 24};
      if (Pick(2)) state->fdb[{name, MacOf(n)}] = {Address4(Pick(3))};
      if (Pick(2)) state->neighbours[{name, address}] = {MacOf(Pick(3))};
    }
  }

  void AddTun(NetworkState* state) {
    state->links[kUdpLinkName] = Link{TunLink{Pick(4) != 0}, Mac{}, 1400 + Pick(2), true};
    state->udp_listeners[{kUdpLinkName, family_}] = {
        Address4(Pick(2)), 8285, {Prefix(Address4(256 * Pick(2)), 24)}};
    for (int n = 0; n < 4; ++n) {
      const Prefix subnet(Address4(256 * n), 24);
      if (Pick(2)) state->udp_tunnels[{kUdpLinkName, subnet}] = {Address4(Pick(3)), 8285};
    }
  }

  void FillRoutes(int n, const std::vector<std::string>& links, NetworkState* state) {
    const Prefix destination(Ip(family_, (absl::uint128(0xfd) << 120) * (family_ == Family::kV6) +
                                             (absl::uint128(n + 1) << 8)),
                             BitsOf(family_) - 8);
    const std::uint32_t id = 100 + n;
    state->nexthops[id] = {links[Pick(links.size())], destination.at(Pick(3)), Pick(2) == 1};
    const RouteKey key{destination, static_cast<std::uint32_t>(n % 2)};
    if (Pick(4)) {
      state->routes[key] = {id};
    } else {
      state->routes[key] = {RouteVia{links[Pick(links.size())], destination.at(1), true}};
    }
    if (std::holds_alternative<RouteVia>(state->routes[key].via) && Pick(2)) {
      state->nexthops.erase(id);
    }
    if (Pick(4) == 0) state->routes.erase(key);
  }

  std::mt19937 random_;
  const Family family_;
};

NetworkState OneUdpPeer() {
  NetworkState state;
  state.links[kUdpLinkName] = Link{TunLink{}, Mac{}, 1472, true};
  state.addresses[{kUdpLinkName, Address4(256)}] = {32};
  state.udp_listeners[{kUdpLinkName, Family::kV4}] = {
      Address4(1), 8285, {Prefix(Address4(256), 24)}};
  state.udp_tunnels[{kUdpLinkName, Prefix(Address4(512), 24)}] = {Address4(2), 8285};
  state.nexthops[7] = {kUdpLinkName, Ip(Family::kV4, 0), false};
  state.routes[{Prefix(Address4(512), 24), 0}] = {std::uint32_t{7}};
  return state;
}

// No packet comes to the device before there is somebody who carries it on.
TEST(Diff, AUdpTunnelIsThereBeforeTheRouteToIt) {
  EXPECT_THAT(
      Lines(Diff({}, OneUdpPeer())),
      ElementsAre("add link heddle.udp tun mtu 1472 up", "add address 10.0.1.0/32 on heddle.udp",
                  "add udp listener 10.0.0.1 port 8285 subnets 10.0.1.0/24 on heddle.udp",
                  "add udp tunnel 10.0.2.0/24 to 10.0.0.2 port 8285 on heddle.udp",
                  "add nexthop 7 on heddle.udp", "add route 10.0.2.0/24 nexthop 7"));
  EXPECT_THAT(Lines(Diff(OneUdpPeer(), {})),
              ElementsAre("remove route 10.0.2.0/24 nexthop 7", "remove nexthop 7 on heddle.udp",
                          "remove link heddle.udp tun mtu 1472 up"));
}

TEST(Diff, ATunDeviceOfAnotherMakeIsMadeAnewWithItsListenersAndTunnels) {
  NetworkState actual = OneUdpPeer();
  actual.links[kUdpLinkName].kind = TunLink{/*persistent=*/false};
  const std::vector<Operation> operations = Diff(actual, OneUdpPeer());
  EXPECT_EQ(operations.size(), 9u) << absl::StrJoin(Lines(operations), "\n");
  EXPECT_THAT(Lines(operations),
              testing::Contains("remove link heddle.udp tun not persistent mtu 1472 up"));
  NetworkState state = actual;
  ApplyTo(&state, operations);
  EXPECT_TRUE(state == OneUdpPeer()) << state.ToString();
}

TEST(Diff, AListenerOfOtherSubnetsIsChangedAndNothingElse) {
  NetworkState desired = OneUdpPeer();
  desired.udp_listeners.begin()->second.subnets.push_back(Prefix(Address4(1024), 24));
  EXPECT_THAT(Lines(Diff(OneUdpPeer(), desired)),
              ElementsAre("change udp listener 10.0.0.1 port 8285 subnets 10.0.1.0/24,10.0.4.0/24 "
                          "on heddle.udp"));
}

// As when the backend changes to vxlan: no moment without the route, though IPv6 refuses the
// gateway while the route leads there another way.
TEST(Diff, AnIpv6PeerChangesItsLinkWithoutLosingItsRoute) {
  const Prefix subnet = *Prefix::Parse("fd00:3:0:7::/64");
  NetworkState actual;
  actual.links["heddle6.1"] = VxlanOn(1, *Ip::Parse("2001:db8::1"), 1);
  actual.nexthops[7] = {"eth0", *Ip::Parse("2001:db8::7"), false};
  actual.routes[{subnet, 0}] = {std::uint32_t{7}};
  NetworkState desired = actual;
  desired.nexthops[7] = {"heddle6.1", subnet.base(), true};
  StrictKernel kernel(actual);
  for (const Operation& operation : Diff(actual, desired)) {
    ASSERT_TRUE(kernel.Apply(operation));
    EXPECT_TRUE(kernel.state.routes.contains({subnet, 0})) << operation.ToString();
  }
  EXPECT_TRUE(kernel.state == desired) << kernel.state.ToString();
}

TEST(Diff, BringsAnyStateToAnyOther) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    RandomState random(seed);
    const NetworkState actual = random.Next(), desired = random.Next();
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    EXPECT_TRUE(Diff(actual, actual).empty());
    StrictKernel kernel(actual);
    for (const Operation& operation : Diff(actual, desired)) ASSERT_TRUE(kernel.Apply(operation));
    ASSERT_TRUE(kernel.state == desired) << kernel.state.ToString() << "\nwanted:\n"
                                         << desired.ToString();
    ASSERT_TRUE(Diff(kernel.state, desired).empty());
  }
}

TEST(Diff, LeavesASettingThatIsNoLongerWanted) {
  NetworkState actual = OnePeer(), desired = OnePeer();
  desired.sysctls.clear();
  EXPECT_TRUE(Diff(actual, desired).empty());
}

TEST(LinkNames, FitTheKernelAndAreRecognised) {
  EXPECT_EQ(LinkName(Family::kV4, 1), "heddle.1");
  EXPECT_EQ(LinkName(Family::kV6, 1), "heddle6.1");
  EXPECT_EQ(LinkName(Family::kV4, 16777215), "heddle.16777215");
  EXPECT_EQ(LinkName(Family::kV6, 16777215), "heddle616777215");
  for (Family underlay : kFamilies) {
    for (std::uint32_t vni : {0u, 1u, 61u, 999999u, 9999999u, 16777215u}) {
      EXPECT_TRUE(IsOurLinkName(LinkName(underlay, vni))) << LinkName(underlay, vni);
      EXPECT_LE(LinkName(underlay, vni).size(), 15u);
    }
  }
  EXPECT_TRUE(IsOurLinkName(kUdpLinkName));
  for (const char* name :
       {"", "heddle", "heddle.", "heddle1", "heddle.01", "heddle.16777216", "heddle.1x",
        "heddle.udp1", "heddle.-1", "heddle. 1", "flannel.1", "xheddle.1"}) {
    EXPECT_FALSE(IsOurLinkName(name)) << name;
  }
}

}  // namespace
}  // namespace heddle::node
