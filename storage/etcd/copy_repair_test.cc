// A copy that is not what etcd has: too old, damaged, incomplete, or ahead.
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/etcd/local_copy.h"
#include "storage/etcd/replicas_fixture.h"

namespace heddle::storage {
namespace {

TEST_F(Replicas, WhatWasCompactedAwayComesAsOneBatch) {
  StartCluster(1);
  const auto a = MustOpen(Options("a"));
  MustPut(*a, "stays", "1");
  MustPut(*a, "goes", "1");
  Position known;
  {
    const auto b = MustOpen(Options("b"));
    known = b->Describe().position;
  }
  const Revision changed = MustPut(*a, "stays", "2").revision;
  MustPut(*a, "new", "1");
  ASSERT_TRUE(CommitAndWait(*a, {{}, {}, {Delete("goes")}}).ok());
  const Position last = MustPut(*a, "new", "2");
  const auto compacted = cluster_->Etcdctl({"compact", absl::StrCat(last.revision)});
  ASSERT_TRUE(compacted.ok()) << compacted.status();

  const auto b = MustOpen(Options("b"));
  RecordingSink sink;
  auto subscription = b->Subscribe("", known, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  ASSERT_TRUE(sink.WaitForCount(1));
  const RecordingSink::Seen batch = sink.seen()[0];
  EXPECT_GE(batch.revision, last.revision);
  ASSERT_EQ(batch.changes.size(), 3u);
  EXPECT_EQ(batch.changes[0].record.key, "goes");
  EXPECT_TRUE(batch.changes[0].deleted);
  EXPECT_EQ(batch.changes[1].record.key, "new");
  EXPECT_EQ(batch.changes[1].record.value, "2");
  EXPECT_EQ(batch.changes[2].record.key, "stays");
  EXPECT_EQ(batch.changes[2].record.modified, changed);
  EXPECT_EQ(b->Describe().position.history, known.history);
  const Position live = MustPut(*b, "live", "1");
  ASSERT_TRUE(sink.WaitForCount(2));
  EXPECT_EQ(sink.seen()[1].revision, live.revision);
}

TEST_F(Replicas, ADamagedCopyIsThrownAwayAndFilledAnew) {
  StartCluster(1);
  const EtcdOptions options = Options("a");
  std::string history;
  {
    const auto a = MustOpen(options);
    for (int i = 0; i < 50; ++i) MustPut(*a, absl::StrCat("k", i), std::string(1000, 'v'));
    history = a->Describe().history.id;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.copy_path)) {
    if (!entry.is_regular_file() || entry.file_size() < 1000) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
    file << std::string(200, '#');
  }
  const auto a = MustOpen(options);
  EXPECT_EQ(a->Describe().history.id, history);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Local(*a, absl::StrCat("k", i)), std::string(1000, 'v'));
}

// What old versions of etcd are known for: events that never came.
TEST_F(Replicas, ACopyThatMissedEventsIsFoundAndPutRight) {
  StartCluster(1);
  EtcdOptions options = Options("a");
  options.compare_every = absl::Milliseconds(500);
  Revision changed = 0;
  {
    const auto a = MustOpen(options);
    MustPut(*a, "deleted", "old");
    MustPut(*a, "changed", "old");
    ASSERT_TRUE(CommitAndWait(*a, {{}, {}, {Delete("deleted")}}).ok());
    changed = MustPut(*a, "changed", "new").revision;
    MustPut(*a, "missed", "v");
  }
  {
    auto copy = LocalCopy::Open(options.copy_path, 100);
    ASSERT_TRUE(copy.ok()) << copy.status();
    const absl::Status written =
        (*copy)->Replace((*copy)->history(),
                         {{"changed", "old", changed - 2, changed - 2}, {"deleted", "old", 3, 3}},
                         (*copy)->revision());
    ASSERT_TRUE(written.ok()) << written;
  }
  const auto a = MustOpen(options);
  const Position known = a->Describe().position;
  EXPECT_EQ(Local(*a, "changed"), "old");
  RecordingSink sink;
  auto subscription = a->Subscribe("", known, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  ASSERT_TRUE(sink.WaitForCount(1));
  EXPECT_GT(sink.seen()[0].revision, known.revision);
  ASSERT_EQ(sink.seen()[0].changes.size(), 3u);
  EXPECT_EQ(sink.seen()[0].changes[0].record.modified, changed);
  EXPECT_EQ(Local(*a, "changed"), "new");
  EXPECT_EQ(Local(*a, "missed"), "v");
  EXPECT_EQ(Local(*a, "deleted"), "");
  EXPECT_EQ(a->Describe().position.history, known.history);
  absl::SleepFor(absl::Seconds(2));
  EXPECT_EQ(sink.seen().size(), 1u) << "and then nothing differs";
}

// A restore that later writes hide: etcd's revision is above the copy's again.
TEST_F(Replicas, ACopyThatKnowsMoreThanEtcdBeginsANewHistory) {
  StartCluster(1);
  EtcdOptions options = Options("a");
  options.compare_every = absl::Milliseconds(500);
  Position known;
  {
    const auto a = MustOpen(options);
    MustPut(*a, "k", "etcd's");
    known = MustPut(*a, "l", "v");
  }
  {
    auto copy = LocalCopy::Open(options.copy_path, 100);
    ASSERT_TRUE(copy.ok()) << copy.status();
    const absl::Status written = (*copy)->Replace(
        (*copy)->history(), {{"k", "newer", known.revision, known.revision}}, known.revision);
    ASSERT_TRUE(written.ok()) << written;
  }
  const auto a = MustOpen(options);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a->Describe().history.id != known.history; }));
  EXPECT_TRUE(a->Describe().history.restored);
  EXPECT_EQ(Local(*a, "k"), "etcd's");
}

TEST_F(Replicas, TwoProcessesCannotShareACopy) {
  StartCluster(1);
  const auto a = MustOpen(Options("a"));
  const absl::Status second = OpenEtcdStore(Options("a")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
}

}  // namespace
}  // namespace heddle::storage
