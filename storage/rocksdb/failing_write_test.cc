// Writes and syncs that fail under a running store: what is unknown becomes known, in order.
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/iostats_context.h"
#include "rocksdb/perf_level.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

struct Faults {
  std::atomic<bool> fail_append{false};  // nothing reaches the log
  std::atomic<bool> fail_sync{false};    // all reaches the log, and yet it fails
  std::atomic<bool> fail_open{false};    // no new log can be made
};

rocksdb::IOStatus InjectedError() { return rocksdb::IOStatus::IOError("injected"); }

class FaultyLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyLog(std::unique_ptr<rocksdb::FSWritableFile> file, Faults* faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& bytes, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (faults_->fail_append) return InjectedError();
    return FSWritableFileOwnerWrapper::Append(bytes, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    if (faults_->fail_sync) return InjectedError();
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }

 private:
  Faults* const faults_;
};

class FaultyDisk final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyDisk(Faults* faults)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyDisk"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    const bool is_log = absl::EndsWith(name, ".log");
    if (is_log && faults_->fail_open) return InjectedError();
    const rocksdb::IOStatus made = target()->NewWritableFile(name, options, file, debug);
    if (made.ok() && is_log) *file = std::make_unique<FaultyLog>(std::move(*file), faults_);
    return made;
  }

 private:
  Faults* const faults_;
};

class FailingWrite : public testing::Test {
 protected:
  void SetUp() override {
    RocksdbOptions options;
    options.path = scratch_.path() + "/store";
    options.env = env_.get();
    options.reopen_interval = absl::Milliseconds(20);
    auto store = OpenRocksdbStore(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    start_ = store_->Describe().position;
    auto subscription = store_->Subscribe("", start_, &sink_);
    ASSERT_TRUE(subscription.ok()) << subscription.status();
    subscription_ = *std::move(subscription);
  }
  void TearDown() override { subscription_.reset(); }

  absl::StatusOr<Outcome> CommitKey(const std::string& key) {
    return CommitAndWait(*store_, {{}, {Absent(key)}, {Put(key, "v")}});
  }
  // Until the store is writable again.
  absl::StatusOr<Outcome> CommitWithPatience(const std::string& key) {
    absl::StatusOr<Outcome> outcome = CommitKey(key);
    for (int i = 0; i < 500 && absl::IsUnavailable(outcome.status()); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      outcome = CommitKey(key);
    }
    return outcome;
  }
  bool Has(const std::string& key) {
    const auto record = store_->Get(key, Store::Consistency::kLinearizable);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() && record->has_value();
  }
  void ExpectFeed(const std::vector<std::string>& keys) {
    ASSERT_TRUE(sink_.WaitForCount(keys.size()));
    const auto seen = sink_.seen();
    ASSERT_EQ(seen.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(seen[i].revision, start_.revision + 1 + i);
      EXPECT_EQ(seen[i].changes[0].record.key, keys[i]);
    }
  }

  Faults faults_;
  const ScratchFolder scratch_;
  const std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(std::make_shared<FaultyDisk>(&faults_));
  RecordingSink sink_;
  std::unique_ptr<Store> store_;
  Position start_;
  std::unique_ptr<Subscription> subscription_;
};

TEST_F(FailingWrite, WhatDidNotReachTheLogWasNotApplied) {
  ASSERT_TRUE(CommitKey("a").ok());
  faults_.fail_append = true;
  const auto unknown = CommitKey("b");
  EXPECT_TRUE(absl::IsUnknown(unknown.status())) << unknown.status();
  faults_.fail_append = false;
  const auto next = CommitWithPatience("c");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_FALSE(Has("b"));
  ExpectFeed({"a", "c"});
}

TEST_F(FailingWrite, WhatIsFoundCommittedIsDeliveredBeforeWhatFollows) {
  ASSERT_TRUE(CommitKey("a").ok());
  faults_.fail_sync = true;
  const auto unknown = CommitKey("b");
  EXPECT_TRUE(absl::IsUnknown(unknown.status())) << unknown.status();
  faults_.fail_sync = false;
  const auto next = CommitWithPatience("c");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(Has("b"));
  EXPECT_EQ(next->position.revision, start_.revision + 3);
  ExpectFeed({"a", "b", "c"});
  // Trying the unknown one again tells its caller what became of it.
  EXPECT_EQ(CommitKey("b")->kind, Outcome::Kind::kGuardFailed);
}

TEST_F(FailingWrite, AllOfAGroupIsUnknown) {
  // The engine thread is kept busy, so that the next three are one group.
  Awaited<bool> entered, release;
  store_->Commit({{}, {}, {Put("first", "v")}}, [&](const absl::StatusOr<Outcome>&) {
    entered.Set(true);
    release.Wait();
  });
  ASSERT_TRUE(entered.Wait());
  faults_.fail_sync = true;
  Awaited<absl::Status> answers[3];
  for (int i = 0; i < 3; ++i) {
    store_->Commit({{}, {PrefixEmpty("p/")}, {Put(absl::StrCat("p/", i), "v")}},
                   [&answers, i](const absl::StatusOr<Outcome>& outcome) {
                     answers[i].Set(outcome.status());
                   });
  }
  release.Set(true);
  for (auto& answer : answers) {
    const absl::Status status = answer.Wait().value_or(absl::OkStatus());
    EXPECT_TRUE(absl::IsUnknown(status)) << status;
  }
  faults_.fail_sync = false;
  ASSERT_TRUE(CommitWithPatience("last").ok());
  ExpectFeed({"first", "p/0", "last"});
}

TEST_F(FailingWrite, WhileItCannotReopenReadsGoOnAndTheAlarmSaysWhy) {
  ASSERT_TRUE(CommitKey("a").ok());
  faults_.fail_open = true;
  faults_.fail_sync = true;
  EXPECT_TRUE(absl::IsUnknown(CommitKey("b").status()));
  for (int i = 0; i < 5; ++i) {
    const auto refused = CommitKey("c");
    EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
    EXPECT_TRUE(absl::StrContains(refused.status().message(), "injected")) << refused.status();
    EXPECT_TRUE(Has("a"));
    EXPECT_FALSE(store_->Describe().writable);
    EXPECT_FALSE(store_->Describe().alarms.empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  faults_.fail_open = false;
  faults_.fail_sync = false;
  ASSERT_TRUE(CommitWithPatience("c").ok());
  EXPECT_TRUE(store_->Describe().writable);
  ExpectFeed({"a", "b", "c"});
}

TEST_F(FailingWrite, AFenceStaysGoodOverAReopen) {
  RecordingListener listener;
  auto candidacy = store_->Campaign({"one", "", ""}, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  const auto fence = listener.WaitForElection();
  ASSERT_TRUE(fence);
  faults_.fail_append = true;
  EXPECT_TRUE(absl::IsUnknown(CommitKey("b").status()));
  faults_.fail_append = false;
  ASSERT_TRUE(CommitWithPatience("c").ok());
  EXPECT_EQ(CommitAndWait(*store_, {fence, {}, {Put("d", "v")}})->kind, Outcome::Kind::kApplied);
}

// Answers come from the engine thread, whose own I/O statistics say whether it has synced.
TEST_F(FailingWrite, NoAnswerBeforeASync) {
  std::uint64_t synced_nanos = 0;
  for (int i = 0; i < 20; ++i) {
    Awaited<bool> grew;
    store_->Commit({{}, {}, {Put("k", absl::StrCat(i))}}, [&](const absl::StatusOr<Outcome>&) {
      rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableTime);
      const std::uint64_t now = rocksdb::get_iostats_context()->fsync_nanos;
      grew.Set(now > std::exchange(synced_nanos, now));
    });
    const bool synced = grew.Wait().value_or(false);
    EXPECT_TRUE(synced || i == 0) << i;  // measured from the first answer on
  }
}

}  // namespace
}  // namespace heddle::storage
