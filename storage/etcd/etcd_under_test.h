// An etcd of one or three members for all cases of one test program, and stores on it, each case
// with a prefix of its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "storage/etcd/client.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/test_calls.h"
#include "storage/etcd/test_cluster.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::storage {

// Started at the first use, ended with the program.
inline EtcdTestCluster& SharedCluster(int members) {
  static std::unique_ptr<EtcdTestCluster> clusters[4];
  std::unique_ptr<EtcdTestCluster>& cluster = clusters[members];
  if (cluster == nullptr) {
    EtcdTestCluster::Options options;
    options.members = members;
    auto started = EtcdTestCluster::Start(options);
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      std::abort();
    }
    cluster = *std::move(started);
  }
  return *cluster;
}

inline std::string FreshPrefix() {
  static int number = 0;
  return absl::StrCat("/case", ++number, "/");
}

inline EtcdOptions OptionsOn(const EtcdTestCluster& cluster, const std::string& prefix,
                             const std::string& copy_path) {
  EtcdOptions options;
  options.endpoints = cluster.endpoints();
  options.prefix = prefix;
  options.copy_path = copy_path;
  options.leader_ttl = absl::Seconds(2);
  return options;
}

// Somebody else who writes into the same etcd all the time, so that revisions that are not ours lie
// between ours.
class BusyNeighbour {
 public:
  explicit BusyNeighbour(const EtcdTestCluster& cluster) {
    auto client = EtcdClient::Create(OptionsOn(cluster, "/neighbour/", "/unused"));
    if (!client.ok()) {
      ADD_FAILURE() << client.status();
      return;
    }
    client_ = *std::move(client);
    thread_ = std::thread([this] { Run(); });
  }
  ~BusyNeighbour() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    for (int i = 0; !stop_; ++i) {
      etcdserverpb::PutRequest request;
      request.set_key("/neighbour/k");
      request.set_value(absl::StrCat(i));
      const auto put = Ask<etcdserverpb::PutResponse>(
          [&](auto done) { client_->Put(request, std::move(done)); });
      EXPECT_TRUE(put.ok()) << put.status();
      absl::SleepFor(absl::Milliseconds(1));
    }
  }

  std::unique_ptr<EtcdClient> client_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace heddle::storage
