// An engine to measure, and its yardstick on the same disk or the same etcd.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/commit_rates.h"
#include "storage/etcd/test_cluster.h"
#include "storage/store.h"

namespace heddle::storage {

class MeasuredEngine {
 public:
  // `name`: "rocksdb", or "etcd-N" with N members that it starts. All data is below `folder`.
  // `writes`: the puts of the yardstick's transaction `number`; all different.
  MeasuredEngine(const std::string& name, const std::string& folder,
                 std::function<std::vector<Write>(int number)> writes);
  ~MeasuredEngine();

  Store* store() { return store_.get(); }
  Bare* bare() { return bare_.get(); }

 private:
  std::unique_ptr<EtcdTestCluster> cluster_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Bare> bare_;
};

}  // namespace heddle::storage
