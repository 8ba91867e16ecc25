// What tests of several stores on one etcd share: a cluster of their own, which they may kill and
// restore.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/etcd_under_test.h"
#include "storage/etcd/test_calls.h"
#include "storage/etcd/test_cluster.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {

inline constexpr absl::Duration kPatience = absl::Seconds(20);
inline constexpr absl::Duration kTtl = absl::Seconds(2);  // as OptionsOn has it

class Replicas : public testing::Test {
 protected:
  void StartCluster(int members) {
    EtcdTestCluster::Options options;
    options.members = members;
    auto cluster = EtcdTestCluster::Start(options);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
  }
  EtcdOptions Options(const std::string& name) {
    EtcdOptions options =
        OptionsOn(*cluster_, "/heddle/", absl::StrCat(scratch_.path(), "/", name));
    options.call_timeout = absl::Seconds(1);
    options.first_contact = absl::Seconds(2);
    return options;
  }
  std::unique_ptr<Store> MustOpen(const EtcdOptions& options) {
    auto store = OpenEtcdStore(options);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  static Position MustPut(Store& store, const std::string& key, const std::string& value) {
    const auto outcome = CommitAndWait(store, {{}, {}, {Put(key, value)}});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? outcome->position : Position();
  }
  // Commits until one is taken: what is refused or unknown while etcd elects is tried again.
  static bool PutEventually(Store& store, const std::string& key, const std::string& value) {
    return Eventually(kPatience, [&] {
      return CommitAndWait(store, {{}, {}, {Put(key, value)}}).ok();
    });
  }
  static std::string Local(Store& store, const std::string& key) {
    const auto record = store.Get(key, Store::Consistency::kLocal);
    return record.ok() && *record ? (*record)->value : "";
  }

  ScratchFolder scratch_;
  std::unique_ptr<EtcdTestCluster> cluster_;
};

}  // namespace heddle::storage
