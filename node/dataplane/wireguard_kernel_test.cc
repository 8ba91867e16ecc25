// WireGuard on the real kernel: two nodes in namespaces of their own, and what is between them.
// A kernel without WireGuard skips these and says so; tests/guest runs them on one that has it.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/kernel_watch.h"
#include "node/dataplane/private_network.h"
#include "node/state/link_names.h"
#include "node/state/roamed_endpoints.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = Operation::Kind;

constexpr std::uint16_t kPort = 51820;
constexpr char kDevice[] = "heddle.wg";
static_assert(sizeof(kDevice) == sizeof(kWireguardLinkName));

WireguardSecret SecretOf(int node) {
  const char* folder = std::getenv("TEST_TMPDIR");
  const auto secret = LoadOrMakeWireguardSecret(
      absl::StrCat(folder == nullptr ? "/tmp" : folder, "/wireguard_kernel_test.", node));
  EXPECT_EQ(secret.status(), absl::OkStatus());
  return secret.ok() ? *secret : WireguardSecret{};
}

void Shell(const std::string& command) { EXPECT_EQ(RunShell(command), absl::OkStatus()); }

std::unique_ptr<KernelDataplane> OpenWith(const WireguardSecret& secret) {
  KernelOptions options;
  options.wireguard = secret;
  auto opened = OpenKernelDataplane(options);
  EXPECT_EQ(opened.status(), absl::OkStatus());
  return *std::move(opened);
}

// A namespace, and the dataplane in it. Everything but making one is to be done after Enter().
class Node {
 public:
  Node(const std::string& namespace_file, int number)
      : netns_(open(namespace_file.c_str(), O_RDONLY | O_CLOEXEC)), secret_(SecretOf(number)) {
    Enter();
    kernel_ = OpenWith(secret_);
  }
  ~Node() { close(netns_); }

  void Enter() { ASSERT_EQ(setns(netns_, CLONE_NEWNET), 0); }
  // As a restart of heddle-node does.
  void Reopen() { kernel_ = OpenWith(secret_); }

  NetworkState Read() {
    auto state = kernel_->Read();
    EXPECT_EQ(state.status(), absl::OkStatus());
    return state.ok() ? *std::move(state) : NetworkState();
  }
  std::vector<Failure> Apply(const std::vector<Operation>& operations) {
    return kernel_->Apply(operations);
  }
  // Brings the kernel to `desired` and checks that it is there. Settings have no absence.
  void Converge(const NetworkState& desired) {
    for (const Failure& failure : Apply(Diff(Read(), desired))) ADD_FAILURE() << failure.status;
    NetworkState actual = Read();
    actual.sysctls.clear();
    EXPECT_EQ(actual.ToString(), desired.ToString());
    EXPECT_THAT(Diff(actual, desired), IsEmpty());
  }
  KernelDataplane* kernel() { return kernel_.get(); }
  const WireguardKey& key() const { return secret_.public_key; }

 private:
  const int netns_;
  const WireguardSecret secret_;
  std::unique_ptr<KernelDataplane> kernel_;
};

class WireguardKernelTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    if (!RunShell("ip link add wg-probe type wireguard && ip link delete wg-probe").ok()) {
      GTEST_SKIP() << "this kernel has no WireGuard; run it with //tests/guest:guest_test";
    }
    Shell("ip netns add other && ip link set under1 netns other");
    Shell(
        "ip -n other link set lo up && ip -n other link set under1 up && "
        "ip -n other address add 192.0.2.2/24 dev under1 && "
        "ip -n other address add 2001:db8::2/64 nodad dev under1");
    one_ = std::make_unique<Node>("/proc/thread-self/ns/net", 1);
    other_ = std::make_unique<Node>("/run/netns/other", 2);
    one_->Enter();
  }

  // 10.9.0.0/16 or fd09::/48, in subnets.
  Prefix Subnet(int n) const {
    return GetParam() == Family::kV4
               ? Prefix(Ip(Family::kV4, 0x0a090000u + (n << 8)), 24)
               : Prefix(Ip(Family::kV6, (absl::uint128(0xfd09) << 112) + (absl::uint128(n) << 64)),
                        64);
  }
  Ip Underlay(int n) const {
    return Ip(GetParam(), TestUnderlayAddress(GetParam()).number() + n - 1);
  }
  WireguardPeerKey PeerKey(const WireguardKey& key) const { return {kDevice, key}; }
  static WireguardKey KeyOf(int n) {
    WireguardKey key;
    key.bytes[0] = static_cast<std::uint8_t>(n);
    key.bytes[1] = static_cast<std::uint8_t>(n >> 8);
    key.bytes[2] = 9;
    return key;
  }

  NetworkState Self(int n, const WireguardKey& key) const {
    NetworkState state;
    state.links[kDevice] = Link{WireguardLink{}, Mac{}, 1420, true};
    state.wireguard_devices[kDevice] = {key, kPort};
    state.addresses[{kDevice, Subnet(n).base()}] = {BitsOf(GetParam())};
    return state;
  }
  void AddPeer(int n, const WireguardKey& key, NetworkState* state) const {
    WireguardPeer peer;
    peer.endpoint = Underlay(n);
    peer.endpoint_port = kPort;
    peer.allowed = {Subnet(n)};
    state->wireguard_peers[PeerKey(key)] = peer;
    state->nexthops[0x40000000u + n] = {kDevice, Ip(GetParam(), 0), false};
    state->routes[{Subnet(n), 0}] = {0x40000000u + n};
  }
  NetworkState OneWithOther() const {
    NetworkState state = Self(1, one_->key());
    AddPeer(2, other_->key(), &state);
    return state;
  }

  // Both nodes as they should be, and a session between them. Leaves us on node one.
  void Connect() {
    NetworkState state = Self(2, other_->key());
    AddPeer(1, one_->key(), &state);
    other_->Enter();
    other_->Converge(state);
    one_->Enter();
    one_->Converge(OneWithOther());
    Ping(2);
    EXPECT_TRUE(OtherIsAlive());
  }
  void Ping(int n) {
    Shell(absl::StrCat("ping -n -c 3 -i 0.2 -W 20 ", Subnet(n).base().ToString()));
  }
  bool OtherIsAlive() { return one_->Read().wireguard_peers[PeerKey(other_->key())].is_alive; }

  std::unique_ptr<Node> one_, other_;
};

INSTANTIATE_TEST_SUITE_P(Families, WireguardKernelTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

TEST_P(WireguardKernelTest, ReadsBackWhatItWrote) {
  NetworkState state = Self(1, one_->key());
  for (int n : {2, 3, 4}) AddPeer(n, KeyOf(n), &state);
  WireguardPeer& peer = state.wireguard_peers[PeerKey(KeyOf(3))];
  peer.allowed = {*Prefix::Parse("10.200.0.0/30"), Subnet(3), *Prefix::Parse("fd77::/64")};
  std::sort(peer.allowed.begin(), peer.allowed.end());
  peer.keepalive_seconds = 25;
  peer.preshared_key = KeyOf(77);
  one_->Converge(state);
  peer.preshared_key = {};
  peer.keepalive_seconds = 0;
  peer.allowed = {Subnet(3)};
  peer.endpoint = Underlay(30);
  state.wireguard_devices[kDevice].listen_port = 4500;
  one_->Converge(state);
  state.wireguard_peers.erase(PeerKey(KeyOf(2)));
  one_->Converge(state);
  one_->Converge({});
}

// A dump of this size takes many messages, and so does the one peer with many prefixes.
TEST_P(WireguardKernelTest, ReadsManyPeersWhole) {
  NetworkState state = Self(1, one_->key());
  for (int n = 2; n < 1000; ++n) {
    WireguardPeer& peer = state.wireguard_peers[PeerKey(KeyOf(n))];
    peer.endpoint = Underlay(2);
    peer.endpoint_port = static_cast<std::uint16_t>(n);
    const int prefixes = n == 500 ? static_cast<int>(kMaxAllowedPrefixes) : n % 4;
    for (int i = 0; i < prefixes; ++i) peer.allowed.push_back(Subnet(n * 2048 + i));
    if (GetParam() == Family::kV4) {
      for (int i = 0; i < prefixes; ++i) {
        const unsigned base = 0x20000000u + (static_cast<unsigned>(n) << 14) + (i << 2);
        peer.allowed[i] = Prefix(Ip(Family::kV4, base), 30);
      }
    }
  }
  one_->Converge(state);
}

TEST_P(WireguardKernelTest, CarriesPackets) {
  Connect();
  other_->Enter();
  Ping(1);
}

TEST_P(WireguardKernelTest, ARestartFindsNothingToDo) {
  Connect();
  one_->Reopen();
  EXPECT_THAT(Diff(one_->Read(), OneWithOther()), IsEmpty());
  EXPECT_TRUE(OtherIsAlive());
}

// With the underlay cut no session can be made anew, so one that is alive was kept.
TEST_P(WireguardKernelTest, ChangesKeepTheSession) {
  Connect();
  Shell("ip -n other link set under1 down");
  NetworkState state = OneWithOther();
  for (int n = 3; n < 300; ++n) AddPeer(n, KeyOf(n), &state);
  one_->Converge(state);
  WireguardPeer& peer = state.wireguard_peers[PeerKey(other_->key())];
  peer.endpoint = Underlay(77);
  peer.keepalive_seconds = 10;
  peer.allowed.push_back(Subnet(200));
  std::sort(peer.allowed.begin(), peer.allowed.end());
  state.wireguard_peers.erase(PeerKey(KeyOf(200)));
  one_->Converge(state);
  state.wireguard_devices[kDevice].listen_port = 4500;
  for (int n = 3; n < 100; ++n) state.wireguard_peers.erase(PeerKey(KeyOf(n)));
  one_->Converge(state);
  EXPECT_TRUE(OtherIsAlive());
  // What does not keep it is seen here.
  NetworkState without = state;
  without.wireguard_peers.erase(PeerKey(other_->key()));
  one_->Converge(without);
  one_->Converge(state);
  EXPECT_FALSE(OtherIsAlive());
}

TEST_P(WireguardKernelTest, AChangeWithoutAnEndpointLeavesIt) {
  NetworkState state = OneWithOther();
  one_->Converge(state);
  WireguardPeer silent = state.wireguard_peers[PeerKey(other_->key())];
  silent.endpoint.reset();
  silent.keepalive_seconds = 7;
  EXPECT_THAT(one_->Apply({{Kind::kChange, std::make_pair(PeerKey(other_->key()), silent)}}),
              IsEmpty());
  state.wireguard_peers[PeerKey(other_->key())].keepalive_seconds = 7;
  EXPECT_THAT(Diff(one_->Read(), state), IsEmpty());
}

TEST_P(WireguardKernelTest, FollowsAPeerThatRoams) {
  Connect();
  const std::string from = Underlay(2).ToString(), to = Underlay(22).ToString();
  const int length = GetParam() == Family::kV4 ? 24 : 64;
  other_->Enter();
  Shell(absl::StrCat("ip address add ", to, "/", length, GetParam() == Family::kV6 ? " nodad" : "",
                     " dev under1; ip address delete ", from, "/", length,
                     " dev under1; ip address replace ", to, "/", length,
                     GetParam() == Family::kV6 ? " nodad" : "", " dev under1"));
  Ping(1);
  one_->Enter();
  const NetworkState actual = one_->Read();
  EXPECT_EQ(actual.wireguard_peers.at(PeerKey(other_->key())).endpoint, Underlay(22));
  NetworkState desired = OneWithOther();
  EXPECT_THAT(Diff(actual, desired), SizeIs(1));
  KeepRoamedEndpoints(actual, {}, &desired);
  EXPECT_THAT(Diff(actual, desired), IsEmpty());
}

TEST_P(WireguardKernelTest, RepairsWhatOthersDo) {
  const NetworkState state = OneWithOther();
  for (const char* event : {"ip link delete heddle.wg", "ip link set heddle.wg down",
                            "ip link delete heddle.wg; ip link add heddle.wg type wireguard",
                            "ip address flush dev heddle.wg", "ip link set heddle.wg mtu 1300"}) {
    SCOPED_TRACE(event);
    one_->Converge(state);
    auto watch = KernelWatch::Open();
    ASSERT_EQ(watch.status(), absl::OkStatus());
    Shell(event);
    EXPECT_TRUE(watch->Drain({one_->kernel()->netlink_port(), kTestUnderlay, nullptr}));
    EXPECT_THAT(Diff(one_->Read(), state), testing::Not(IsEmpty()));
    one_->Converge(state);
  }
}

TEST_P(WireguardKernelTest, AnotherKeyOnTheDeviceIsSeenAndReplaced) {
  one_->Converge(OneWithOther());
  NetworkState foreign = OneWithOther();
  foreign.wireguard_devices[kDevice].public_key = other_->key();
  EXPECT_THAT(OpenWith(SecretOf(2))->Apply(Diff(OneWithOther(), foreign)), IsEmpty());
  EXPECT_THAT(Diff(one_->Read(), OneWithOther()), testing::Not(IsEmpty()));
  one_->Converge(OneWithOther());
}

TEST_P(WireguardKernelTest, AKeyThatIsNotOursIsRefusedAndNothingElse) {
  NetworkState state = OneWithOther();
  state.wireguard_devices[kDevice].public_key = KeyOf(9);
  const std::vector<Failure> failures = one_->Apply(Diff({}, state));
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_THAT(std::string(failures[0].status.message()), HasSubstr("key file"));
  state.wireguard_devices.clear();
  EXPECT_THAT(Diff(one_->Read(), state), IsEmpty());
}

TEST_P(WireguardKernelTest, OneFailureStopsNoOther) {
  NetworkState state = OneWithOther();
  state.links["heddle.wg6"] = state.links[kDevice];
  state.wireguard_devices["heddle.wg6"] = {one_->key(), kPort};  // the port is taken
  for (int n = 3; n < 10; ++n) AddPeer(n, KeyOf(n), &state);
  WireguardPeer endless;
  endless.allowed.resize(kMaxAllowedPrefixes + 1);
  state.wireguard_peers[PeerKey(KeyOf(50))] = endless;
  state.wireguard_peers[{"heddle.9", KeyOf(60)}] = WireguardPeer{};  // there is no such link
  const std::vector<Failure> failures = one_->Apply(Diff({}, state));
  std::vector<std::string> texts;
  for (const Failure& failure : failures) texts.emplace_back(failure.status.message());
  EXPECT_THAT(texts, testing::UnorderedElementsAre(
                         testing::AllOf(HasSubstr("heddle.wg6"), HasSubstr("ListenPort")),
                         HasSubstr("at most 1024"), HasSubstr("heddle.9")));
  for (const Failure& failure : failures) {
    EXPECT_TRUE(failure.operation.kind == Kind::kAdd);
    ApplyTo(&state, {{Kind::kRemove, failure.operation.object}});
  }
  const NetworkState actual = one_->Read();
  for (const Operation& operation : Diff(actual, state)) ADD_FAILURE() << operation.ToString();
}

// The other half of what is skipped above.
TEST(WithoutWireguard, TheMessageNamesTheModuleAndAllElseIsDone) {
  ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
  if (RunShell("ip link add wg-probe type wireguard").ok()) {
    GTEST_SKIP() << "this kernel has WireGuard";
  }
  NetworkState state;
  state.links[kDevice] = Link{WireguardLink{}, Mac{}, 1420, true};
  state.wireguard_devices[kDevice] = {SecretOf(1).public_key, kPort};
  state.nexthops[0x40000001u] = {kTestUnderlay, TestUnderlayAddress(Family::kV4), false};
  state.nexthops[0x40000001u].gateway = *Ip::Parse("192.0.2.9");
  const auto kernel = OpenWith(SecretOf(1));
  const std::vector<Failure> failures = kernel->Apply(Diff({}, state));
  ASSERT_THAT(failures, SizeIs(2));
  for (const Failure& failure : failures) {
    EXPECT_THAT(std::string(failure.status.message()), HasSubstr("modprobe wireguard"));
  }
  const auto actual = kernel->Read();
  ASSERT_EQ(actual.status(), absl::OkStatus());
  EXPECT_THAT(actual->nexthops, SizeIs(1));
}

}  // namespace
}  // namespace heddle::node
