// A damaged directory: opening it is a clear error, or all that was acknowledged is there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kRecords = 400;

RocksdbOptions At(const std::string& path) {
  RocksdbOptions options;
  options.path = path;
  return options;
}

std::string ValueOf(int number) { return absl::StrCat(number, std::string(100, 'v')); }

// A store with table files, and a log with half of the records.
void Fill(const std::string& path) {
  for (const int first : {0, kRecords / 4, kRecords / 2}) {
    auto store = OpenRocksdbStore(At(path));
    ASSERT_TRUE(store.ok()) << store.status();
    const int last = first == kRecords / 2 ? kRecords : first + kRecords / 4;
    for (int i = first; i < last; ++i) {
      ASSERT_TRUE(
          CommitAndWait(**store, {{}, {}, {Put(absl::StrCat("key/", i), ValueOf(i))}}).ok());
    }
  }
}

class Damage : public testing::Test {
 protected:
  void SetUp() override { Fill(whole()); }

  std::string whole() const { return scratch_.path() + "/whole"; }

  // A fresh copy to damage.
  std::string Copy() {
    const std::string path = absl::StrCat(scratch_.path(), "/copy", ++copies_);
    fs::copy(whole(), path, fs::copy_options::recursive);
    return path;
  }

  // Files of the database whose name contains `part`, largest first.
  static std::vector<std::string> Files(const std::string& path, const std::string& part) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(path + "/rocksdb")) {
      if (absl::StrContains(entry.path().filename().string(), part)) {
        files.push_back(entry.path().string());
      }
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
      return std::make_pair(fs::file_size(b), a) < std::make_pair(fs::file_size(a), b);
    });
    return files;
  }

  // True when it opened with everything, false when it was refused; anything else fails the test.
  static bool OpensWhole(const std::string& path) {
    auto store = OpenRocksdbStore(At(path));
    if (!store.ok()) {
      EXPECT_TRUE(absl::StrContains(store.status().message(), path)) << store.status();
      EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
      EXPECT_TRUE(absl::StrContains(store.status().message(), "restore a backup"))
          << store.status();
      return false;
    }
    EXPECT_EQ((*store)->Describe().position.revision, static_cast<Revision>(kRecords));
    for (int i = 0; i < kRecords; ++i) {
      const auto record = (*store)->Get(absl::StrCat("key/", i), Store::Consistency::kLinearizable);
      EXPECT_TRUE(record.ok() && *record && (*record)->value == ValueOf(i))
          << "key/" << i << " is lost without a word: " << record.status();
      if (!record.ok() || !*record) break;
    }
    return true;
  }

  ScratchFolder scratch_;

 private:
  int copies_ = 0;
};

void FlipByte(const std::string& file, std::uintmax_t at) {
  const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0) << file;
  char byte = 0;
  ASSERT_EQ(pread(fd, &byte, 1, at), 1) << file << " at " << at;
  byte ^= 0x55;
  ASSERT_EQ(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

TEST_F(Damage, AnUndamagedCopyOpens) { EXPECT_TRUE(OpensWhole(Copy())); }

TEST_F(Damage, TheEssentialFilesAreRefusedWhenFlippedCutOrMissing) {
  for (const std::string part : {"CURRENT", "MANIFEST", ".log", ".sst"}) {
    for (const std::string how : {"flip", "cut", "remove"}) {
      SCOPED_TRACE(absl::StrCat(part, " ", how));
      const std::string path = Copy();
      const std::vector<std::string> files = Files(path, part);
      ASSERT_FALSE(files.empty());
      const std::uintmax_t middle = fs::file_size(files[0]) / 2;
      if (how == "flip") FlipByte(files[0], middle);
      if (how == "cut") fs::resize_file(files[0], middle);
      if (how == "remove") fs::remove(files[0]);
      EXPECT_FALSE(OpensWhole(path));
    }
  }
}

TEST_F(Damage, ARefusalChangesNoData) {
  const std::string path = Copy();
  const std::string log = Files(path, ".log")[0];
  fs::resize_file(log, fs::file_size(log) / 2);
  const auto contents = [&] {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(path + "/rocksdb")) {
      if (absl::StartsWith(entry.path().filename().string(), "LOG")) continue;  // RocksDB's diary
      all[entry.path().string()] = *ReadFile(entry.path().string());
    }
    return all;
  };
  const auto before = contents();
  EXPECT_FALSE(OpensWhole(path));
  EXPECT_EQ(contents(), before);
}

TEST_F(Damage, AMissingOrDamagedMark) {
  const std::string without = Copy();
  fs::remove(without + "/acknowledged");
  EXPECT_TRUE(OpensWhole(without)) << "as in a copy of the database alone";
  const std::string flipped = Copy();
  FlipByte(flipped + "/acknowledged", 40);
  EXPECT_FALSE(OpensWhole(flipped));
}

TEST_F(Damage, AMissingDatabaseIsNotTakenForANewOne) {
  const std::string path = Copy();
  fs::remove_all(path + "/rocksdb");
  EXPECT_FALSE(OpensWhole(path));
  EXPECT_FALSE(fs::exists(path + "/rocksdb"));
}

TEST_F(Damage, AnythingAtRandomIsRefusedOrHarmless) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  printf("seed %u\n", seed);
  std::mt19937_64 random(seed);
  int refused = 0, harmless = 0;
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    const std::string path = Copy();
    std::vector<std::string> files = Files(path, "");
    files.erase(std::remove_if(files.begin(), files.end(),
                               [](const std::string& f) { return fs::file_size(f) == 0; }),
                files.end());
    const std::string file = files[random() % files.size()];
    const std::uintmax_t at = random() % fs::file_size(file);
    const bool flip = random() % 2 == 0;
    SCOPED_TRACE(absl::StrCat(file, flip ? " flipped at " : " cut at ", at));
    if (flip) {
      FlipByte(file, at);
    } else {
      fs::resize_file(file, at);
    }
    ++(OpensWhole(path) ? harmless : refused);
    fs::remove_all(path);
  }
  printf("%d refused, %d harmless\n", refused, harmless);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace heddle::storage
