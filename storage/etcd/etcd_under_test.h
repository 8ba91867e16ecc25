// An etcd of one or three members for all cases of one test program, and stores on it, each case
// with a prefix of its own.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/etcd/etcd_store.h"
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

}  // namespace heddle::storage
