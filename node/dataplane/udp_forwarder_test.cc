// The udp backend on the real kernel, in a network of its own, with a forwarder that only takes
// note. What the real one does with it, tests/netns shows.
#include <poll.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder_report.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/kernel_watch.h"
#include "node/dataplane/private_network.h"
#include "node/dataplane/scripted_forwarder.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint16_t kPort = 8285;
constexpr char kLink[] = "heddle.udp";
static_assert(sizeof(kLink) == sizeof(kUdpLinkName));

Prefix Subnet(Family family, int n) {
  return family == Family::kV4
             ? Prefix(Ip(Family::kV4, 0x0a090000u + (n << 8)), 24)
             : Prefix(Ip(Family::kV6, (absl::uint128(0xfd09) << 112) + (absl::uint128(n) << 64)),
                      64);
}

void AddPeer(int n, NetworkState* state) {
  for (Family family : kFamilies) {
    const Ip remote(family, TestUnderlayAddress(family).number() + n);
    const std::uint32_t id = 0x40000000u + n + (family == Family::kV6 ? 1000 : 0);
    state->udp_tunnels[{kLink, Subnet(family, n)}] = {remote, kPort};
    state->nexthops[id] = {kLink, Ip(family, 0), false};
    state->routes[{Subnet(family, n), 0}] = {id};
  }
}

NetworkState Self() {
  NetworkState state;
  state.links[kLink] = Link{TunLink{}, Mac{}, 1452, true};
  state.sysctls["net/ipv4/conf/heddle.udp/accept_local"] = "1";
  for (Family family : kFamilies) {
    state.addresses[{kLink, Subnet(family, 1).base()}] = {BitsOf(family)};
    state.udp_listeners[{kLink, family}] = {
        TestUnderlayAddress(family), kPort, {Subnet(family, 1)}};
  }
  return state;
}

NetworkState Full() {
  NetworkState state = Self();
  AddPeer(2, &state);
  AddPeer(3, &state);
  return state;
}

std::vector<std::string> Words(const std::vector<Failure>& failures) {
  std::vector<std::string> words;
  for (const Failure& failure : failures) words.emplace_back(failure.status.message());
  return words;
}

class UdpForwarderTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    StartNode();
  }

  // As heddle-node does, again with nothing in mind.
  void StartNode() {
    KernelOptions options;
    options.forwarder = {socket_, "/nowhere/heddle-forwarder", /*takes_over=*/true};
    auto opened = OpenKernelDataplane(options);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    kernel_ = *std::move(opened);
  }

  NetworkState Read() {
    auto state = kernel_->Read();
    EXPECT_EQ(state.status(), absl::OkStatus());
    return state.ok() ? *std::move(state) : NetworkState();
  }

  std::vector<std::string> Apply(const NetworkState& desired) {
    const std::vector<Operation> operations = Diff(Read(), desired);
    return Words(kernel_->Apply(operations));
  }

  void Converge(const NetworkState& desired) {
    EXPECT_THAT(Apply(desired), IsEmpty());
    EXPECT_EQ(Read().ToString(), desired.ToString());
    EXPECT_TRUE(Diff(Read(), desired).empty());
  }

  std::unique_ptr<ScriptedForwarder> Forwarder(const std::string& version = kVersion) {
    return std::make_unique<ScriptedForwarder>(socket_, version);
  }

  bool IsHintedAt(KernelWatch* watch, absl::Duration limit) const {
    for (const absl::Time end = absl::Now() + limit; absl::Now() < end;) {
      if (watch->Drain({kernel_->netlink_port(), kTestUnderlay, nullptr})) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  static std::string LinkText() {
    return OutputOf(absl::StrCat("ip -d link show ", kLink)).value_or("none");
  }

  const std::string socket_ = "/run/forwarder.sock";  // private, as the network is
  std::unique_ptr<KernelDataplane> kernel_;
};

TEST_F(UdpForwarderTest, WhatIsSetIsReadBackAndRemoved) {
  const auto forwarder = Forwarder();
  Converge(Full());
  EXPECT_THAT(LinkText(), AllOf(HasSubstr("LOWER_UP"), HasSubstr("tun type tun"),
                                HasSubstr("multi_queue numqueues"), HasSubstr("vnet_hdr on"),
                                HasSubstr("persist on")));
  ASSERT_THAT(forwarder->changes(), SizeIs(1)) << "all listeners and tunnels at once";
  const auto state = forwarder->state();
  EXPECT_EQ(state.tunnels_size(), 4);
  EXPECT_EQ(forwarder->files().size(), state.device().queues() * 3u);
  StartNode();
  Converge(Full());
  EXPECT_THAT(forwarder->changes(), SizeIs(1)) << "a restart touches nothing";
  Converge(NetworkState());
  EXPECT_TRUE(forwarder->changes().back().forget_device());
  EXPECT_FALSE(forwarder->state().has_device());
}

TEST_F(UdpForwarderTest, ADeltaCostsOneChangeOfWhatIsNew) {
  const auto forwarder = Forwarder();
  Converge(Full());
  NetworkState before, after;
  AddPeer(4, &after);
  EXPECT_THAT(kernel_->Apply(Diff(before, after)), IsEmpty());
  NetworkState desired = Full();
  AddPeer(4, &desired);
  EXPECT_EQ(Read().ToString(), desired.ToString());
  const auto change = forwarder->changes().back();
  EXPECT_EQ(change.set_size(), 2);
  EXPECT_FALSE(change.has_device());
  EXPECT_EQ(change.listen_size() + change.readdress_size(), 0);
}

TEST_F(UdpForwarderTest, OtherSubnetsOpenNoSockets) {
  const auto forwarder = Forwarder();
  Converge(Full());
  const std::vector<ino_t> before = forwarder->files();
  NetworkState desired = Full();
  desired.udp_listeners.begin()->second.subnets.push_back(Subnet(Family::kV4, 77));
  Converge(desired);
  EXPECT_EQ(forwarder->files(), before);
  EXPECT_EQ(forwarder->changes().back().readdress_size(), 1);
  desired.udp_listeners.begin()->second.port = kPort + 1;
  EXPECT_THAT(Apply(desired), IsEmpty());
  EXPECT_EQ(forwarder->changes().back().listen_size(), 1);
}

TEST_F(UdpForwarderTest, AnAddressThatIsNotThereFailsAlone) {
  const auto forwarder = Forwarder();
  NetworkState desired = Full();
  desired.udp_listeners[{kLink, Family::kV4}].local = *Ip::Parse("192.0.2.250");
  EXPECT_THAT(Apply(desired), testing::ElementsAre(AllOf(HasSubstr("udp listener 192.0.2.250"),
                                                         HasSubstr("not on this host"))));
  EXPECT_EQ(Read().udp_tunnels.size(), 4u);
  Converge(Full());
}

// The forwarder dies: the kernel says so at once, and the next look sets all anew in another.
TEST_F(UdpForwarderTest, AForwarderThatDiedIsSeenAndItsSuccessorToldEverything) {
  auto forwarder = Forwarder();
  Converge(Full());
  auto watch = KernelWatch::Open();
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_FALSE(IsHintedAt(&*watch, absl::Milliseconds(1500))) << "nothing happens any more";
  forwarder = nullptr;
  EXPECT_TRUE(IsHintedAt(&*watch, absl::Milliseconds(900)));
  EXPECT_THAT(LinkText(), HasSubstr("NO-CARRIER"));
  forwarder = Forwarder();
  NetworkState before, after;
  AddPeer(4, &after);
  EXPECT_THAT(Words(kernel_->Apply(Diff(before, after))),
              testing::Contains(HasSubstr("heddle-forwarder")))
      << "a part of it would be taken for the whole";
  Converge(Full());
  EXPECT_EQ(forwarder->state().tunnels_size(), 4);
}

// At once, though the kernel tells no more than once a second that a device has lost its carrier.
TEST_F(UdpForwarderTest, AForwarderThatDiesAgainAndAgainIsSeenAtOnce) {
  for (int round = 0; round < 3; ++round) {
    auto forwarder = Forwarder();
    Converge(Full());
    EXPECT_FALSE(kernel_->TakeHint());
    forwarder = nullptr;
    pollfd hint{kernel_->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&hint, 1, 50), 1);
    EXPECT_TRUE(kernel_->TakeHint());
    EXPECT_EQ(poll(&hint, 1, 0), 0);
  }
}

TEST_F(UdpForwarderTest, WithoutTheProgramItSaysWhatToDo) {
  EXPECT_THAT(Apply(Self()),
              AllOf(SizeIs(2), Each(AllOf(HasSubstr("/nowhere/heddle-forwarder"),
                                          HasSubstr("--forwarder"), HasSubstr("install")))));
  EXPECT_EQ(Read().addresses.size(), 2u) << "all else is made";
}

TEST_F(UdpForwarderTest, OneThatDoesNotAnswerFailsNothingButItsOwn) {
  const auto forwarder = Forwarder();
  Converge(Full());
  forwarder->is_mute = true;
  const absl::Time start = absl::Now();
  NetworkState state = Read();
  EXPECT_THAT(state.udp_tunnels, IsEmpty());
  EXPECT_EQ(state.routes.size(), 4u);
  EXPECT_THAT(Apply(Full()),
              AllOf(SizeIs(6), Each(AllOf(HasSubstr("does not answer within 2s"),
                                          HasSubstr(absl::StrCat("kill -9 ", getpid()))))));
  EXPECT_LT(absl::Now() - start, absl::Seconds(6)) << "each look waits once";
  EXPECT_THAT(ReportForwarder(socket_), HasSubstr("forwarder none: "));
  forwarder->is_mute = false;
  EXPECT_THAT(Apply(Full()), IsEmpty());
}

TEST_F(UdpForwarderTest, TheForwarderLetsGoBeforeTheDeviceGoes) {
  const auto forwarder = Forwarder();
  Converge(Full());
  bool was_there = false;
  forwarder->on_change = [&](const auto& change) {
    if (change.forget_device()) was_there = LinkText() != "none";
  };
  Converge(NetworkState());
  EXPECT_TRUE(was_there);
}

TEST_F(UdpForwarderTest, ADeviceThatOthersRemovedIsMadeAnewAndPassedOn) {
  const auto forwarder = Forwarder();
  Converge(Full());
  const auto former = forwarder->state().device().index();
  ASSERT_EQ(RunShell(absl::StrCat("ip link delete ", kLink)), absl::OkStatus());
  Converge(Full());
  EXPECT_NE(forwarder->state().device().index(), former);
  EXPECT_EQ(forwarder->state().listeners_size(), 2);
}

TEST_F(UdpForwarderTest, ATunDeviceThatDoesNotStayIsReplaced) {
  const auto forwarder = Forwarder();
  ASSERT_EQ(RunShell(absl::StrCat("ip tuntap add dev ", kLink, " mode tap")), absl::OkStatus());
  Converge(Full());
  EXPECT_THAT(LinkText(), HasSubstr("tun type tun"));
}

// What waits in queues and sockets waits for the successor: they are the same files.
TEST_F(UdpForwarderTest, OneOfAnotherReleaseHandsItsDescriptorsOver) {
  auto old = Forwarder("0.0.9");
  KernelOptions options;
  options.forwarder.socket_path = socket_;  // takes nothing over, as `show`
  auto other = OpenKernelDataplane(options);
  ASSERT_TRUE(other.ok());
  EXPECT_THAT((*other)->Apply(Diff(*(*other)->Read(), Full())), IsEmpty());
  const std::vector<ino_t> files = old->files();
  std::unique_ptr<ScriptedForwarder> heir;
  old->on_hand_over = [&] { heir = Forwarder(); };
  EXPECT_EQ(Read().ToString(), Full().ToString());
  ASSERT_NE(heir, nullptr);
  EXPECT_EQ(heir->files(), files);
  EXPECT_EQ(heir->state().version(), kVersion);
  EXPECT_EQ(heir->state().tunnels_size(), 4);
}

TEST_F(UdpForwarderTest, AHeirOfAnotherReleaseIsNotReplacedAgainAndAgain) {
  auto old = Forwarder("0.0.8");
  std::unique_ptr<ScriptedForwarder> heir;
  int handed_over = 0;
  old->on_hand_over = [&] {
    ++handed_over;
    heir = Forwarder("0.0.9");
    heir->on_hand_over = [&] { ++handed_over; };
  };
  Converge(Full());
  Converge(Full());
  EXPECT_EQ(handed_over, 1);
}

TEST_F(UdpForwarderTest, IfTheHeirCannotBeStartedAllIsOpenedAnewLater) {
  auto old = Forwarder("0.0.9");
  EXPECT_THAT(Apply(Full()), Each(HasSubstr("/nowhere/heddle-forwarder")));
  EXPECT_THAT(Read().udp_tunnels, IsEmpty());
  old = nullptr;
  const auto forwarder = Forwarder();
  Converge(Full());
}

TEST_F(UdpForwarderTest, NobodyIsAskedWithoutADevice) {
  const auto forwarder = Forwarder();
  NetworkState state;
  state.rules[Family::kV4] = {{Subnet(Family::kV4, 0)}, {Subnet(Family::kV4, 1)}, true, true};
  Converge(state);
  Converge(NetworkState());
  EXPECT_EQ(forwarder->connections(), 0);
}

}  // namespace
}  // namespace heddle::node
