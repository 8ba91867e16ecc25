#include "storage/measured_engine.h"

#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "storage/bare_etcd.h"
#include "storage/etcd/etcd_store.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::storage {
namespace {

template <typename Value>
Value OrDie(absl::StatusOr<Value> value) {
  if (!value.ok()) Die(std::string(value.status().message()));
  return *std::move(value);
}

}  // namespace

MeasuredEngine::MeasuredEngine(const std::string& name, const std::string& folder,
                               std::function<std::vector<Write>(int number)> writes) {
  const std::string place = folder + "/" + name;
  std::filesystem::create_directories(place);
  absl::string_view members = name;
  if (!absl::ConsumePrefix(&members, "etcd-")) {
    RocksdbOptions options;
    options.path = place + "/store";
    store_ = OrDie(OpenRocksdbStore(options));
    bare_ = std::make_unique<BareRocksdb>(place + "/bare", std::move(writes));
    return;
  }
  EtcdTestCluster::Options cluster;
  cluster.parent_folder = place;
  if (!absl::SimpleAtoi(members, &cluster.members)) Die("no engine: " + name);
  cluster_ = OrDie(EtcdTestCluster::Start(cluster));
  BeforeDeath([cluster = cluster_.get()] {
    for (int member = 0; member < cluster->size(); ++member) cluster->Kill(member);
  });
  EtcdOptions options;
  options.endpoints = cluster_->endpoints();
  options.copy_path = place + "/copy";
  store_ = OrDie(OpenEtcdStore(options));
  bare_ = std::make_unique<BareEtcd>(cluster_->endpoints(), std::move(writes));
}

MeasuredEngine::~MeasuredEngine() { BeforeDeath(nullptr); }

}  // namespace heddle::storage
