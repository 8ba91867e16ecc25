#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "storage/conformance.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/etcd_under_test.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::storage {
namespace {

class EtcdUnderTest final : public EngineUnderTest {
 public:
  explicit EtcdUnderTest(int members, bool has_neighbour = false)
      : cluster_(SharedCluster(members)) {
    if (has_neighbour) neighbour_ = std::make_unique<BusyNeighbour>(cluster_);
    Open();
  }

  Store& store() override { return *store_; }
  void Reopen() override {
    store_.reset();
    Open();
  }
  // The files of the copy as they are while the store is open are what a killed process would
  // leave.
  void ReopenAfterCrash() override {
    const std::string from = path_;
    path_ = absl::StrCat(scratch_.path(), "/copy", ++copies_);
    std::filesystem::copy(from, path_, std::filesystem::copy_options::recursive);
    store_.reset();
    Open();
  }

 private:
  void Open() {
    auto store = OpenEtcdStore(OptionsOn(cluster_, prefix_, path_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  EtcdTestCluster& cluster_;
  std::unique_ptr<BusyNeighbour> neighbour_;
  const std::string prefix_ = FreshPrefix();
  ScratchFolder scratch_;
  std::string path_ = scratch_.path() + "/store";
  int copies_ = 0;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(OneMember, StoreConformance, testing::Values(EngineFactory([] {
                           return std::make_unique<EtcdUnderTest>(1);
                         })));
INSTANTIATE_TEST_SUITE_P(ThreeMembers, StoreConformance, testing::Values(EngineFactory([] {
                           return std::make_unique<EtcdUnderTest>(3);
                         })));
INSTANTIATE_TEST_SUITE_P(SharedWithOthers, StoreConformance, testing::Values(EngineFactory([] {
                           return std::make_unique<EtcdUnderTest>(1, /*has_neighbour=*/true);
                         })));

}  // namespace
}  // namespace heddle::storage
