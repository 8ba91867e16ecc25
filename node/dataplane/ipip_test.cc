// ipip devices on the real kernel, in namespaces of its own. Skipped where the kernel has none, as
// in many containers and virtual machines; what such a host is told is checked only there.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/private_network.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;

constexpr int kPeers = 3;

Ip Local() { return TestUnderlayAddress(Family::kV4); }
Prefix Subnet(int n) { return Prefix(Ip(Family::kV4, 0x0a090000u + (n << 8)), 24); }

NetworkState Self() {
  NetworkState state;
  state.links[kIpipLinkName] = Link{IpipLink{Local()}, Mac{}, 1480, true};
  state.addresses[{kIpipLinkName, Subnet(1).base()}] = {32};
  return state;
}

NetworkState Full() {
  NetworkState state = Self();
  for (int n = 2; n < 2 + kPeers; ++n) {
    const std::uint32_t id = 0x40000000u + n;
    state.nexthops[id] = {kIpipLinkName, Ip(Family::kV4, Local().number() + n), true};
    state.routes[{Subnet(n), 0}] = {id};
  }
  return state;
}

class IpipTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    const absl::Status made = RunShell("ip link add probe type ipip local 192.0.2.77");
    has_ipip_ = made.ok();
    ASSERT_TRUE(has_ipip_ || absl::StrContains(made.message(), "Unknown device type")) << made;
    if (has_ipip_) Shell("ip link delete probe");
    auto opened = OpenKernelDataplane();
    ASSERT_EQ(opened.status(), absl::OkStatus());
    kernel_ = *std::move(opened);
  }

  // The accept_ra setting is read for every device of ours, and of an ipip none is planned: no IPv6
  // packet comes out of it.
  NetworkState Read() {
    auto state = kernel_->Read();
    EXPECT_EQ(state.status(), absl::OkStatus());
    if (!state.ok()) return {};
    state->sysctls.clear();
    return *std::move(state);
  }

  void Converge(const NetworkState& desired) {
    for (const Failure& failure : kernel_->Apply(Diff(Read(), desired))) {
      ADD_FAILURE() << failure.status;
    }
    EXPECT_EQ(Read().ToString(), desired.ToString());
    EXPECT_TRUE(Diff(Read(), desired).empty());
  }

  static void Shell(const std::string& command) { ASSERT_EQ(RunShell(command), absl::OkStatus()); }
  static std::string IndexOfDevice() {
    return OutputOf(absl::StrCat("ip -o link show ", kIpipLinkName, " | cut -d: -f1"))
        .value_or("none");
  }

  bool has_ipip_ = false;
  std::unique_ptr<KernelDataplane> kernel_;
};

#define HEDDLE_NEEDS_IPIP() \
  if (!has_ipip_) GTEST_SKIP() << "this kernel has no ipip; run it in the guest (tests/guest)"

TEST_F(IpipTest, AKernelWithoutTheModuleIsNamedWithWhatToDo) {
  if (has_ipip_) GTEST_SKIP() << "this kernel has ipip";
  const std::vector<Failure> failures = kernel_->Apply(Diff(Read(), Self()));
  ASSERT_FALSE(failures.empty());
  const std::string message(failures.front().status.message());
  EXPECT_THAT(message, HasSubstr("add link heddle.ipip ipip local 192.0.2.1"));
  EXPECT_THAT(message, HasSubstr("this kernel has no ipip: run `modprobe ipip`"));
}

TEST_F(IpipTest, ReadsBackWhatItWroteAndRemovesIt) {
  HEDDLE_NEEDS_IPIP();
  for (const NetworkState& state : {Full(), Self(), Full(), NetworkState()}) Converge(state);
}

// Loading the module puts a tunl0 into every namespace; others have tunnels of their own.
TEST_F(IpipTest, ForeignTunnelsAreNotOurs) {
  HEDDLE_NEEDS_IPIP();
  Shell("ip link add flannel.ipip type ipip local 192.0.2.9");
  Shell("ip link add heddle.ipip type gre local 192.0.2.1");  // our name, not our kind
  Shell("ip link set tunl0 up && ip address add 10.9.7.0/32 dev tunl0");
  EXPECT_EQ(Read().ToString(), "");
  const std::vector<Failure> failures = kernel_->Apply(Diff(Read(), Self()));
  ASSERT_FALSE(failures.empty());
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kAlreadyExists) << failures[0].status;
  EXPECT_TRUE(kernel_->Apply(Diff(Self(), {})).empty());
  Shell("ip -d link show heddle.ipip | grep -q gre && ip link show tunl0");
}

TEST_F(IpipTest, ATunnelFromTheSameAddressIsNamedAsInTheWay) {
  HEDDLE_NEEDS_IPIP();
  Shell("ip link add flannel.ipip type ipip local 192.0.2.1");
  const std::vector<Failure> failures = kernel_->Apply(Diff(Read(), Self()));
  ASSERT_FALSE(failures.empty());
  EXPECT_THAT(std::string(failures[0].status.message()), HasSubstr("same local address"));
  Shell("ip link delete flannel.ipip");
  Converge(Full());
}

TEST_F(IpipTest, AnotherLocalAddressMakesTheDeviceAnew) {
  HEDDLE_NEEDS_IPIP();
  Converge(Full());
  NetworkState moved = Full();
  moved.links.begin()->second.kind = IpipLink{Ip(Family::kV4, Local().number() + 100)};
  Converge(moved);
  Converge(Full());
}

TEST_F(IpipTest, AnotherMtuIsSetInPlace) {
  HEDDLE_NEEDS_IPIP();
  Converge(Full());
  const std::string index = IndexOfDevice();
  NetworkState smaller = Full();
  smaller.links.begin()->second.mtu_bytes = 1380;
  const std::vector<Operation> operations = Diff(Read(), smaller);
  EXPECT_EQ(operations.size(), 1u);
  EXPECT_TRUE(kernel_->Apply(operations).empty());
  EXPECT_EQ(Read().ToString(), smaller.ToString());
  EXPECT_EQ(IndexOfDevice(), index);
}

TEST_F(IpipTest, RepairsDrift) {
  HEDDLE_NEEDS_IPIP();
  for (const char* event : {
           "ip link delete heddle.ipip",
           "ip link set heddle.ipip down",
           "ip link set heddle.ipip down; ip link set heddle.ipip up",
           "ip link set heddle.ipip mtu 1300",
           "ip link delete heddle.ipip; ip link add heddle.ipip type ipip local 192.0.2.1 remote "
           "192.0.2.50",
           "ip link change heddle.ipip type ipip local 192.0.2.51",
           "ip address flush dev heddle.ipip",
           "ip address delete 10.9.1.0/32 dev heddle.ipip; ip address add 10.9.1.0/24 dev "
           "heddle.ipip",
           "ip nexthop flush proto 104",
           "ip route delete 10.9.2.0/24 proto 104",
       }) {
    SCOPED_TRACE(event);
    Converge(Full());
    Shell(event);
    EXPECT_FALSE(Read() == Full()) << "the event should be seen";
    Converge(Full());
  }
}

}  // namespace
}  // namespace heddle::node
