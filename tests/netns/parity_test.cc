// For the same leases, our kernel objects mean what flannel's do, field by field, as iproute2 reads
// them. The tables below name the field, what flannel sets it to, and the value. What differs by
// intent: the device's name; a nexthop object between a route and its gateway; protocol 104 as the
// mark; a route to each WireGuard peer instead of one to the whole network; on an IPv6 underlay a
// vxlan MTU of 70 bytes less instead of 50.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

using nlohmann::json;

// One value in the output of one command.
struct Field {
  const char* flannel;  // the field, as flannel has it
  const char* pointer;  // JSON pointer; of an absent value the expected is null
  json expected;
};

void ExpectFields(const Host& host, const std::string& command, const std::vector<Field>& fields) {
  const json output = RunJson(&host.netns(), command);
  SCOPED_TRACE(host.name() + ": " + command + "\n" + output.dump(1));
  for (const Field& field : fields) {
    const json::json_pointer pointer(field.pointer);
    const json value = output.contains(pointer) ? output[pointer] : json();
    EXPECT_EQ(value, field.expected) << field.flannel << " (" << field.pointer << ")";
  }
}

// A host's lease, from the controller, and its tunnel's Ethernet address, from its own kernel.
struct LeaseOf {
  PerFamily<Prefix> subnet;
  PerFamily<Ip> public_address;
};

LeaseOf Lease(Cluster* cluster, int number) {
  const json lease = cluster->ctl().Json(absl::StrCat("lease show h", number));
  LeaseOf result;
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    const auto subnet = lease.find(v4 ? "ipv4Subnet" : "ipv6Subnet");
    if (subnet == lease.end() || !subnet->is_string()) continue;
    result.subnet[family] = *Prefix::Parse(subnet->get<std::string>());
    result.public_address[family] =
        *Ip::Parse(lease[v4 ? "publicIpv4" : "publicIpv6"].get<std::string>());
  }
  return result;
}

std::string MacOf(const Host& host, const std::string& link) {
  return host.IpJson("link show dev " + link)[0]["address"].get<std::string>();
}

std::string BaseOf(const LeaseOf& lease, Family family) {
  return lease.subnet[family]->base().ToString();
}

const char* Flag(Family family) { return family == Family::kV4 ? "-4" : "-6"; }

// The device has the subnet's base address as /32 or /128, and no other but the kernel's.
void ExpectBaseAddress(const Host& host, const std::string& link, Family family,
                       const LeaseOf& own) {
  ExpectFields(host, absl::StrCat("ip ", Flag(family), " -d -j addr show dev ", link),
               {{"address: subnet base", "/0/addr_info/0/local", BaseOf(own, family)},
                {"address: /32 or /128", "/0/addr_info/0/prefixlen", BitsOf(family)},
                {"no second address", "/0/addr_info/1", nullptr}});
}

// `gateway` "" is a direct one.
void ExpectRoute(const Host& host, Family family, const LeaseOf& peer, const std::string& link,
                 const std::string& gateway, bool onlink) {
  const json flags = onlink ? json{"onlink"} : json::array();
  ExpectFields(
      host,
      absl::StrCat("ip ", Flag(family), " -j route show exact ", peer.subnet[family]->ToString()),
      {{"route: destination", "/0/dst", peer.subnet[family]->ToString()},
       {"route: gateway", "/0/gateway", gateway},
       {"route: device", "/0/dev", link},
       {"route: onlink", "/0/flags", flags},
       {"route: scope universe", "/0/scope", nullptr},
       {"one route for each peer", "/1", nullptr},
       {"ours: the mark", "/0/protocol", "104"}});
}

void ExpectNoNeighboursNorFdb(const Host& host, const std::string& link) {
  EXPECT_EQ(RunCommand(&host.netns(), "ip neigh show nud permanent dev " + link), "");
  EXPECT_EQ(RunCommand(&host.netns(), "bridge fdb show dynamic dev " + link), "");
}

std::set<std::string> OurDevices(const Host& host) {
  std::set<std::string> names;
  for (const json& link : host.IpJson("link show")) {
    const std::string name = link["ifname"].get<std::string>();
    if (name.rfind("heddle", 0) == 0) names.insert(name);
  }
  return names;
}

// subnet.env byte for byte, with the pod MTU of the backend.
void ExpectSubnetEnv(Cluster* cluster, const LeaseOf& own, int mtu_bytes) {
  std::string text = absl::StrCat("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=",
                                  own.subnet[Family::kV4]->at(1).ToString(), "/24\n");
  if (own.subnet[Family::kV6]) {
    absl::StrAppend(&text, "FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=",
                    own.subnet[Family::kV6]->at(1).ToString(), "/64\n");
  }
  absl::StrAppend(&text, "FLANNEL_MTU=", mtu_bytes, "\nFLANNEL_IPMASQ=true\n");
  EXPECT_EQ(cluster->node(1).subnet_env()->text, text);
}

ClusterOptions Backend(const std::string& backend, bool ipv6) {
  ClusterOptions options;
  options.node_flags = {"--ip-masq"};
  options.net_conf =
      absl::StrCat(R"({"Network": "10.244.0.0/16", "EnableIPv6": )", ipv6 ? "true" : "false",
                   R"(, "IPv6Network": "fd00:244::/48", "Backend": )", backend, "}");
  return options;
}

void ExpectVxlanDevice(const Host& host, const std::string& link, Family family, int mtu_bytes) {
  const bool v4 = family == Family::kV4;
  const std::string own = host.address(family).ToString();
  ExpectFields(host, "ip -d -j link show dev " + link,
               {{"type", "/0/linkinfo/info_kind", "vxlan"},
                {"VNI", "/0/linkinfo/info_data/id", 1},
                {"UDP port", "/0/linkinfo/info_data/port", 8472},
                {"lower device", "/0/linkinfo/info_data/link", "eth0"},
                {"local: the interface's address",
                 v4 ? "/0/linkinfo/info_data/local" : "/0/linkinfo/info_data/local6", own},
                {"nolearning", "/0/linkinfo/info_data/learning", false},
                {"no group", "/0/linkinfo/info_data/group", nullptr},
                {"no remote", "/0/linkinfo/info_data/remote", nullptr},
                {"no l2miss", "/0/linkinfo/info_data/l2miss", nullptr},
                {"no GBP unless asked", "/0/linkinfo/info_data/gbp", nullptr},
                {"MTU", "/0/mtu", mtu_bytes},
                {"up", "/0/flags/2", "UP"}});
  EXPECT_EQ(RunCommand(&host.netns(), absl::StrCat("sysctl -n net/ipv6/conf/", link, "/accept_ra")),
            "0\n");
  const int first_byte = std::stoi(MacOf(host, link).substr(0, 2), nullptr, 16);
  EXPECT_EQ(first_byte & 3, 2) << "locally administered, not multicast";
}

void ExpectVxlanPeer(const Host& host, const std::string& link, Family family, const LeaseOf& peer,
                     const std::string& mac) {
  const std::string base = BaseOf(peer, family);
  ExpectFields(host, absl::StrCat("ip ", Flag(family), " -d -j neigh show ", base, " dev ", link),
               {{"neighbour: VTEP MAC", "/0/lladdr", mac},
                {"neighbour: permanent", "/0/state", json{"PERMANENT"}}});
  json entries;
  for (const json& entry : RunJson(&host.netns(), "bridge -d -j fdb show dev " + link)) {
    if (entry["mac"] == mac) entries.push_back(entry);
  }
  ASSERT_EQ(entries.size(), 1u) << entries;
  EXPECT_EQ(entries[0]["dst"], peer.public_address[family]->ToString()) << "FDB: PublicIP";
  EXPECT_EQ(entries[0]["state"], "permanent");
  EXPECT_EQ(entries[0]["flags"], json{"self"});
  ExpectRoute(host, family, peer, link, base, /*onlink=*/true);
}

TEST(ParityTest, Vxlan) {
  Cluster cluster(Backend(R"({"Type": "vxlan"})", true));
  ASSERT_TRUE(cluster.Up());
  const Host& host = cluster.host(1);
  EXPECT_EQ(OurDevices(host), (std::set<std::string>{"heddle.1", "heddle6.1"}));
  const std::map<Family, std::pair<std::string, int>> devices = {
      {Family::kV4, {"heddle.1", 1450}}, {Family::kV6, {"heddle6.1", 1430}}};
  for (const auto& [family, device] : devices) {
    ExpectVxlanDevice(host, device.first, family, device.second);
    ExpectBaseAddress(host, device.first, family, Lease(&cluster, 1));
    for (int peer : {2, 3}) {
      ExpectVxlanPeer(host, device.first, family, Lease(&cluster, peer),
                      MacOf(cluster.host(peer), device.first));
    }
  }
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1430);
}

TEST(ParityTest, VxlanOnIpv4AloneHasFlannelsMtu) {
  Cluster cluster(Backend(R"({"Type": "vxlan"})", false));
  ASSERT_TRUE(cluster.Up());
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1450);
}

TEST(ParityTest, VxlanWithDirectRoutingHasPlainRoutesAlone) {
  Cluster cluster(Backend(R"({"Type": "vxlan", "DirectRouting": true})", true));
  ASSERT_TRUE(cluster.Up());
  const LeaseOf peer = Lease(&cluster, 2);
  for (Family family : kFamilies) {
    ExpectRoute(cluster.host(1), family, peer, "eth0", peer.public_address[family]->ToString(),
                /*onlink=*/false);
  }
  for (const char* link : {"heddle.1", "heddle6.1"}) {
    ExpectNoNeighboursNorFdb(cluster.host(1), link);
  }
}

TEST(ParityTest, HostGw) {
  Cluster cluster(Backend(R"({"Type": "host-gw"})", true));
  ASSERT_TRUE(cluster.Up());
  const Host& host = cluster.host(1);
  EXPECT_EQ(OurDevices(host), std::set<std::string>());
  for (int number : {2, 3}) {
    const LeaseOf peer = Lease(&cluster, number);
    for (Family family : kFamilies) {
      ExpectRoute(host, family, peer, "eth0", peer.public_address[family]->ToString(), false);
    }
  }
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1500);
}

TEST(ParityTest, Ipip) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Cluster cluster(Backend(R"({"Type": "ipip"})", false));
  ASSERT_TRUE(cluster.Up());
  const Host& host = cluster.host(1);
  EXPECT_EQ(OurDevices(host), std::set<std::string>{"heddle.ipip"});
  ExpectFields(host, "ip -d -j link show dev heddle.ipip",
               {{"type", "/0/linkinfo/info_kind", "ipip"},
                {"local: the interface's address", "/0/linkinfo/info_data/local", "192.0.2.1"},
                {"remote any", "/0/linkinfo/info_data/remote", "any"},
                {"no lower device", "/0/link", nullptr},
                {"MTU: external less 20", "/0/mtu", 1480},
                {"up", "/0/flags/1", "UP"}});
  ExpectBaseAddress(host, "heddle.ipip", Family::kV4, Lease(&cluster, 1));
  ExpectNoNeighboursNorFdb(host, "heddle.ipip");
  for (int number : {2, 3}) {
    const LeaseOf peer = Lease(&cluster, number);
    ExpectRoute(host, Family::kV4, peer, "heddle.ipip",
                peer.public_address[Family::kV4]->ToString(), /*onlink=*/true);
  }
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1480);
}

std::vector<std::vector<std::string>> WireguardDump(const Host& host, const std::string& link) {
  std::vector<std::vector<std::string>> rows;
  const std::string dump = RunCommand(&host.netns(), "wg show " + link + " dump");
  for (const auto line : absl::StrSplit(dump, '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, '\t'));
  }
  return rows;
}

// Of `wg show DEVICE dump`: key, preshared key, endpoint, allowed addresses, three counters and the
// keepalive.
void ExpectWireguardPeer(const std::vector<std::string>& row, Family family, const LeaseOf& peer,
                         int port) {
  const std::string address = peer.public_address[family]->ToString();
  ASSERT_EQ(row.size(), 8u);
  EXPECT_EQ(row[1], "(none)") << "PSK";
  EXPECT_EQ(row[2], family == Family::kV4 ? absl::StrCat(address, ":", port)
                                          : absl::StrCat("[", address, "]:", port))
      << "endpoint: PublicIP and port";
  EXPECT_EQ(row[3], peer.subnet[family]->ToString()) << "AllowedIPs: the subnet";
  EXPECT_EQ(row[7], "off") << "PersistentKeepaliveInterval";
}

TEST(ParityTest, Wireguard) {
  HEDDLE_SKIP_WITHOUT_LINKS("wireguard");
  Cluster cluster(Backend(R"({"Type": "wireguard"})", true));
  ASSERT_TRUE(cluster.Up());
  const Host& host = cluster.host(1);
  EXPECT_EQ(OurDevices(host), (std::set<std::string>{"heddle.wg", "heddle.wg6"}));
  const std::map<Family, std::pair<std::string, int>> devices = {
      {Family::kV4, {"heddle.wg", 51820}}, {Family::kV6, {"heddle.wg6", 51821}}};
  for (const auto& [family, device] : devices) {
    const auto& [link, port] = device;
    ExpectFields(host, "ip -d -j link show dev " + link,
                 {{"type", "/0/linkinfo/info_kind", "wireguard"},
                  {"MTU: external less 80", "/0/mtu", 1420}});
    ExpectBaseAddress(host, link, family, Lease(&cluster, 1));
    const auto rows = WireguardDump(host, link);
    ASSERT_EQ(rows.size(), 3u) << "the device and two peers";
    EXPECT_EQ(rows[0].at(2), absl::StrCat(port)) << "ListenPort";
    std::map<std::string, std::vector<std::string>> peers;
    for (std::size_t i = 1; i < rows.size(); ++i) peers[rows[i][0]] = rows[i];
    for (int number : {2, 3}) {
      const LeaseOf peer = Lease(&cluster, number);
      const std::string key = WireguardDump(cluster.host(number), link)[0].at(1);
      ASSERT_EQ(peers.count(key), 1u) << "the peer's public key";
      ExpectWireguardPeer(peers[key], family, peer, port);
      ExpectFields(host,
                   absl::StrCat("ip ", Flag(family), " -j route show exact ",
                                peer.subnet[family]->ToString()),
                   {{"route: device", "/0/dev", link},
                    {"route: no gateway", "/0/gateway", nullptr},
                    {"ours: the mark", "/0/protocol", "104"}});
    }
  }
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1420);
}

TEST(ParityTest, AllocMakesNothing) {
  Cluster cluster(Backend(R"({"Type": "alloc"})", true));
  cluster.StartNodes();
  for (int number : {1, 2, 3}) {
    ASSERT_TRUE(Within(absl::Seconds(20), "subnet.env", [&] {
      return cluster.node(number).ready() && cluster.node(number).subnet_env();
    }));
  }
  const Host& host = cluster.host(1);
  EXPECT_EQ(OurDevices(host), std::set<std::string>());
  for (const char* command :
       {"ip -4 route show proto 104", "ip -6 route show proto 104", "ip nexthop show proto 104"}) {
    EXPECT_EQ(RunCommand(&host.netns(), command), "");
  }
  ExpectSubnetEnv(&cluster, Lease(&cluster, 1), 1500);
}

}  // namespace
}  // namespace heddle::lab
