#include "storage/etcd/local_copy.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "storage/etcd/waiters.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::storage {
namespace {

const History kHistory{"one", absl::FromUnixMillis(1000), false};

Change PutAt(const std::string& key, const std::string& value, Revision modified,
             Revision created = 0) {
  return {{key, value, created, modified}, false};
}
Change DeleteAt(const std::string& key, Revision modified) {
  return {{key, "", 0, modified}, true};
}

class LocalCopyTest : public testing::Test {
 protected:
  LocalCopyTest() { Open(); }
  void Open(std::size_t limit = 100) {
    copy_.reset();
    auto copy = LocalCopy::Open(scratch_.path(), limit);
    ASSERT_TRUE(copy.ok()) << copy.status();
    copy_ = *std::move(copy);
  }
  Batch MustApply(Batch batch) {
    auto applied = copy_->Apply({std::move(batch)});
    EXPECT_TRUE(applied.ok()) << applied.status();
    return applied.ok() && !applied->empty() ? applied->front() : Batch();
  }
  std::vector<Revision> Logged(Revision first, Revision last) {
    std::vector<Revision> revisions;
    const absl::Status read = copy_->log().Read(
        first, last, [&](const Batch& batch) { revisions.push_back(batch.revision); });
    EXPECT_TRUE(read.ok()) << read;
    return revisions;
  }
  // "key=value@modified" of each change; a deleted one without a value.
  static std::string Text(const std::vector<Change>& changes) {
    std::string text;
    for (const Change& c : changes) {
      if (!text.empty()) text += ' ';
      text += c.record.key + (c.deleted ? "" : "=" + c.record.value) + "@" +
              std::to_string(c.record.modified);
    }
    return text;
  }

  ScratchFolder scratch_;
  std::unique_ptr<LocalCopy> copy_;
};

TEST_F(LocalCopyTest, ItIsEmptyAndOfNoHistoryAtFirst) {
  EXPECT_EQ(copy_->history().id, "");
  EXPECT_EQ(copy_->revision(), 0u);
}

TEST_F(LocalCopyTest, WhatAnEventDoesNotSayIsFilledIn) {
  ASSERT_TRUE(copy_->Replace(kHistory, {}, 5).ok());
  EXPECT_EQ(MustApply({7, {PutAt("a", "1", 7)}}).changes[0].record.created, 7u);
  EXPECT_EQ(MustApply({9, {PutAt("a", "2", 9)}}).changes[0].record.created, 7u);
  const Batch gone = MustApply({12, {DeleteAt("a", 12), DeleteAt("never", 12)}});
  ASSERT_EQ(gone.changes.size(), 1u);
  EXPECT_EQ(gone.changes[0].record.created, 7u);
  EXPECT_TRUE(MustApply({13, {DeleteAt("never", 13)}}).changes.empty());
  EXPECT_EQ(copy_->revision(), 13u);
  EXPECT_EQ(Logged(6, 13), (std::vector<Revision>{7, 9, 12}));
}

TEST_F(LocalCopyTest, ItIsThereAfterReopening) {
  ASSERT_TRUE(copy_->Replace(kHistory, {{"a", "1", 3, 4}}, 5).ok());
  MustApply({8, {PutAt("b", "2", 8)}});
  copy_->Heard({77, 2, absl::FromUnixMillis(123)});
  ASSERT_TRUE(copy_->Apply({{10, {}}}).ok());
  Open();
  EXPECT_EQ(copy_->history().id, "one");
  EXPECT_EQ(copy_->history().began, kHistory.began);
  EXPECT_EQ(copy_->revision(), 10u);
  EXPECT_EQ(copy_->origin().cluster_id, 77u);
  EXPECT_EQ(copy_->origin().heard, absl::FromUnixMillis(123));
  EXPECT_EQ(copy_->log().Oldest(), 6u);
  EXPECT_EQ(Logged(6, 10), std::vector<Revision>{8});
  EXPECT_EQ((*copy_->Find("a"))->modified, 4u);
}

TEST_F(LocalCopyTest, DifferencesMakeItEqualToAListing) {
  ASSERT_TRUE(
      copy_->Replace(kHistory, {{"a", "1", 1, 1}, {"b", "1", 2, 2}, {"c", "1", 3, 3}}, 5).ok());
  auto changes = copy_->Differences({{"d", "4", 8, 8}, {"c", "9", 3, 7}, {"a", "1", 1, 1}}, 9);
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_EQ(Text(*changes), "b@9 c=9@7 d=4@8");
  const Batch applied = MustApply({9, *changes});
  EXPECT_EQ(applied.changes[0].record.created, 2u);
  EXPECT_EQ(applied.changes[1].record.created, 3u);
  Open();  // verifies all of it
  EXPECT_EQ(copy_->history().id, "one");
  EXPECT_EQ(copy_->Differences({{"a", "1", 1, 1}, {"c", "9", 3, 7}, {"d", "4", 8, 8}}, 9)->size(),
            0u);
  // A batch that came from a listing keeps when each record was modified.
  std::string text;
  ASSERT_TRUE(copy_->log().Read(9, 9, [&](const Batch& b) { text = Text(b.changes); }).ok());
  EXPECT_EQ(text, "b@9 c=9@7 d=4@8");
}

TEST_F(LocalCopyTest, WhatChangedAfterTheListingIsNoDifference) {
  ASSERT_TRUE(copy_->Replace(kHistory, {{"a", "1", 1, 1}, {"b", "1", 2, 2}}, 5).ok());
  MustApply({8, {PutAt("a", "2", 8), DeleteAt("b", 8)}});
  MustApply({9, {PutAt("c", "1", 9)}});
  const std::vector<Record> listing = {{"a", "1", 1, 1}, {"b", "1", 2, 2}, {"lost", "1", 6, 6}};
  const auto changes = copy_->Differences(listing, 7);
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_EQ(Text(*changes), "lost=1@6");
  ASSERT_TRUE(copy_->Trim(9).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(copy_->Differences(listing, 7).status()));
}

TEST_F(LocalCopyTest, AnotherHistoryEmptiesTheLog) {
  ASSERT_TRUE(copy_->Replace(kHistory, {{"a", "1", 1, 1}}, 5).ok());
  MustApply({8, {PutAt("b", "2", 8)}});
  ASSERT_TRUE(copy_->BeginHistory({"two", absl::UnixEpoch(), true}, 11).ok());
  EXPECT_EQ(copy_->log().Oldest(), 12u);
  EXPECT_TRUE(Logged(1, 11).empty());
  EXPECT_TRUE(*copy_->Find("b"));
  // One whose revisions are lower, as after a restore.
  ASSERT_TRUE(copy_->Replace({"three", absl::UnixEpoch(), true}, {{"a", "0", 1, 1}}, 3).ok());
  EXPECT_EQ(copy_->revision(), 3u);
  EXPECT_FALSE(*copy_->Find("b"));
  MustApply({4, {PutAt("c", "1", 4)}});
  Open();
  EXPECT_EQ(copy_->history().id, "three");
  EXPECT_TRUE(copy_->history().restored);
  EXPECT_EQ(Logged(4, 4), std::vector<Revision>{4});
}

TEST_F(LocalCopyTest, TheLogKeepsToItsLimit) {
  Open(/*limit=*/16);
  ASSERT_TRUE(copy_->Replace(kHistory, {}, 5).ok());
  for (Revision r = 10; r < 1000; r += 10) MustApply({r, {PutAt("k", "v", r)}});
  const std::vector<Revision> held = Logged(copy_->log().Oldest(), 1000);
  EXPECT_GE(held.size(), 16u);
  EXPECT_LE(held.size(), 18u);
  EXPECT_EQ(held.back(), 990u);
  EXPECT_EQ(held.front(), copy_->log().Oldest());
}

TEST_F(LocalCopyTest, AnEmbeddedStoreInTheSameFolderIsLeftAlone) {
  std::filesystem::create_directories(scratch_.path() + "/rocksdb");
  Open();
  EXPECT_TRUE(std::filesystem::exists(scratch_.path() + "/rocksdb"));
}

TEST(RevisionWaiters, AreCalledInOrderOnce) {
  RevisionWaiters waiters;
  std::string called;
  const auto note = [&](const char* name) {
    return [&called, name](const absl::Status& s) { called += s.ok() ? name : "!"; };
  };
  const auto at = [](int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); };
  const auto late = [](Revision) { return absl::UnavailableError("late"); };
  waiters.Add(7, at(3), note("c"));
  waiters.Add(5, at(1), note("a"));
  waiters.Add(6, at(2), note("b"));
  waiters.Add(9, at(4), note("d"));
  waiters.Reached(5);
  EXPECT_EQ(called, "a");
  EXPECT_FALSE(waiters.NoteOverdue(at(1)));
  EXPECT_TRUE(waiters.NoteOverdue(at(2)));
  EXPECT_FALSE(waiters.NoteOverdue(at(2)));
  EXPECT_TRUE(waiters.FailOverdue(at(2), late));
  EXPECT_FALSE(waiters.FailOverdue(at(2), late));
  waiters.Reached(8);
  EXPECT_EQ(called, "a!c");
  waiters.FailAll(absl::UnavailableError("closed"));
  EXPECT_EQ(called, "a!c!");
}

}  // namespace
}  // namespace heddle::storage
