// What a kernel forgets, event by event, is put back within a second, and nothing foreign is
// touched.
#include <functional>
#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/error.h"
#include "tests/lab/foreign_objects.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kRepairLimit = absl::Seconds(1);

constexpr const char* kVxlan =
    R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
        "Backend": {"Type": "vxlan"}})";
constexpr const char* kHostGw =
    R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
        "Backend": {"Type": "host-gw"}})";
constexpr const char* kDirectRouting =
    R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
        "Backend": {"Type": "vxlan", "DirectRouting": true}})";

// One way to lose state: `cause` breaks it; by its end the cause is gone.
struct Event {
  std::string name;
  const char* net_conf;
  std::function<void(Host&)> cause;
};

void PrintTo(const Event& value, std::ostream* out) { *out << value.name; }

// Long enough for the node to have seen the state in between.
void Pause() { absl::SleepFor(absl::Milliseconds(300)); }

// A cause that runs `ip` commands one after the other.
std::function<void(Host&)> Ip(std::vector<std::string> commands) {
  return [commands = std::move(commands)](Host& host) {
    for (const std::string& command : commands) host.IpCommand(command);
  };
}

std::function<void(Host&)> Nft(const std::string& command) {
  return [command](Host& host) { RunCommand(&host.netns(), "nft " + command); };
}

// Deletes the first of our objects whose line starts with `kind`, by an `ip` or `bridge` command
// made of its words ($1 is the word after the kind).
std::function<void(Host&)> DeleteOne(const std::string& kind, const std::string& command) {
  return [kind, command](Host& host) {
    for (const std::string& line : OurObjects(host)) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (words[0] != kind) continue;
      std::string text = command;
      for (std::size_t i = 1; i < words.size(); ++i) {
        text = absl::StrReplaceAll(text, {{absl::StrCat("$", i), words[i]}});
      }
      RunCommand(&host.netns(), text);
      return;
    }
    throw LabError("there is no " + kind + " of ours on " + host.name());
  };
}

// `ip route flush proto 104` fails on routes by nexthop id with iproute2 6.1, so one by one.
void FlushRoutes(Host& host) {
  for (const std::string& route : OurRoutes(host)) host.IpCommand("route del " + route);
}

void UnderlayDownAndUp(Host& host) {
  host.IpCommand("link set eth0 down");
  Pause();
  host.IpCommand("link set eth0 up");
  host.AddUnderlayAddresses();
}

void UnderlayAddressFlushedAndAdded(Host& host) {
  host.IpCommand("addr flush dev eth0 scope global");
  Pause();
  host.AddUnderlayAddresses();
}

void UnderlayPulledAndPutBack(Host& host) {
  host.UnplugUnderlay();
  Pause();
  host.PlugUnderlay();
}

void DeviceDownPauseUp(Host& host) {
  host.IpCommand("link set heddle.1 down");
  Pause();
  host.IpCommand("link set heddle.1 up");
}

std::vector<Event> Events() {
  return {
      {"UnderlayDownAndUp", kVxlan, UnderlayDownAndUp},
      {"UnderlayDownAndUpHostGw", kHostGw, UnderlayDownAndUp},
      {"UnderlayDownAndUpDirectRouting", kDirectRouting, UnderlayDownAndUp},
      {"UnderlayAddressFlushedAndAdded", kVxlan, UnderlayAddressFlushedAndAdded},
      {"UnderlayAddressFlushedAndAddedHostGw", kHostGw, UnderlayAddressFlushedAndAdded},
      {"UnderlayAddressFlushedAndAddedDirectRouting", kDirectRouting,
       UnderlayAddressFlushedAndAdded},
      {"UnderlayPulledAndPutBack", kVxlan, UnderlayPulledAndPutBack},
      {"UnderlayPulledAndPutBackHostGw", kHostGw, UnderlayPulledAndPutBack},
      {"DeviceDownUp", kVxlan, Ip({"link set heddle.1 down", "link set heddle.1 up"})},
      {"DeviceDownPauseUp", kVxlan, DeviceDownPauseUp},
      {"DeviceLeftDown", kVxlan, Ip({"link set heddle6.1 down"})},
      {"DeviceDeleted", kVxlan, Ip({"link delete heddle.1", "link delete heddle6.1"})},
      {"DeviceMacSet", kVxlan, Ip({"link set heddle.1 address 02:00:00:00:00:99"})},
      {"DeviceMtuSet", kVxlan, Ip({"link set heddle.1 mtu 1300"})},
      {"DeviceAddressesRemoved", kVxlan,
       Ip({"addr flush dev heddle.1", "addr flush dev heddle6.1 scope global"})},
      {"RoutesFlushed", kVxlan, FlushRoutes},
      {"RoutesFlushedHostGw", kHostGw, FlushRoutes},
      {"NexthopsFlushed", kVxlan, Ip({"nexthop flush proto 104"})},
      {"NexthopsFlushedHostGw", kHostGw, Ip({"nexthop flush proto 104"})},
      {"NeighboursFlushed", kVxlan,
       Ip({"neigh flush dev heddle.1 nud permanent",
           "-6 neigh flush dev heddle6.1 nud permanent"})},
      {"OneRouteDeleted", kVxlan, DeleteOne("route", "ip route del $1")},
      {"OneNexthopDeleted", kVxlan, DeleteOne("nexthop", "ip nexthop del id $1")},
      {"OneNeighbourDeleted", kVxlan, DeleteOne("neighbour", "ip neigh del $2 dev $1")},
      {"OneFdbEntryDeleted", kVxlan, DeleteOne("fdb", "bridge fdb del $2 dev $1 dst $3 self")},
      {"OneNeighbourChanged", kVxlan,
       DeleteOne("neighbour", "ip neigh replace $2 dev $1 lladdr 02:00:00:00:00:99 nud permanent")},
      {"OneFdbEntryChanged", kVxlan,
       DeleteOne("fdb", "bridge fdb replace $2 dev $1 dst 192.0.2.99 self permanent")},
      {"StaleObjectsOfOursAdded", kVxlan,
       Ip({"route add 10.99.0.0/24 dev eth0 proto 104",
           "neigh add 10.244.99.0 lladdr 02:00:00:00:00:99 dev heddle.1 nud permanent",
           "addr add 10.99.0.1/32 dev heddle.1"})},
      {"BootRoutesFlushed", kVxlan, [](Host& host) {
         host.IpCommand("route flush proto boot");
         host.AddUnderlayAddresses();
       }}};
}

class DriftTest : public testing::TestWithParam<Event> {};

TEST_P(DriftTest, IsRepairedInUnderASecond) {
  ClusterOptions options;
  options.net_conf = GetParam().net_conf;
  options.node_flags = {"--ip-masq"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const ForeignObjects foreign(host);
  const std::set<std::string> before = OurObjects(host);

  GetParam().cause(host);
  EXPECT_TRUE(Within(kRepairLimit, "all of ours as before",
                     [&] { return Difference(before, OurObjects(host)); }));
  // The other hosts' kernels may hold the link address of an underlay that was pulled for some
  // seconds.
  EXPECT_TRUE(cluster.PodsReachEachOther(absl::Seconds(10)));
  EXPECT_EQ(foreign.Change(), "");
}

INSTANTIATE_TEST_SUITE_P(Events, DriftTest, testing::ValuesIn(Events()),
                         [](const testing::TestParamInfo<Event>& param) {
                           return param.param.name;
                         });

// The cause, and the name of a table or rule that the node made.
class RuleDriftTest : public testing::TestWithParam<const char*> {};

TEST_P(RuleDriftTest, IsRepairedInUnderASecond) {
  ClusterOptions options;
  options.node_flags = {"--ip-masq"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  const ForeignObjects foreign(host);
  const std::set<std::string> before = OurObjects(host);
  int tables = 0;
  const nlohmann::json ruleset = RunJson(&host.netns(), "nft -j list ruleset");
  for (const auto& entry : ruleset["nftables"]) {
    const auto table = entry.find("table");
    if (table == entry.end() || !absl::StartsWith((*table)["name"].get<std::string>(), "heddle")) {
      continue;
    }
    ++tables;
    Nft(absl::StrCat(GetParam(), " ", (*table)["family"].get<std::string>(), " ",
                     (*table)["name"].get<std::string>()))(host);
  }
  ASSERT_GT(tables, 0);
  EXPECT_TRUE(Within(kRepairLimit, "all of ours as before",
                     [&] { return Difference(before, OurObjects(host)); }));
  EXPECT_EQ(foreign.Change(), "");
}

INSTANTIATE_TEST_SUITE_P(Nft, RuleDriftTest, testing::Values("delete table", "flush table"),
                         [](const testing::TestParamInfo<const char*>& param) {
                           return std::string(param.param).substr(0, param.param[0] == 'd' ? 6 : 5);
                         });

TEST(DriftMtuTest, TheDeviceAndSubnetEnvFollowTheUnderlay) {
  Cluster cluster{ClusterOptions{}};
  ASSERT_TRUE(cluster.Up());
  Host& host = cluster.host(1);
  host.IpCommand("link set eth0 mtu 1400");
  const auto device_mtu = [&] {
    return host.IpJson("link show dev heddle.1")[0]["mtu"].get<int>();
  };
  EXPECT_TRUE(Within(kRepairLimit, "MTU 1350", [&] { return device_mtu() == 1350; }));
  EXPECT_TRUE(Within(kRepairLimit, "MTU 1350 in subnet.env",
                     [&] { return cluster.node(1).subnet_env()->mtu_bytes == 1350; }));
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4), 1350));
  host.IpCommand("link set eth0 mtu 1500");
  EXPECT_TRUE(Within(kRepairLimit, "MTU 1450", [&] { return device_mtu() == 1450; }));
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4), 1450));
}

}  // namespace
}  // namespace heddle::lab
