// What only the embedded engine has: its directory, its single candidate, its history limit.
#include "storage/rocksdb/rocksdb_store.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/child_process.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

class RocksdbStoreTest : public testing::Test {
 protected:
  RocksdbOptions Options() const {
    RocksdbOptions options;
    options.path = path_;
    return options;
  }
  std::unique_ptr<Store> Open() {
    auto store = OpenRocksdbStore(Options());
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_.path() + "/a/b";
};

TEST_F(RocksdbStoreTest, ASecondProcessIsRefused) {
  const auto store = Open();
  ChildProcess second({"storage/rocksdb/commit_loop", path_, "1"});
  const std::string error = second.ReadErrors();
  const int status = second.Wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
  EXPECT_TRUE(absl::StrContains(error, path_)) << error;
  EXPECT_TRUE(absl::StrContains(error, "in use by another process")) << error;
  EXPECT_TRUE(CommitAndWait(*store, {{}, {}, {Put("k", "v")}}).ok());
}

TEST_F(RocksdbStoreTest, ASecondStoreInOneProcessIsRefused) {
  const auto store = Open();
  const auto second = OpenRocksdbStore(Options());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), path_)) << second.status();
}

TEST_F(RocksdbStoreTest, APathThatIsNoDirectoryIsRefused) {
  std::filesystem::create_directories(scratch_.path() + "/a");
  std::ofstream(path_) << "a file";
  const auto store = OpenRocksdbStore(Options());
  EXPECT_FALSE(store.ok());
  EXPECT_TRUE(absl::StrContains(store.status().message(), path_)) << store.status();
  EXPECT_TRUE(absl::IsInvalidArgument(OpenRocksdbStore({}).status()));
}

TEST_F(RocksdbStoreTest, AnInterruptedCreationIsFinished) {
  ASSERT_TRUE(std::filesystem::create_directories(path_));
  ASSERT_TRUE(Database::Create(path_ + "/rocksdb.new", {"half made", absl::UnixEpoch(), false},
                               rocksdb::Env::Default())
                  .ok());
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->Describe().position.revision, 0u);
  EXPECT_NE(store->Describe().position.history, "half made");
}

TEST_F(RocksdbStoreTest, TwoStoresHaveDifferentHistories) {
  const std::string first = Open()->Describe().position.history;
  RocksdbOptions other = Options();
  other.path = scratch_.path() + "/other";
  const auto store = OpenRocksdbStore(other);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_NE((*store)->Describe().position.history, first);
  EXPECT_EQ(first.size(), 32u);
}

TEST_F(RocksdbStoreTest, ANewerSchemaIsRefused) {
  Open();
  {
    auto database =
        Database::Open(path_ + "/rocksdb", Database::Mode::kReadWrite, rocksdb::Env::Default());
    ASSERT_TRUE(database.ok()) << database.status();
    rocksdb::WriteOptions synced;
    synced.sync = true;
    ASSERT_TRUE((*database)->raw()->Put(synced, "schema", EncodeNumber(1000)).ok());
  }
  const auto store = OpenRocksdbStore(Options());
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status())) << store.status();
  EXPECT_TRUE(absl::StrContains(store.status().message(), "newer version")) << store.status();
}

TEST_F(RocksdbStoreTest, ThereIsOneCandidateAtATime) {
  const auto store = Open();
  RecordingListener one, two;
  auto candidacy = store->Campaign({"one", "", ""}, &one);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  ASSERT_TRUE(one.WaitForElection());
  const auto refused = store->Campaign({"two", "", ""}, &two);
  EXPECT_TRUE(absl::IsAlreadyExists(refused.status())) << refused.status();
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "'one'")) << refused.status();
}

TEST_F(RocksdbStoreTest, TheChangeLogIsBounded) {
  RocksdbOptions options = Options();
  options.history_limit = 80;
  auto store = *OpenRocksdbStore(options);
  const Position start = store->Describe().position;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(CommitAndWait(*store, {{}, {}, {Put("k", absl::StrCat(i))}}).ok());
  }
  RecordingSink sink, recent, again;
  auto subscription = store->Subscribe("", start, &sink);
  const std::optional<Revision> oldest = sink.WaitForCompacted();
  ASSERT_TRUE(oldest);
  EXPECT_GE(*oldest, 200u - 80 - 10);
  EXPECT_LE(*oldest, 200u - 80 + 1);
  auto kept = store->Subscribe("", {start.history, 200 - 80}, &recent);
  EXPECT_TRUE(recent.WaitForCount(80));
  subscription->reset();
  kept->reset();
  store.reset();

  // The same after a restart.
  store = *OpenRocksdbStore(options);
  subscription = store->Subscribe("", start, &again);
  EXPECT_EQ(again.WaitForCompacted(), oldest);
}

TEST_F(RocksdbStoreTest, ClosingEndsSubscriptionsAndAnswersWhatWasAccepted) {
  RecordingSink sink;
  int answered = 0;
  std::unique_ptr<Subscription> subscription;
  {
    const auto store = Open();
    subscription = *store->Subscribe("", store->Describe().position, &sink);
    for (int i = 0; i < 100; ++i) {
      store->Commit({{}, {}, {Put(absl::StrCat("k", i), "v")}},
                    [&](const absl::StatusOr<Outcome>& outcome) { answered += outcome.ok(); });
    }
  }
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(sink.seen().size(), 100u);
  EXPECT_TRUE(sink.WaitForEnd());
  EXPECT_EQ(Open()->Describe().position.revision, 100u);
}

TEST_F(RocksdbStoreTest, AFullQueueRefusesAtOnce) {
  RocksdbOptions options = Options();
  options.queue_limit = 1;
  const auto store = *OpenRocksdbStore(options);
  // The engine thread stands in the first answer, the second commit waits, the third is too many.
  Awaited<bool> entered, release;
  store->Commit({{}, {}, {Put("a", "1")}}, [&](const absl::StatusOr<Outcome>&) {
    entered.Set(true);
    release.Wait();
  });
  ASSERT_TRUE(entered.Wait());
  Awaited<absl::Status> second;
  store->Commit({{}, {}, {Put("b", "1")}},
                [&](const absl::StatusOr<Outcome>& o) { second.Set(o.status()); });
  EXPECT_TRUE(absl::IsUnavailable(CommitAndWait(*store, {{}, {}, {Put("c", "1")}}).status()));
  release.Set(true);
  EXPECT_TRUE(second.Wait().value_or(absl::CancelledError()).ok());
  EXPECT_FALSE(store->Get("c", Store::Consistency::kLinearizable)->has_value());
}

}  // namespace
}  // namespace heddle::storage
