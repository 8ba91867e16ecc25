// commit_loop PATH FIRST: opens the store and commits key/FIRST, key/FIRST+1, ... until it is
// killed, sixteen in flight. Each acknowledged one is a line "<number> <revision>" on standard
// output. An error is a line on standard error and exit code 1.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::storage {
namespace {

constexpr int kLanes = 16;

[[noreturn]] void Fail(const absl::Status& status) {
  fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  _exit(1);
}

// One commit in flight; the next one, kLanes further, follows its answer.
class Lane {
 public:
  Lane(Store* store, int number) : store_(store), number_(number) {}

  void Commit() {
    Transaction transaction;
    transaction.writes.push_back(
        {Write::Kind::kPut, absl::StrCat("key/", number_), std::string(200, 'v')});
    store_->Commit(std::move(transaction), [this](const absl::StatusOr<Outcome>& outcome) {
      if (!outcome.ok()) Fail(outcome.status());
      const std::string line = absl::StrCat(number_, " ", outcome->position.revision, "\n");
      if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(2);
      number_ += kLanes;
      Commit();
    });
  }

 private:
  Store* const store_;
  int number_;
};

[[noreturn]] void Run(const std::string& path, int first) {
  RocksdbOptions options;
  options.path = path;
  auto store = OpenRocksdbStore(options);
  if (!store.ok()) Fail(store.status());
  std::vector<Lane> lanes;
  for (int i = 0; i < kLanes; ++i) lanes.emplace_back(store->get(), first + i);
  for (Lane& lane : lanes) lane.Commit();
  for (;;) pause();
}

}  // namespace
}  // namespace heddle::storage

int main(int argc, char** argv) {
  int first = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[2], &first)) {
    fprintf(stderr, "usage: commit_loop PATH FIRST\n");
    return 2;
  }
  heddle::storage::Run(argv[1], first);
}
