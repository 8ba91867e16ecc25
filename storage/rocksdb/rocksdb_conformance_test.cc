#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "storage/conformance.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::storage {
namespace {

class RocksdbUnderTest final : public EngineUnderTest {
 public:
  RocksdbUnderTest() { Open(); }

  Store& store() override { return *store_; }
  void Reopen() override {
    store_.reset();
    Open();
  }
  // The files as they are while the store is open are what a killed process would leave.
  void ReopenAfterCrash() override {
    const std::string from = path_;
    path_ = scratch_.path() + "/copy" + std::to_string(++copies_);
    std::filesystem::copy(from, path_, std::filesystem::copy_options::recursive);
    store_.reset();
    Open();
  }

 private:
  void Open() {
    RocksdbOptions options;
    options.path = path_;
    auto store = OpenRocksdbStore(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  ScratchFolder scratch_;
  std::string path_ = scratch_.path() + "/store";
  int copies_ = 0;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Rocksdb, StoreConformance, testing::Values(EngineFactory([] {
                           return std::make_unique<RocksdbUnderTest>();
                         })));

}  // namespace
}  // namespace heddle::storage
