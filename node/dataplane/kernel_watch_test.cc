#include "node/dataplane/kernel_watch.h"

#include <poll.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/private_network.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

class KernelWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    kernel_ = *OpenKernelDataplane();
    auto watch = KernelWatch::Open();
    ASSERT_EQ(watch.status(), absl::OkStatus());
    watch_.emplace(*std::move(watch));
  }

  // A device with `peers` peers, and rules, for both families.
  static NetworkState State(int peers) {
    NetworkState state;
    for (Family family : kFamilies) {
      VxlanLink vxlan;
      vxlan.vni = 1;
      vxlan.port = 8472;
      vxlan.lower = kTestUnderlay;
      vxlan.local = TestUnderlayAddress(family);
      const std::string device = LinkName(family, 1);
      state.links[device] = Link{vxlan, Mac{{2, 0, 0, 0, 0, 1}}, 1400, true};
      const Prefix cluster(Ip(family, family == Family::kV4 ? absl::uint128(0x0a000000u)
                                                            : absl::uint128(0xfd01) << 112),
                           family == Family::kV4 ? 8 : 48);
      state.rules[family] = {{cluster}, {Prefix(cluster.base(), BitsOf(family) - 8)}, true, true};
      for (int n = 1; n <= peers; ++n) AddPeer(family, device, cluster.at(n << 8), n, &state);
    }
    return state;
  }

  static void AddPeer(Family family, const std::string& device, const Ip& base, int n,
                      NetworkState* state) {
    const Mac mac{{2, 0, 0, 1, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
    const std::uint32_t id = n + (family == Family::kV4 ? 1u << 30 : 1u << 29);
    state->fdb[{device, mac}] = {TestUnderlayAddress(family)};
    state->neighbours[{device, base}] = {mac};
    state->nexthops[id] = {device, base, true};
    state->routes[{Prefix(base, BitsOf(family) - 8), 0}] = {id};
  }

  // Applies, and drains as the agent does.
  bool ApplyAndDrain(const std::vector<Operation>& operations) {
    EXPECT_TRUE(kernel_->Apply(operations).empty());
    return watch_->Drain(Interest(&operations));
  }
  WatchInterest Interest(const std::vector<Operation>* just_applied = nullptr) const {
    return {kernel_->netlink_port(), kTestUnderlay, just_applied};
  }
  bool HintAfter(const std::string& command) {
    EXPECT_EQ(RunShell(command), absl::OkStatus());
    return watch_->Drain(Interest());
  }

  std::unique_ptr<KernelDataplane> kernel_;
  std::optional<KernelWatch> watch_;
};

TEST_F(KernelWatchTest, OwnDeltasRaiseNoHint) {
  ApplyAndDrain(Diff({}, State(3)));  // a link that goes up has echoes of the kernel's own
  EXPECT_FALSE(ApplyAndDrain(Diff(State(3), State(5))));
  EXPECT_FALSE(ApplyAndDrain(Diff(State(5), State(4))));
  NetworkState changed = State(4);
  changed.rules.begin()->second.forward = false;
  changed.fdb.begin()->second.remote = *Ip::Parse("192.0.2.9");
  EXPECT_FALSE(ApplyAndDrain(Diff(State(4), changed)));
  EXPECT_FALSE(watch_->Drain(Interest()));
}

TEST_F(KernelWatchTest, SleepsWhenNothingHappens) {
  ApplyAndDrain(Diff({}, State(3)));
  ASSERT_EQ(RunShell("sleep 0.2"), absl::OkStatus());  // the link's own announcements
  watch_->Drain(Interest());
  pollfd quiet{watch_->fd(), POLLIN, 0};
  EXPECT_EQ(poll(&quiet, 1, 300), 0);
  ASSERT_EQ(RunShell("ip link set heddle.1 mtu 1300"), absl::OkStatus());
  EXPECT_EQ(poll(&quiet, 1, 300), 1);
}

TEST_F(KernelWatchTest, HintsAtWhatConcernsUs) {
  ApplyAndDrain(Diff({}, State(3)));
  watch_->Drain(Interest());
  for (const char* event :
       {"ip link set heddle.1 mtu 1300",
        "ip link set heddle.1 down",
        "ip link set heddle.1 up",
        "ip link set under0 mtu 1400",
        "ip address add 192.0.2.7/24 dev under0",
        "ip address del 192.0.2.7/24 dev under0",
        "ip -6 address add 2001:db8:7::7/64 dev under1",
        "ip route add default via 192.0.2.99",
        "ip route del default",
        "ip -6 route add default via 2001:db8::99 dev under0",
        "ip route add 10.99.0.0/16 dev heddle.1 proto 104",
        "ip -6 nexthop flush proto 104",
        "ip nexthop add id 77 dev heddle.1 proto 104",
        "ip neigh replace 10.0.1.0 lladdr 02:00:00:00:00:09 dev heddle.1 nud permanent",
        "ip neigh del 10.0.1.0 dev heddle.1",
        "bridge fdb replace 02:00:00:01:00:02 dev heddle.1 dst 192.0.2.5",
        "bridge fdb del 02:00:00:01:00:02 dev heddle.1",
        "nft flush chain ip heddle forward",
        "nft add rule ip6 heddle forward counter",
        "nft delete table ip heddle",
        "ip link set under0 down",
        "ip link set under0 up",
        "ip link del heddle.1"}) {
    EXPECT_TRUE(HintAfter(event)) << event;
  }
}

TEST_F(KernelWatchTest, IgnoresWhatDoesNot) {
  ApplyAndDrain(Diff({}, State(3)));
  watch_->Drain(Interest());
  for (const char* event :
       {"ip link add pod0 type veth peer name pod1", "ip link set pod0 up",
        "ip neigh add 192.0.2.44 lladdr 02:00:00:00:00:09 dev under0 nud permanent",
        "ip route add 172.16.0.0/16 via 192.0.2.9", "ip nexthop add id 5 dev under0",
        "bridge fdb add 02:00:00:00:09:09 dev heddle.1 dst 192.0.2.5 dynamic",
        "nft add table ip other", "nft add chain ip other x", "nft add table inet heddle"}) {
    EXPECT_FALSE(HintAfter(event)) << event;
  }
}

TEST_F(KernelWatchTest, LostNotificationsAreAHintToo) {
  ApplyAndDrain(Diff({}, State(1)));
  watch_->Drain(Interest());
  // Some 4 MB of notifications that do not concern us.
  ASSERT_EQ(RunShell("for i in $(seq 8000); do echo \"neigh replace 192.0.2.44 lladdr "
                     "02:00:00:00:$((i / 100 % 100)):$((i % 100)) dev under0 nud permanent\"; "
                     "done | ip -batch -"),
            absl::OkStatus());
  EXPECT_TRUE(watch_->Drain(Interest()));
  EXPECT_FALSE(watch_->Drain(Interest()));
  EXPECT_TRUE(HintAfter("ip neigh del 10.0.1.0 dev heddle.1")) << "our links are still known";
}

}  // namespace
}  // namespace heddle::node
