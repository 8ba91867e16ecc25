// On the real kernel, in namespaces of its own.

#include "node/dataplane/kernel.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/private_network.h"
#include "node/state/describe.h"
#include "node/state/link_names.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;
using Kind = Operation::Kind;

constexpr std::uint32_t kVni = 61;

// Everything of one family: underlay, overlay and rules.
class KernelTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    auto opened = OpenKernelDataplane();
    ASSERT_EQ(opened.status(), absl::OkStatus());
    kernel_ = *std::move(opened);
  }

  // 10.9.0.0/16 or fd09::/48, in subnets.
  Prefix Subnet(int n) const {
    return GetParam() == Family::kV4
               ? Prefix(Ip(Family::kV4, 0x0a090000u + (n << 8)), 24)
               : Prefix(Ip(Family::kV6, (absl::uint128(0xfd09) << 112) + (absl::uint128(n) << 64)),
                        64);
  }
  Ip Remote(int n) const {
    const Ip first = TestUnderlayAddress(GetParam());
    return Ip(GetParam(), first.number() + n);
  }
  Mac PeerMac(int n) const { return Mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}}; }
  std::string device() const { return LinkName(GetParam(), kVni); }

  NetworkState Self() const {
    VxlanLink vxlan;
    vxlan.vni = kVni;
    vxlan.port = 8472;
    vxlan.lower = kTestUnderlay;
    vxlan.local = TestUnderlayAddress(GetParam());
    NetworkState state;
    state.links[device()] = Link{vxlan, PeerMac(0xee), 1400, true};
    state.sysctls[absl::StrCat("net/ipv6/conf/", device(), "/accept_ra")] = "0";
    state.addresses[{device(), Subnet(1).base()}] = {BitsOf(GetParam())};
    state.rules[GetParam()] = {{Subnet(0)}, {Subnet(1)}, true, true};
    return state;
  }

  void AddPeer(int n, NetworkState* state) const {
    const Ip gateway = Subnet(n).base();
    state->fdb[{device(), PeerMac(n)}] = {Remote(n)};
    state->neighbours[{device(), gateway}] = {PeerMac(n)};
    state->nexthops[0x40000000u + n] = {device(), gateway, true};
    state->routes[{Subnet(n), 0}] = {0x40000000u + n};
  }

  // One of each kind of object, and of each shape that it has.
  NetworkState Full() const {
    NetworkState state = Self();
    AddPeer(2, &state);
    AddPeer(3, &state);
    state.features_off[{device(), kTransmitChecksum}] = {};
    state.nexthops[0x40000009u] = {kTestUnderlay, Remote(9), false};
    state.routes[{Subnet(9), 0}] = {0x40000009u};
    state.routes[{Subnet(10), 0}] = {RouteVia{kTestUnderlay, Remote(10), false}};
    state.routes[{Subnet(11), 7}] = {RouteVia{device(), Subnet(3).base(), true}};
    return state;
  }

  NetworkState Read() {
    auto state = kernel_->Read();
    EXPECT_EQ(state.status(), absl::OkStatus());
    return state.ok() ? *std::move(state) : NetworkState();
  }

  // Brings the kernel to `desired` and checks that it is there.
  void Converge(const NetworkState& desired) {
    for (const Failure& failure : kernel_->Apply(Diff(Read(), desired))) {
      ADD_FAILURE() << failure.status;
    }
    const NetworkState actual = Read();
    EXPECT_EQ(actual.ToString(), desired.ToString());
    EXPECT_TRUE(actual == desired);
    EXPECT_TRUE(Diff(actual, desired).empty());
  }

  static std::string FailureText(const std::vector<Failure>& failures) {
    std::string text;
    for (const Failure& f : failures) absl::StrAppend(&text, f.status.ToString(), "\n");
    return text;
  }

  void Shell(const std::string& command) { ASSERT_EQ(RunShell(command), absl::OkStatus()); }

  std::unique_ptr<KernelDataplane> kernel_;
};

INSTANTIATE_TEST_SUITE_P(Families, KernelTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

TEST_P(KernelTest, StartsEmptyAndIgnoresForeigners) {
  Shell("ip link add flannel.1 type vxlan id 1 dstport 4789 dev under0");
  Shell("ip link add heddle.7 type bridge");  // our name, not our kind
  Shell("ip link set flannel.1 up");
  Shell("bridge fdb append 02:00:00:00:00:01 dev flannel.1 dst 192.0.2.77");
  Shell("ip neigh add 10.9.9.9 lladdr 02:00:00:00:00:01 dev flannel.1 nud permanent");
  Shell("ip route add 10.200.0.0/16 via 192.0.2.9");
  Shell("ip nexthop add id 5 via 192.0.2.9 dev under0");
  Shell("ip route add 10.201.0.0/16 via 192.0.2.9 proto 104 table 99");
  Shell("nft add table ip other");
  EXPECT_EQ(Read().ToString(), "");
}

TEST_P(KernelTest, ReadsBackWhatItWrote) { Converge(Full()); }

TEST_P(KernelTest, WritesEveryVariantOfALink) {
  for (int variant = 0; variant < 8; ++variant) {
    NetworkState state = Self();
    Link& link = state.links.begin()->second;
    VxlanLink& vxlan = std::get<VxlanLink>(link.kind);
    vxlan.learning = variant & 1;
    vxlan.gbp = variant & 2;
    if (variant & 4) vxlan.port = 4789;
    Converge(state);
  }
}

TEST_P(KernelTest, HasNoLinkLocalAddressAndNoRouterAdvertisements) {
  Converge(Self());
  const auto addresses = OutputOf("ip -6 address show scope link dev " + device());
  ASSERT_TRUE(addresses.ok());
  EXPECT_EQ(*addresses, "");
}

TEST_P(KernelTest, PutsBackEachObjectThatIsTakenAway) {
  const NetworkState full = Full();
  Converge(full);
  ForEachTable([&](auto table) {
    for (const auto& [key, value] : full.*table) {
      SCOPED_TRACE(Describe(key, value));
      NetworkState less = full;
      (less.*table).erase(key);
      const Operation removal{Kind::kRemove, std::make_pair(key, value)};
      EXPECT_TRUE(kernel_->Apply({removal}).empty());
      const NetworkState after = Read();
      constexpr bool kSetting = std::is_same_v<std::decay_t<decltype(value)>, std::string>;
      EXPECT_EQ((after.*table).contains(key), kSetting);
      EXPECT_TRUE(kernel_->Apply({removal}).empty()) << "nothing to remove is success";
      Converge(full);
    }
  });
}

TEST_P(KernelTest, ChangesEachObject) {
  Converge(Full());
  NetworkState changed = Full();
  Link& link = changed.links.begin()->second;
  link.mtu_bytes = 1350;
  Converge(changed);
  link.mac = PeerMac(0xdd);
  Converge(changed);
  changed.fdb.begin()->second.remote = Remote(20);
  changed.neighbours.begin()->second.mac = PeerMac(21);
  changed.nexthops[0x40000002u].gateway = Subnet(3).base();
  changed.routes[{Subnet(2), 0}] = {RouteVia{device(), Subnet(3).base(), true}};
  changed.routes[{Subnet(10), 0}] = {0x40000009u};
  changed.rules[GetParam()].forward = false;
  Converge(changed);
  std::get<VxlanLink>(link.kind).port = 4789;  // cannot be changed: made anew
  Converge(changed);
  Converge(NetworkState());
}

TEST_P(KernelTest, AnMtuChangeLosesNothingOnTheWay) {
  Converge(Full());
  NetworkState changed = Full();
  changed.links.begin()->second.mtu_bytes = 1350;
  const std::vector<Operation> operations = Diff(Full(), changed);
  ASSERT_EQ(operations.size(), 1u);
  EXPECT_TRUE(kernel_->Apply(operations).empty());
  EXPECT_EQ(Read().ToString(), changed.ToString());
}

// A peer that was reached directly and now is through the tunnel, and back.
TEST_P(KernelTest, MovesAPeerFromOneLinkToAnother) {
  NetworkState direct = Self(), tunnelled = Self();
  AddPeer(2, &tunnelled);
  direct.nexthops[0x40000002u] = {kTestUnderlay, Remote(2), false};
  direct.routes[{Subnet(2), 0}] = {0x40000002u};
  for (const NetworkState& state : {direct, tunnelled, direct}) Converge(state);
  for (auto* state : {&direct, &tunnelled}) {
    const Nexthop nexthop = state->nexthops.begin()->second;
    state->nexthops.clear();
    state->routes[{Subnet(2), 0}] = {RouteVia{nexthop.link, nexthop.gateway, nexthop.onlink}};
  }
  for (const NetworkState& state : {direct, tunnelled, direct}) Converge(state);
}

// What the kernel forgets on which event, and what others may do to our objects.
TEST_P(KernelTest, RepairsDrift) {
  const std::string d = device();
  const std::string six = GetParam() == Family::kV6 ? "-6 " : "-4 ";
  const std::string base = Subnet(1).base().ToString();
  for (const std::string& event : std::vector<std::string>{
           absl::StrCat("ip link set ", d, " down; ip link set ", d, " up"),
           absl::StrCat("ip link set ", d, " down"),
           absl::StrCat("ip link set ", d, " address 02:00:00:00:00:44"),
           absl::StrCat("ip address flush dev ", d), absl::StrCat("ip link delete ", d),
           absl::StrCat("ip link set ", d, " mtu 1300"),
           absl::StrCat("ip link set under0 down; ip link set under0 up; "
                        "ip address replace 2001:db8::1/64 nodad dev under0"),
           absl::StrCat("ip ", six, "route delete ", Subnet(2).ToString(), " proto 104"),
           std::string("ip nexthop flush proto 104"),
           absl::StrCat("ip neigh flush nud permanent dev ", d),
           absl::StrCat("bridge fdb del ", PeerMac(2).ToString(), " dev ", d),
           absl::StrCat("bridge fdb replace ", PeerMac(2).ToString(), " dev ", d, " dst ",
                        Remote(33).ToString(), " port 9999"),
           absl::StrCat("bridge fdb append 00:00:00:00:00:00 dev ", d, " dst ",
                        Remote(34).ToString()),
           absl::StrCat("ip address delete ", base, " dev ", d, "; ip address add ", base, "/",
                        BitsOf(GetParam()) - 8, " dev ", d),
           absl::StrCat("ip ", six, "route replace blackhole ", Subnet(2).ToString(), " proto 104"),
           absl::StrCat("sysctl -w net/ipv6/conf/", d, "/accept_ra=2"),
           absl::StrCat("ethtool -K ", d, " tx-checksum-ip-generic on")}) {
    SCOPED_TRACE(event);
    Converge(Full());
    Shell(event);
    EXPECT_FALSE(Read() == Full()) << "the event should be seen";
    Converge(Full());
  }
}

TEST_P(KernelTest, ReplacesWhatTheKernelItselfResolvedOnOurLinks) {
  Converge(Self());
  Shell(absl::StrCat("ip neigh add ", Subnet(2).base().ToString(), " dev ", device(),
                     " lladdr 02:00:00:00:00:99 nud reachable"));
  Shell(absl::StrCat("bridge fdb add ", PeerMac(2).ToString(), " dev ", device(), " dst ",
                     Remote(9).ToString(), " dynamic"));
  NetworkState desired = Self();
  AddPeer(2, &desired);
  Converge(desired);
}

TEST_P(KernelTest, LeavesAForeignersRouteAndNexthopAlone) {
  const std::string six = GetParam() == Family::kV6 ? "-6 " : "";
  Shell(
      absl::StrCat("ip ", six, "route add ", Subnet(2).ToString(), " via ", Remote(50).ToString()));
  Shell(absl::StrCat("ip ", six, "nexthop add id ", 0x40000003u, " via ", Remote(50).ToString(),
                     " dev under0"));
  NetworkState desired = Self();
  AddPeer(2, &desired);
  AddPeer(3, &desired);
  const std::vector<Failure> failures = kernel_->Apply(Diff(Read(), desired));
  ASSERT_GE(failures.size(), 2u);
  const absl::Status& last = failures.back().status;
  EXPECT_TRUE(absl::IsAlreadyExists(last) || GetParam() == Family::kV6) << last;
  EXPECT_THAT(FailureText(failures), HasSubstr("another program holds it"));
  EXPECT_TRUE(kernel_->Apply(Diff(desired, Self())).empty());
  const auto routes = OutputOf(absl::StrCat("ip ", six, "route show ", Subnet(2).ToString()));
  EXPECT_THAT(routes.value_or(""), HasSubstr(Remote(50).ToString()));
  const auto nexthop = OutputOf(absl::StrCat("ip nexthop show id ", 0x40000003u));
  EXPECT_THAT(nexthop.value_or(""), HasSubstr(Remote(50).ToString()));
}

TEST_P(KernelTest, AFailedObjectStopsOnlyWhatStandsOnIt) {
  NetworkState desired = Self();
  for (int n = 2; n < 200; ++n) AddPeer(n, &desired);
  desired.nexthops[0x40000064u].link = "absent0";                    // peer 100
  desired.fdb[{device(), PeerMac(101)}].remote = Ip(GetParam(), 0);  // no destination
  const std::vector<Failure> failures = kernel_->Apply(Diff({}, desired));
  EXPECT_THAT(FailureText(failures), HasSubstr("link absent0 does not exist"));
  const NetworkState actual = Read();
  EXPECT_EQ(actual.routes.size(), desired.routes.size() - 1);
  EXPECT_EQ(actual.neighbours.size(), desired.neighbours.size());
}

TEST_P(KernelTest, DoesNotTouchAForeignDeviceOfOurName) {
  Shell(absl::StrCat("ip link add ", device(), " type bridge"));
  const std::vector<Failure> failures = kernel_->Apply(Diff(Read(), Self()));
  ASSERT_FALSE(failures.empty());
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kAlreadyExists) << failures[0].status;
  EXPECT_TRUE(kernel_->Apply(Diff(Self(), {})).empty());
  const auto link = OutputOf("ip -d link show " + device());
  EXPECT_THAT(link.value_or(""), HasSubstr("bridge"));
  EXPECT_THAT(link.value_or(""), HasSubstr("state DOWN"));
}

}  // namespace
}  // namespace heddle::node
