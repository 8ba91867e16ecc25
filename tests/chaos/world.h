// A whole cluster: etcd members, controllers and nodes, each on a host of its own on one wire.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/server.h"
#include "tests/lab/lab.h"
#include "tests/lab/pod.h"
#include "tests/lab/programs.h"

namespace heddle::chaos {

struct WorldOptions {
  int etcd_members = 3;  // 0: one controller, with a store of its own
  int controllers = 3;
  int nodes = 50;
  lab::Flags controller_flags;
};

// How others reach a controller, and who issues what they prove themselves with.
struct Endpoint {
  std::string name, address;  // "ctl-1", "host:port"
  const lab::Pki* pki;        // the world's
};

// Starts the servers; nodes when asked for. The test itself is on the wire, too. One at a time, of
// the main thread.
class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  std::vector<std::unique_ptr<Server>>& servers() { return servers_; }
  std::vector<Server*> ServersOf(Server::Role role);
  const std::vector<Endpoint>& controllers() const { return endpoints_; }
  lab::Node& node(int number) { return *nodes_.at(static_cast<std::size_t>(number) - 1); }
  lab::Host& host(int number) { return lab_.host(number); }
  int nodes() const { return static_cast<int>(nodes_.size()); }

  // Takes a node's host from its address to its second one, or back.
  void Move(int number);
  Ip address(int number) const;  // of the node's host, now

  // As Server::CutFrom wants them.
  std::string Addresses(Server::Role role, const Server* except);
  static std::string NodesAndClients();

 private:
  class EtcdMember;

  lab::Host* AddHost(const std::string& name, int number);
  void AddEtcd(int members);
  void AddControllers(const WorldOptions& options);
  void JoinWire();
  void SetNeighbours();

  // A host's second address is that much further than its own.
  static constexpr int kSecondAddress = 100;

  lab::Lab lab_;
  lab::Pki pki_;
  std::vector<std::unique_ptr<lab::Host>> hosts_;
  std::vector<std::unique_ptr<EtcdMember>> etcd_;
  std::vector<std::unique_ptr<lab::Controller>> controllers_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::unique_ptr<lab::Node>> nodes_;
  std::set<int> moved_;
};

}  // namespace heddle::chaos
