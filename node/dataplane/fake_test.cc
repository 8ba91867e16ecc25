#include "node/dataplane/fake.h"

#include "gtest/gtest.h"

namespace heddle::node {
namespace {

constexpr char kDevice[] = "heddle.1";

Ip Address(int n) { return Ip(Family::kV4, 0x0a000000u + n); }

NetworkState OnePeer() {
  NetworkState state;
  VxlanLink vxlan;
  vxlan.vni = 1;
  vxlan.lower = "eth0";
  state.links[kDevice] = Link{vxlan, Mac{{2, 0, 0, 0, 0, 1}}, 1450, true};
  state.addresses[{kDevice, Address(256)}] = {32};
  state.fdb[{kDevice, Mac{{2, 0, 0, 0, 0, 2}}}] = {Address(2)};
  state.neighbours[{kDevice, Address(512)}] = {Mac{{2, 0, 0, 0, 0, 2}}};
  state.nexthops[7] = {kDevice, Address(512), true};
  state.routes[{Prefix(Address(512), 24), 0}] = {std::uint32_t{7}};
  state.routes[{Prefix(Address(768), 24), 0}] = {RouteVia{"eth0", Address(3), false}};
  return state;
}

TEST(FakeDataplane, ForgetsAndIsRepaired) {
  FakeDataplane fake(1);
  const std::vector<std::function<void()>> events = {
      [&] { fake.CycleUnderlay("eth0"); },
      [&] { fake.DeleteUnderlay("eth0"), fake.RestoreUnderlay("eth0"); },
      [&] { fake.CycleLink(kDevice); },
      [&] {
        fake.SetMac(kDevice, Mac{{2, 0, 0, 0, 0, 9}});
      },
      [&] { fake.FlushAddresses(kDevice); },
      [&] { fake.SetMtu(kDevice, 1300); },
      [&] { fake.FlushRoutes(); },
      [&] { fake.DeleteLink(kDevice); },
      [&] { fake.Reboot(); },
  };
  EXPECT_TRUE(fake.Apply(Diff(*fake.Read(), OnePeer())).empty());
  for (const auto& event : events) {
    event();
    EXPECT_FALSE(fake.state() == OnePeer());
    EXPECT_TRUE(fake.Apply(Diff(*fake.Read(), OnePeer())).empty());
    EXPECT_TRUE(fake.state() == OnePeer()) << fake.state().ToString();
  }
}

TEST(FakeDataplane, RefusesWhatStandsOnNothing) {
  FakeDataplane fake(1, {});  // no underlay: no device, and nothing on it
  const std::vector<Operation> operations = Diff({}, OnePeer());
  EXPECT_EQ(fake.Apply(operations).size(), operations.size());
  EXPECT_TRUE(fake.state().empty());
}

TEST(FakeDataplane, ConvergesThroughRandomRefusals) {
  FakeDataplane fake(42);
  fake.faults.refuse_probability = 0.3;
  int passes = 0;
  while (!(fake.state() == OnePeer()) && ++passes < 200) {
    fake.Apply(Diff(fake.state(), OnePeer()));
  }
  EXPECT_GT(passes, 0);
  EXPECT_LT(passes, 200);
  fake.faults.read_probability = 1;
  EXPECT_FALSE(fake.Read().ok());
}

}  // namespace
}  // namespace heddle::node
