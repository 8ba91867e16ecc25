// Real faults, and what `heddlectl doctor` says of them.
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr int kUnwell = 7;
constexpr absl::Duration kSoon = absl::Seconds(20);

ClusterOptions TwoHosts(const std::string& backend = R"({"Type": "vxlan"})") {
  ClusterOptions options;
  options.lab.hosts = 2;
  options.lab.ipv6 = false;
  options.net_conf = absl::StrCat(R"({"Network": "10.244.0.0/16", "Backend": )", backend, "}");
  return options;
}

// One run of the doctor.
struct Doctor {
  explicit Doctor(Cluster* cluster, const std::string& words = "") {
    const CommandResult result =
        cluster->ctl().Try(absl::StrCat("doctor --verbose -o json ", words));
    exit_code = result.exit_code;
    json = nlohmann::json::parse(result.out, nullptr, false);
    text = result.out + result.err;
  }
  // The pair's result; null when it was not probed.
  nlohmann::json Pair(const std::string& from, const std::string& to) const {
    if (!json.is_object()) return nullptr;
    for (const auto& pair : json["results"]) {
      if (pair["from"] == from && pair["to"] == to) return pair;
    }
    return nullptr;
  }
  std::string Verdict(const std::string& from, const std::string& to) const {
    const auto pair = Pair(from, to);
    return pair.is_null() ? "not probed" : pair["verdict"].get<std::string>();
  }
  std::string Advice(const std::string& from, const std::string& to) const {
    const auto pair = Pair(from, to);
    return pair.is_null() || pair["advice"].is_null() ? "" : pair["advice"].get<std::string>();
  }

  int exit_code = 0;
  nlohmann::json json;
  std::string text;
};

testing::AssertionResult Contains(const std::string& text, const std::string& part) {
  if (absl::StrContains(text, part)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no '" << part << "' in: " << text;
}

// The wire becomes a router before h2: it answers for the others' addresses on both sides.
void PutRouterBeforeH2(Cluster* cluster) {
  const NetworkNamespace& wire = cluster->lab().wire();
  wire.SetSysctl("net/ipv4/ip_forward", "1");
  RunCommand(&wire, "ip link set to-h2 nomaster");
  for (const char* device : {"to-h2", "wire"}) {
    wire.SetSysctl(absl::StrCat("net/ipv4/conf/", device, "/proxy_arp"), "1");
    wire.SetSysctl(absl::StrCat("net/ipv4/neigh/", device, "/proxy_delay"), "0");
    wire.SetSysctl(absl::StrCat("net/ipv4/conf/", device, "/send_redirects"), "0");
  }
  wire.SetSysctl("net/ipv4/conf/all/send_redirects", "0");
  RunCommand(&wire, "ip route add 192.0.2.2/32 dev to-h2");
  for (Host* host : {&cluster->host(1), &cluster->host(2), &cluster->lab().control()}) {
    host->IpCommand("neigh flush dev eth0");
  }
}

TEST(DoctorTest, AWellClusterIsWellInBothFamilies) {
  ClusterOptions options;
  options.net_conf =
      R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
          "Backend": {"Type": "vxlan"}})";
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, 0) << doctor.text;
  ASSERT_EQ(doctor.json["results"].size(), 12u) << doctor.text;
  for (const auto& pair : doctor.json["results"]) {
    EXPECT_EQ(pair["verdict"], "ok") << pair;
    const bool v4 = pair["family"] == "IPv4";
    EXPECT_EQ(pair["underlay"]["full"]["sizeBytes"], 1500) << pair;
    EXPECT_EQ(pair["overlay"]["full"]["sizeBytes"], v4 ? 1450 : 1430) << pair;
    for (const char* way : {"underlay", "overlay"}) {
      EXPECT_TRUE(pair[way]["full"]["answered"]) << pair;
      EXPECT_GT(pair[way]["small"]["rttSeconds"].get<double>(), 0) << pair;
      EXPECT_LT(pair[way]["small"]["rttSeconds"].get<double>(), 1) << pair;
    }
  }
  // The steady probing comes to the same, without being asked.
  EXPECT_TRUE(Within(kSoon, "REACH 2/2 of each node", [&] {
    std::string wrong;
    const auto nodes = cluster.ctl().Json("node list");
    for (const auto& node : nodes["nodes"]) {
      const auto& reach = node["reachability"];
      if (!reach.is_object() || reach["probed"] != 2 || reach["reachable"] != 2) {
        wrong += node.dump();
      }
    }
    return wrong;
  }));
  EXPECT_TRUE(Contains(cluster.ctl().Try("node list").out, "2/2 "));
}

TEST(DoctorTest, ASmallMtuOnTheWayIsABlackHoleWithItsSize) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  PutRouterBeforeH2(&cluster);
  const NetworkNamespace& wire = cluster.lab().wire();
  ASSERT_EQ(Doctor(&cluster).exit_code, 0);
  // As a router with a smaller MTU behind which ICMP is filtered: what may not be cut is lost.
  RunCommand(&wire, "ip route change 192.0.2.2/32 dev to-h2 mtu lock 1400");
  RunCommand(&wire, "nft add table ip quiet");
  RunCommand(&wire, "nft add chain ip quiet out { type filter hook output priority 0 ; }");
  RunCommand(&wire, "nft add rule ip quiet out icmp type destination-unreachable drop");
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "mtu_black_hole") << doctor.text;
  EXPECT_EQ(doctor.Pair("h1", "h2")["underlay"]["largestBytes"], 1400) << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "1500 bytes are lost and 1400 pass"));
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "in fragments"));
}

TEST(DoctorTest, ABlackHoleForTheTunnelTooIsMeasuredOnBoth) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  PutRouterBeforeH2(&cluster);
  const NetworkNamespace& wire = cluster.lab().wire();
  RunCommand(&wire, "nft add table ip narrow");
  RunCommand(&wire, "nft add chain ip narrow through { type filter hook forward priority 0 ; }");
  RunCommand(&wire, "nft add rule ip narrow through ip length > 1337 drop");
  const Doctor doctor(&cluster);
  for (const auto& [from, to] : std::map<std::string, std::string>{{"h1", "h2"}, {"h2", "h1"}}) {
    EXPECT_EQ(doctor.Verdict(from, to), "mtu_black_hole") << doctor.text;
    EXPECT_EQ(doctor.Pair(from, to)["underlay"]["largestBytes"], 1337) << doctor.text;
    EXPECT_EQ(doctor.Pair(from, to)["overlay"]["largestBytes"], 1337 - 50) << doctor.text;
  }
}

TEST(DoctorTest, ABlockedUdpPortIsNamed) {
  Cluster cluster(TwoHosts(R"({"Type": "vxlan", "Port": 4799})"));
  ASSERT_TRUE(cluster.Up());
  const NetworkNamespace& h2 = cluster.host(2).netns();
  RunCommand(&h2, "nft add table ip fw");
  RunCommand(&h2, "nft add chain ip fw in { type filter hook input priority 0 ; }");
  RunCommand(&h2, "nft add rule ip fw in udp dport 4799 drop");
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "udp_blocked") << doctor.text;
  EXPECT_EQ(doctor.Verdict("h2", "h1"), "udp_blocked") << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "UDP port 4799 is blocked by a firewall"));
  EXPECT_TRUE(Within(kSoon, "REACH 0/1! of h1", [&] {
    const std::string list = cluster.ctl().Try("node list").out;
    return absl::StrContains(list, "0/1!") && absl::StrContains(list, "UDP port 4799")
               ? std::string()
               : list;
  }));
  RunCommand(&h2, "nft delete table ip fw");
  EXPECT_EQ(Doctor(&cluster).exit_code, 0);
  EXPECT_TRUE(Within(kSoon, "REACH 1/1 again",
                     [&] { return !absl::StrContains(cluster.ctl().Try("node list").out, "!"); }));
}

TEST(DoctorTest, ForwardingThatIsOffIsNamedWithItsHost) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  cluster.host(2).netns().SetSysctl("net/ipv4/ip_forward", "0");
  ASSERT_FALSE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "ip_forward") << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "h2: IPv4 forwarding is off"));
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "sysctl -w net.ipv4.ip_forward=1"));
}

TEST(DoctorTest, AFirewallThatDropsForwardIsNamedUntilItAcceptsPods) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  const NetworkNamespace& h2 = cluster.host(2).netns();
  RunCommand(&h2, "nft add table ip filter");
  RunCommand(&h2,
             "nft add chain ip filter FORWARD { type filter hook forward priority 0 ; policy drop "
             "; }");
  // What docker accepts is its own.
  RunCommand(&h2, "nft add rule ip filter FORWARD iifname docker0 accept");
  ASSERT_FALSE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "firewall") << doctor.text;
  const std::string rule = "nft insert rule ip filter FORWARD ip saddr 10.244.0.0/16 accept";
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), rule));
  RunCommand(&h2, rule);
  RunCommand(&h2, "nft insert rule ip filter FORWARD ip daddr 10.244.0.0/16 accept");
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
  const Doctor after(&cluster);
  EXPECT_EQ(after.exit_code, 0) << after.text;
}

// h1 takes h2 to be near, h2 takes h1 to be far: packets come back to h1 through the tunnel.
TEST(DoctorTest, StrictReversePathFilteringIsNamedWhereItHurts) {
  ClusterOptions options = TwoHosts(R"({"Type": "vxlan", "DirectRouting": true})");
  Cluster cluster(options);
  cluster.lab().wire().SetSysctl("net/ipv4/ip_forward", "1");
  const Host& h2 = cluster.host(2);
  h2.IpCommand("addr del 192.0.2.2/24 dev eth0");
  h2.IpCommand("addr add 192.0.2.2/32 dev eth0");
  h2.IpCommand(absl::StrCat("route add default via ",
                            cluster.lab().gateway()[Family::kV4]->ToString(), " dev eth0 onlink"));
  ASSERT_TRUE(cluster.Up());
  ASSERT_EQ(Doctor(&cluster).exit_code, 0) << Doctor(&cluster).text;
  const NetworkNamespace& h1 = cluster.host(1).netns();
  h1.SetSysctl("net/ipv4/conf/all/rp_filter", "1");
  ASSERT_FALSE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "rp_filter") << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "h1: strict reverse path filtering"));
  // The advice: loose.
  h1.SetSysctl("net/ipv4/conf/all/rp_filter", "2");
  EXPECT_TRUE(Pings(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4)));
  EXPECT_EQ(Doctor(&cluster).exit_code, 0);
}

TEST(DoctorTest, StrictReversePathFilteringThatHurtsNobodyIsLeftAlone) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  cluster.host(1).netns().SetSysctl("net/ipv4/conf/all/rp_filter", "1");
  ASSERT_TRUE(cluster.PodsReachEachOther());
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, 0) << doctor.text;
}

TEST(DoctorTest, ADeviceWithAnotherMacIsToldFromABlockedPort) {
  Cluster cluster(TwoHosts());
  ASSERT_TRUE(cluster.Up());
  // Nobody is there to set it right.
  ASSERT_EQ(cluster.node(2).process().Stop(), 0);
  cluster.host(2).IpCommand("link set dev heddle.1 address 02:00:00:00:00:99");
  const Doctor wrong(&cluster);
  EXPECT_EQ(wrong.exit_code, kUnwell);
  EXPECT_EQ(wrong.Verdict("h1", "h2"), "wrong_vtep") << wrong.text;
  EXPECT_TRUE(Contains(wrong.text, "not attached"));
  cluster.host(2).IpCommand("link delete heddle.1");
  const Doctor gone(&cluster);
  EXPECT_EQ(gone.Verdict("h1", "h2"), "no_tunnel") << gone.text;
  cluster.node(2).Start();
  ASSERT_TRUE(cluster.Mesh(kSoon));
  const Doctor again(&cluster);
  EXPECT_EQ(again.exit_code, 0) << again.text;
}

TEST(DoctorTest, AHostThatIsDownIsUnreachableAndTheOthersAreWell) {
  ClusterOptions options;
  options.lab.ipv6 = false;
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  cluster.node(3).process().Kill();
  cluster.host(3).UnplugUnderlay();
  ASSERT_TRUE(Within(kSoon, "h3 is detached", [&] {
    return absl::StrContains(cluster.ctl().Try("node list").out, "detached");
  }));
  const Doctor doctor(&cluster, "h1 h2");
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "ok") << doctor.text;
  EXPECT_EQ(doctor.Verdict("h1", "h3"), "unreachable") << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h2", "h3"), "most likely down"));
  // Only what is asked for is probed.
  const Doctor chosen(&cluster, "h1 --peer h2");
  EXPECT_EQ(chosen.exit_code, 0) << chosen.text;
  EXPECT_EQ(chosen.json["results"].size(), 1u);
  EXPECT_EQ(cluster.ctl().Try("doctor h9").exit_code, 5);
}

TEST(DoctorTest, AKernelWithoutTheBackendsModuleIsNamed) {
  if (TryRun({{"ip", "link", "add", "probe0", "type", "ipip"}}).exit_code == 0) {
    GTEST_SKIP() << "this kernel has ipip, so its absence cannot be seen";
  }
  Cluster cluster(TwoHosts(R"({"Type": "ipip"})"));
  cluster.StartNodes();
  ASSERT_TRUE(Within(kSoon, "both nodes know of each other", [&] {
    const Doctor doctor(&cluster);
    return doctor.Verdict("h1", "h2") == "not probed" || doctor.Verdict("h2", "h1") == "not probed"
               ? doctor.text
               : std::string();
  }));
  const Doctor doctor(&cluster);
  EXPECT_EQ(doctor.exit_code, kUnwell);
  EXPECT_EQ(doctor.Verdict("h1", "h2"), "kernel_module") << doctor.text;
  EXPECT_TRUE(Contains(doctor.Advice("h1", "h2"), "load or install its module"));
}

TEST(DoctorTest, HostGwIsProbedOnTheUnderlayAndSaysSo) {
  Cluster cluster(TwoHosts(R"({"Type": "host-gw"})"));
  ASSERT_TRUE(cluster.Up());
  const CommandResult result = cluster.ctl().Try("doctor --verbose");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(Contains(result.out, "2 of 2 pairs ok"));
  EXPECT_TRUE(Contains(result.out, "on the underlay only"));
}

}  // namespace
}  // namespace heddle::lab
