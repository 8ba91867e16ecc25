#include "tests/chaos/world.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/lab/command.h"
#include "tests/lab/socket_address.h"

namespace heddle::chaos {
namespace {

constexpr int kFirstEtcd = 201, kFirstController = 211, kTheTest = 249;
// Room for all nodes and clients, and for some that compete.
constexpr char kNetConf[] = R"({"Network": "10.244.0.0/16", "SubnetMax": "10.244.127.0",
                                "Backend": {"Type": "vxlan"}})";

lab::LabOptions Wire(int hosts) {
  lab::LabOptions options;
  options.hosts = hosts;
  options.ipv6 = false;
  return options;
}

std::string Url(const lab::Host& host, int port) {
  return absl::StrCat("http://", host.address(Family::kV4).ToString(), ":", port);
}

}  // namespace

class World::EtcdMember {
 public:
  EtcdMember(const lab::Host& host, std::string cluster)
      : host_(host),
        cluster_(std::move(cluster)),
        process_("etcd of " + host.name(), host.folder() + "/etcd.log") {}

  static constexpr int kClientPort = 2379, kPeerPort = 2380;
  lab::Process& process() { return process_; }
  // Its folder outlives the process, and is in memory as all of the lab's.
  void Start() {
    lab::Program program;
    program.netns = &host_.netns();
    program.argv = {"etcd",
                    "--name",
                    host_.name(),
                    "--data-dir",
                    host_.folder() + "/data",
                    "--listen-client-urls",
                    Url(host_, kClientPort),
                    "--advertise-client-urls",
                    Url(host_, kClientPort),
                    "--listen-peer-urls",
                    Url(host_, kPeerPort),
                    "--initial-advertise-peer-urls",
                    Url(host_, kPeerPort),
                    "--initial-cluster",
                    cluster_,
                    "--initial-cluster-token",
                    "chaos",
                    "--heartbeat-interval",
                    "100",
                    "--election-timeout",
                    "1000",
                    "--logger",
                    "zap",
                    "--log-level",
                    "warn"};
    process_.Start(program);
  }

 private:
  const lab::Host& host_;
  const std::string cluster_;
  lab::Process process_;
};

World::World(const WorldOptions& options)
    : lab_(Wire(options.nodes)), pki_(lab_.control().folder()) {
  JoinWire();
  if (options.etcd_members > 0) AddEtcd(options.etcd_members);
  AddControllers(options);
  const std::string all = absl::StrJoin(
      endpoints_, ",",
      [](std::string* out, const Endpoint& endpoint) { out->append(endpoint.address); });
  for (int number = 1; number <= options.nodes; ++number) {
    // Else the second address would go with the first one.
    lab_.host(number).netns().SetSysctl("net/ipv4/conf/eth0/promote_secondaries", "1");
    nodes_.push_back(std::make_unique<lab::Node>(lab_.host(number), lab::NodeOptions{"", all, {}}));
    nodes_.back()->options().pki = &pki_;
  }
  SetNeighbours();
  for (auto& server : servers_) server->Start();
}

// All namespaces of a machine share one table of neighbours, and what is not permanent has room for
// 1024 in it: fifty hosts that ask for each other fill that.
void World::SetNeighbours() {
  std::vector<lab::Host*> all;
  for (int number = 1; number <= lab_.size(); ++number) all.push_back(&lab_.host(number));
  for (auto& host : hosts_) all.push_back(host.get());
  std::vector<std::string> lines;
  for (const lab::Host* host : all) {
    const auto link = host->IpJson("link show dev eth0").at(0);
    const std::string mac = link.at("address").get<std::string>();
    const Ip first = host->address(Family::kV4);
    for (const Ip& ip : {first, Ip(Family::kV4, first.number() + kSecondAddress)}) {
      lines.push_back(absl::StrCat("neigh replace ", ip.ToString(), " lladdr ", mac,
                                   " dev eth0 nud permanent"));
    }
  }
  for (const lab::Host* host : all) lab::RunIpBatch(&host->netns(), lines);
}

World::~World() {
  nodes_.clear();  // before the servers, so that nobody is heard to miss them
}

// The test's own network namespace gets a foot on the wire.
void World::JoinWire() {
  lab::RunIpBatch(&lab_.wire(),
                  {absl::StrCat("link add to-test type veth peer name wire0 netns ", getpid()),
                   "link set to-test master wire up"});
  lab::RunIpBatch(
      nullptr, {absl::StrCat("addr add 192.0.2.", kTheTest, "/24 dev wire0"), "link set wire0 up"});
}

lab::Host* World::AddHost(const std::string& name, int number) {
  hosts_.push_back(std::make_unique<lab::Host>(name, number, lab_.underlay()));
  return hosts_.back().get();
}

void World::AddEtcd(int members) {
  std::vector<lab::Host*> hosts;
  std::vector<std::string> cluster;
  for (int i = 0; i < members; ++i) {
    hosts.push_back(AddHost(absl::StrCat("etcd-", i + 1), kFirstEtcd + i));
    cluster.push_back(
        absl::StrCat(hosts.back()->name(), "=", Url(*hosts.back(), EtcdMember::kPeerPort)));
  }
  for (lab::Host* host : hosts) {
    etcd_.push_back(std::make_unique<EtcdMember>(*host, absl::StrJoin(cluster, ",")));
    EtcdMember* member = etcd_.back().get();
    servers_.push_back(std::make_unique<Server>(Server::Role::kEtcd, *host, &member->process(),
                                                [member] { member->Start(); }));
  }
}

void World::AddControllers(const WorldOptions& options) {
  std::vector<std::string> etcd;
  for (Server* server : ServersOf(Server::Role::kEtcd)) {
    etcd.push_back(absl::StrCat(server->address(), ":", EtcdMember::kClientPort));
  }
  for (int i = 0; i < options.controllers; ++i) {
    lab::Host* host = AddHost(absl::StrCat("ctl-", i + 1), kFirstController + i);
    lab::Flags flags = options.controller_flags;
    const std::string address = host->address(Family::kV4).ToString() + ":7411";
    if (!etcd.empty()) {
      for (const std::string& flag : {std::string("--etcd-endpoints"), absl::StrJoin(etcd, ","),
                                      std::string("--id"), host->name(), std::string("--advertise"),
                                      address, std::string("--leader-ttl"), std::string("2s")}) {
        flags.push_back(flag);
      }
    }
    controllers_.push_back(std::make_unique<lab::Controller>(*host, &pki_, kNetConf, flags));
    lab::Controller* controller = controllers_.back().get();
    endpoints_.push_back({host->name(), controller->endpoint(), &pki_});
    servers_.push_back(std::make_unique<Server>(Server::Role::kController, *host,
                                                &controller->process(),
                                                [controller] { controller->Start(); }));
  }
}

Ip World::address(int number) const {
  const int second = moved_.count(number) != 0 ? kSecondAddress : 0;
  return lab::ParseIp(absl::StrCat("192.0.2.", number + second));
}

void World::Move(int number) {
  const Ip former = address(number);
  if (moved_.erase(number) == 0) moved_.insert(number);
  host(number).IpCommand(absl::StrCat("addr add ", address(number).ToString(), "/24 dev eth0"));
  host(number).IpCommand(absl::StrCat("addr del ", former.ToString(), "/24 dev eth0"));
}

std::vector<Server*> World::ServersOf(Server::Role role) {
  std::vector<Server*> servers;
  for (auto& server : servers_) {
    if (server->role() == role) servers.push_back(server.get());
  }
  return servers;
}

std::string World::Addresses(Server::Role role, const Server* except) {
  std::vector<std::string> addresses;
  for (Server* server : ServersOf(role)) {
    if (server != except) addresses.push_back(server->address());
  }
  return absl::StrJoin(addresses, ", ");
}

std::string World::NodesAndClients() {
  return absl::StrCat("192.0.2.1-192.0.2.200, 192.0.2.", kTheTest);
}

}  // namespace heddle::chaos
