// A controller, a node on each of some hosts, and pods: what most tests start from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/lab/lab.h"
#include "tests/lab/pod.h"
#include "tests/lab/programs.h"

namespace heddle::lab {

struct ClusterOptions {
  LabOptions lab;
  int nodes = 0;     // 0: on every host; else on the first ones
  int replicas = 0;  // 0: one controller on RocksDB; else so many on one etcd
  std::string net_conf = R"({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}})";
  Flags controller_flags, node_flags;
  bool insecure = false;
};

class Cluster {
 public:
  // Makes the hosts and starts the controller; nodes, which join with one ticket, and pods come
  // when asked for.
  explicit Cluster(const ClusterOptions& options);

  Lab& lab() { return lab_; }
  Host& host(int number) { return lab_.host(number); }
  Controller& controller(int number = 0) {
    return *controllers_.at(static_cast<std::size_t>(number));
  }
  Etcd& etcd() { return etcd_; }     // runs if there are replicas
  Pki* pki() { return pki_.get(); }  // null: insecure
  const Heddlectl& ctl() const { return ctl_; }
  // Nodes that have not joined do so with another ticket from now on: a restore leaves none.
  void MakeTicket();
  int size() const { return static_cast<int>(nodes_.size()); }
  Node& node(int number) { return *nodes_.at(static_cast<std::size_t>(number) - 1); }
  Pod& pod(int number) { return *pods_.at(static_cast<std::size_t>(number) - 1); }
  // The families of the pod network.
  std::vector<Family> families();

  void StartNodes();
  // Starts all nodes, waits for the mesh, and puts a pod on each. For ASSERT_TRUE.
  testing::AssertionResult Up(absl::Duration limit = absl::Seconds(20));

  // Whether, within `limit`, every node has told READY and every kernel has exactly the routes to
  // all the others' subnets.
  testing::AssertionResult Mesh(absl::Duration limit);
  // Whether each pod reaches each other one, in every family, also with a packet of the pods' MTU.
  testing::AssertionResult PodsReachEachOther(absl::Duration limit = absl::Seconds(2));

 private:
  std::string MeshDefect();

  Lab lab_;
  const std::unique_ptr<Pki> pki_;
  Etcd etcd_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  Heddlectl ctl_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Pod>> pods_;
};

// The failure of a controller that does not answer `heddlectl status` within ten seconds.
testing::AssertionResult Answers(const Heddlectl& ctl);

// Of the store that the controller serves; "" when it does not answer, as while it starts anew.
std::string HistoryOf(const Heddlectl& ctl);

}  // namespace heddle::lab
