// What WireGuard has that no other backend has: a key of the host's own, and peers whose address
// is where their packets come from. Runs in //tests/guest where the machine's kernel lacks it.
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/nat_router.h"
#include "tests/lab/ping.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);
constexpr char kDevice[] = "heddle.wg";
constexpr int kPort = 51820;

ClusterOptions Wireguard(const std::string& backend_options = "") {
  ClusterOptions options;
  options.lab.ipv6 = false;
  options.net_conf = absl::StrCat(R"({"Network": "10.244.0.0/16", "Backend": {"Type": "wireguard")",
                                  backend_options, "}}");
  // What nobody is told of is found by the next pass over everything.
  options.node_flags = {"--resync-seconds=1"};
  return options;
}

std::string PublicKey(const Host& host) {
  return std::string(absl::StripAsciiWhitespace(
      RunCommand(&host.netns(), absl::StrCat("wg show ", kDevice, " public-key"))));
}

// Where `host` sends what is for the peer with this key: "address:port".
std::string Endpoint(const Host& host, const std::string& key) {
  const std::string all =
      RunCommand(&host.netns(), absl::StrCat("wg show ", kDevice, " endpoints"));
  for (absl::string_view line : absl::StrSplit(all, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat(key, "\t"))) return std::string(line);
  }
  return "";
}

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class WireguardTest : public testing::Test {
 protected:
  void SetUp() override { HEDDLE_SKIP_WITHOUT_LINKS("wireguard"); }
};

// The node announces an address whose port leads nowhere: its peers can only answer.
TEST_F(WireguardTest, APeerBehindNatThatRoamsKeepsTheEndpointThatWasLearned) {
  Cluster cluster(Wireguard(R"(, "PersistentKeepaliveInterval": 1)"));
  NatRouter router(cluster.lab(), cluster.host(3));
  router.SendFrom(ParseIp("192.0.2.200"), kPort, 40000);
  cluster.node(3).options().flags.push_back("--public-ip=192.0.2.200");
  ASSERT_TRUE(cluster.Up());
  const std::string key = PublicKey(cluster.host(3));
  const auto all_send_to = [&](const std::string& endpoint) {
    return Within(kSoon, "the endpoint " + endpoint + " is learned", [&] {
      return Endpoint(cluster.host(1), key) == endpoint &&
             Endpoint(cluster.host(2), key) == endpoint;
    });
  };
  ASSERT_TRUE(all_send_to("192.0.2.200:40000"));
  EXPECT_TRUE(cluster.PodsReachEachOther(kSoon));

  router.SendFrom(ParseIp("192.0.2.201"), kPort, 41000);
  ASSERT_TRUE(all_send_to("192.0.2.201:41000"));
  PingStream to_the_roamer(cluster.pod(1).netns(), cluster.pod(3).address(Family::kV4));
  PingStream from_the_roamer(cluster.pod(3).netns(), cluster.pod(2).address(Family::kV4));
  absl::SleepFor(absl::Seconds(4));  // several passes over everything
  cluster.node(1).process().Kill();
  cluster.node(1).Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(1).ready(); }));
  absl::SleepFor(absl::Seconds(2));
  EXPECT_TRUE(all_send_to("192.0.2.201:41000"));
  EXPECT_TRUE(to_the_roamer.StopWithoutLoss());
  EXPECT_TRUE(from_the_roamer.StopWithoutLoss());
}

TEST_F(WireguardTest, TheKeyOutlivesTheDeviceAndLeavesTheHostNowhere) {
  ClusterOptions options = Wireguard();
  options.lab.hosts = 2;
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  Node& node = cluster.node(1);
  const std::string file = node.host().folder() + "/state/wireguard.key";
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0) << file;
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  const std::string private_key(absl::StripAsciiWhitespace(Content(file)));
  ASSERT_EQ(private_key.size(), 44u);
  const std::string public_key = PublicKey(node.host());

  // All that a reboot takes.
  ASSERT_EQ(node.process().Stop(), 0);
  node.host().IpCommand(absl::StrCat("link delete ", kDevice));
  node.Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  EXPECT_EQ(PublicKey(node.host()), public_key);
  EXPECT_TRUE(cluster.PodsReachEachOther(kSoon));
  EXPECT_EQ(Content(file), private_key + "\n");

  const std::string shown = cluster.ctl().Try("node show h1 -o json").out;
  EXPECT_TRUE(absl::StrContains(shown, "h1"));
  for (const std::string& text : {shown, node.process().Log(), cluster.controller().process().Log(),
                                  Content(node.host().folder() + "/state/snapshot")}) {
    EXPECT_FALSE(absl::StrContains(text, private_key));
  }
}

struct Loss {
  std::string name, command;  // $peer is the key of another node, $key a file with a wrong key
};

TEST_F(WireguardTest, WhatIsLostIsRepaired) {
  Cluster cluster(Wireguard());
  ASSERT_TRUE(cluster.Up());
  ASSERT_TRUE(cluster.PodsReachEachOther(kSoon));
  Host& host = cluster.host(1);
  const std::string wrong_key = host.folder() + "/wrong.key";
  std::ofstream(wrong_key) << "QBkvXMsP9ZQiyI6KYRpoHKBdW3rXxxS2hx8pXqCBiVk=\n";
  const std::string peer = PublicKey(cluster.host(2));
  const std::set<std::string> before = OurObjects(host);

  for (const auto& [name, command] : std::vector<Loss>{
           {"a peer", "wg set heddle.wg peer $peer remove"},
           {"a peer's prefixes", "wg set heddle.wg peer $peer allowed-ips 10.9.9.0/24"},
           {"the private key", "wg set heddle.wg private-key $key"},
           {"the port", "wg set heddle.wg listen-port 9999"},
           {"a foreign peer on our device",
            "wg set heddle.wg peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE= allowed-ips "
            "10.99.0.0/24"},
           {"the device", "ip link delete heddle.wg"},
           {"the device, left down", "ip link set heddle.wg down"},
           {"the MTU", "ip link set heddle.wg mtu 1300"}}) {
    SCOPED_TRACE(name);
    RunCommand(&host.netns(), absl::StrReplaceAll(command, {{"$peer", peer}, {"$key", wrong_key}}));
    EXPECT_TRUE(Within(absl::Seconds(3), "all of ours as before",
                       [&] { return Difference(before, OurObjects(host)); }));
    EXPECT_TRUE(cluster.PodsReachEachOther(kSoon));
  }
}

}  // namespace
}  // namespace heddle::lab
