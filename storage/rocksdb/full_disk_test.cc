// A disk that fills up under a running store, and has room again.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

// Before RocksDB starts its threads, which would stay in the namespace they were made in.
class PrivateMounts : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0) << "this test must run as root: " << strerror(errno);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << strerror(errno);
  }
};
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new PrivateMounts);

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(mount("none", disk().c_str(), "tmpfs", 0, "size=32m"), 0) << strerror(errno);
    Open();
  }
  void TearDown() override {
    store_.reset();
    EXPECT_EQ(umount2(disk().c_str(), MNT_DETACH), 0) << strerror(errno);
  }

  const std::string& disk() const { return scratch_.path(); }
  std::string path() const { return disk() + "/store"; }

  absl::Status TryOpen() {
    RocksdbOptions options;
    options.path = path();
    options.reopen_interval = absl::Milliseconds(50);
    auto store = OpenRocksdbStore(options);
    if (store.ok()) store_ = *std::move(store);
    return store.status();
  }
  void Open() {
    const absl::Status opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
  }

  // Takes every free byte.
  void FillDisk() {
    const int fd = open((disk() + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0) << strerror(errno);
    const std::string block(4096, 'x');
    while (write(fd, block.data(), block.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
    close(fd);
  }
  void FreeDisk() { ASSERT_EQ(unlink((disk() + "/filler").c_str()), 0) << strerror(errno); }

  // One commit of a new key; notes what is known of it.
  absl::Status CommitOne() {
    const std::string key = absl::StrCat("key/", ++number_);
    const auto outcome = CommitAndWait(*store_, {{}, {}, {Put(key, std::string(16 << 10, 'v'))}});
    if (outcome.ok()) acknowledged_.insert(key);
    if (absl::IsUnavailable(outcome.status())) refused_.insert(key);
    return outcome.status();
  }
  absl::Status CommitUntilError() {
    for (int i = 0; i < 5000; ++i) {
      if (absl::Status status = CommitOne(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  bool CommitUntilOk() {
    for (int i = 0; i < 400; ++i) {
      if (CommitOne().ok()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  void CheckRecords() {
    for (const std::string& key : acknowledged_) {
      const auto record = store_->Get(key, Store::Consistency::kLinearizable);
      EXPECT_TRUE(record.ok() && *record) << key << " was acknowledged: " << record.status();
    }
    for (const std::string& key : refused_) {
      const auto record = store_->Get(key, Store::Consistency::kLinearizable);
      EXPECT_TRUE(record.ok() && !*record) << key << " was refused: " << record.status();
    }
  }

  std::unique_ptr<Store> store_;
  std::set<std::string> acknowledged_, refused_;

 private:
  ScratchFolder scratch_;
  int number_ = 0;
};

TEST_F(FullDisk, IsToldAndEndsWhenThereIsRoomAgain) {
  const Position start = store_->Describe().position;
  RecordingSink sink;
  auto subscription = store_->Subscribe("", start, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(CommitOne().ok());

  FillDisk();
  const absl::Status first = CommitUntilError();
  EXPECT_TRUE(absl::IsUnknown(first)) << first;
  EXPECT_TRUE(absl::StrContains(first.message(), "No space left")) << first;
  const absl::Status next = CommitOne();
  EXPECT_TRUE(absl::IsUnavailable(next)) << next;
  EXPECT_TRUE(absl::StrContains(next.message(), "free some space")) << next;
  EXPECT_TRUE(absl::StrContains(next.message(), path())) << next;
  const Health health = store_->Describe();
  EXPECT_FALSE(health.writable);
  ASSERT_FALSE(health.alarms.empty());
  EXPECT_TRUE(absl::StrContains(health.alarms[0], "full")) << health.alarms[0];
  CheckRecords();
  EXPECT_TRUE(store_->List("key/", "", 10, Store::Consistency::kLocal).ok());

  FreeDisk();
  ASSERT_TRUE(CommitUntilOk()) << store_->Describe().alarms.at(0);
  EXPECT_TRUE(store_->Describe().writable);
  EXPECT_TRUE(store_->Describe().alarms.empty());
  CheckRecords();

  // The feed went on without a gap, and has exactly what is in the store.
  const Position end = store_->Describe().position;
  ASSERT_TRUE(sink.WaitForCount(end.revision - start.revision));
  std::set<std::string> delivered;
  for (std::size_t i = 0; i < sink.seen().size(); ++i) {
    EXPECT_EQ(sink.seen()[i].revision, start.revision + 1 + i);
    delivered.insert(sink.seen()[i].changes[0].record.key);
  }
  for (const std::string& key : delivered) {
    EXPECT_TRUE((*store_->Get(key, Store::Consistency::kLinearizable)).has_value()) << key;
  }
  for (const std::string& key : acknowledged_) EXPECT_TRUE(delivered.count(key)) << key;
  for (const std::string& key : refused_) EXPECT_FALSE(delivered.count(key)) << key;

  subscription->reset();
  store_.reset();
  Open();
  EXPECT_EQ(store_->Describe().position.revision, end.revision);
  CheckRecords();
}

TEST_F(FullDisk, SeveralTimesOverLosesNothing) {
  for (int round = 0; round < 3; ++round) {
    FillDisk();
    EXPECT_FALSE(CommitUntilError().ok());
    FreeDisk();
    ASSERT_TRUE(CommitUntilOk()) << store_->Describe().alarms.at(0);
    CheckRecords();
  }
}

TEST_F(FullDisk, AStoreClosedWhileItIsFullOpensOnceThereIsRoom) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(CommitOne().ok());
  FillDisk();
  EXPECT_FALSE(CommitUntilError().ok());
  store_.reset();
  const absl::Status refused = TryOpen();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "free some space")) << refused;
  FreeDisk();
  Open();
  CheckRecords();
  EXPECT_TRUE(CommitOne().ok());
}

TEST_F(FullDisk, ACandidateWaitsForRoomAndIsElectedThen) {
  FillDisk();
  EXPECT_FALSE(CommitUntilError().ok());
  RecordingListener listener;
  auto candidacy = store_->Campaign({"one", "", ""}, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(listener.fence());
  FreeDisk();
  ASSERT_TRUE(listener.WaitForElection());
  EXPECT_EQ(CommitAndWait(*store_, {listener.fence(), {}, {Put("k", "v")}})->kind,
            Outcome::Kind::kApplied);
}

TEST_F(FullDisk, AtTheStartIsSaidAndLosesNothing) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(CommitOne().ok());
  store_.reset();
  FillDisk();
  const absl::Status opened = TryOpen();
  EXPECT_TRUE(absl::IsResourceExhausted(opened)) << opened;
  EXPECT_TRUE(absl::StrContains(opened.message(), path())) << opened;
  EXPECT_TRUE(absl::StrContains(opened.message(), "free some space there")) << opened;
  FreeDisk();
  Open();
  CheckRecords();
}

}  // namespace
}  // namespace heddle::storage
