// The underlay's addresses: which one a node picks, and what happens when they change.
#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(15);

TEST(AddressTest, AChangedAddressReachesThePeers) {
  ClusterOptions options;
  options.controller_flags = {"--heartbeat-seconds", "1"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const std::string subnet = cluster.node(1).subnet_env()->subnet[Family::kV4]->ToString();
  Host& host = cluster.host(1);
  host.IpCommand("addr del 192.0.2.1/24 dev eth0");
  host.IpCommand("addr add 192.0.2.101/24 dev eth0");
  host.IpCommand("route replace default via 192.0.2.254 dev eth0");
  EXPECT_TRUE(Within(kSoon, "the new address in the peers' FDB", [&] {
    for (int number : {2, 3}) {
      const std::string objects = absl::StrJoin(OurObjects(cluster.host(number)), "\n");
      if (!absl::StrContains(objects, "192.0.2.101")) return objects;
    }
    return std::string();
  }));
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["publicIpv4"], "192.0.2.101");
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["ipv4Subnet"], subnet);
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

TEST(AddressTest, ANodeBehindNatAnnouncesOneAddressAndSendsFromAnother) {
  ClusterOptions options;
  options.lab.ipv6 = false;
  Cluster cluster(options);
  cluster.node(1).options().flags = {"--public-ip", "203.0.113.1"};
  // The translation: what is sent to 203.0.113.1 ends at h1.
  for (int number : {2, 3}) cluster.host(number).IpCommand("route add 203.0.113.1 via 192.0.2.1");
  for (const char* words :
       {"add table ip nat", "add chain ip nat in { type nat hook prerouting priority -100 ; }",
        "add rule ip nat in ip daddr 203.0.113.1 dnat to 192.0.2.1"}) {
    RunCommand(&cluster.host(1).netns(), absl::StrCat("nft ", words));
  }
  ASSERT_TRUE(cluster.Up());
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["publicIpv4"], "203.0.113.1");
  const std::string objects = absl::StrJoin(OurObjects(cluster.host(1)), "\n");
  EXPECT_TRUE(absl::StrContains(objects, "local 192.0.2.1 on eth0")) << objects;
  EXPECT_TRUE(cluster.PodsReachEachOther());
}

// A host with a second underlay interface, eth1 in 198.51.100.0/24, and one way to choose.
struct Choice {
  const char* name;
  Flags flags;
  const char *link, *address;
};

void PrintTo(const Choice& value, std::ostream* out) { *out << value.name; }

class IfaceTest : public testing::TestWithParam<Choice> {};

TEST_P(IfaceTest, PicksTheInterface) {
  ClusterOptions options;
  options.lab.hosts = 1;
  Cluster cluster(options);
  Host& host = cluster.host(1);
  host.IpCommand("link add eth1 type veth peer name far netns wire");
  RunIpBatch(&host.netns(), {"link set eth1 up", "addr add 198.51.100.1/24 dev eth1"});
  RunIpBatch(&cluster.lab().wire(), {"link set far up", "addr add 198.51.100.254/24 dev far"});
  Node& node = cluster.node(1);
  node.options().flags = GetParam().flags;
  node.Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  const std::string objects = absl::StrJoin(OurObjects(host), "\n");
  EXPECT_TRUE(absl::StrContains(
      objects, absl::StrCat("local ", GetParam().address, " on ", GetParam().link, " ")))
      << objects;
  EXPECT_EQ(cluster.ctl().Json("lease show h1")["publicIpv4"], GetParam().address);
}

INSTANTIATE_TEST_SUITE_P(
    Iface, IfaceTest,
    testing::Values(
        Choice{"Default", {}, "eth0", "192.0.2.1"},
        Choice{"ByName", {"--iface", "eth1"}, "eth1", "198.51.100.1"},
        Choice{"ByAddress", {"--iface", "198.51.100.1"}, "eth1", "198.51.100.1"},
        Choice{"ByRegexOnTheAddress",
               {"--iface-regex", "198\\.51\\.100\\..*"},
               "eth1",
               "198.51.100.1"},
        Choice{"ByRegexOnTheName", {"--iface-regex", "eth1"}, "eth1", "198.51.100.1"},
        Choice{"ByWhatItReaches", {"--iface-can-reach", "198.51.100.254"}, "eth1", "198.51.100.1"},
        Choice{"ByALocalPublicAddress", {"--public-ip", "198.51.100.1"}, "eth1", "198.51.100.1"},
        Choice{"TheFirstThatExists",
               {"--iface", "nosuch0", "--iface", "eth1"},
               "eth1",
               "198.51.100.1"}),
    [](const testing::TestParamInfo<Choice>& param) { return param.param.name; });

TEST(AddressTest, AnInterfaceThatIsNotThereIsNamed) {
  ClusterOptions options;
  options.lab.hosts = 1;
  options.node_flags = {"--iface", "nosuch0"};
  Cluster cluster(options);
  Node& node = cluster.node(1);
  node.Start();
  EXPECT_TRUE(Within(kSoon, "an error that names nosuch0",
                     [&] { return absl::StrContains(node.process().Log(), "nosuch0"); }));
  EXPECT_FALSE(node.ready());
}

}  // namespace
}  // namespace heddle::lab
