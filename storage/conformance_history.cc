// What a new history keeps, and what it ends.
#include "absl/time/clock.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

TEST_P(StoreConformance, ANewHistoryKeepsTheRecordsAndSaysWhatItIs) {
  const Revision created = MustPut("k", "v").revision;
  const Position before = Now();
  const absl::Time began_after = absl::Now() - absl::Milliseconds(1);
  ASSERT_TRUE(store().StartNewHistory().ok());

  const History history = store().Describe().history;
  EXPECT_NE(history.id, before.history);
  EXPECT_EQ(history.id, Now().history);
  EXPECT_TRUE(history.restored);
  EXPECT_GE(history.began, began_after);
  EXPECT_LE(history.began, absl::Now());
  const std::optional<Record> record = MustGet("k");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->value, "v");
  EXPECT_EQ(record->created, created);

  const Position after = MustPut("k", "w");
  EXPECT_EQ(after.history, history.id);
  EXPECT_GT(after.revision, before.revision);
}

TEST_P(StoreConformance, AStoreThatIsNewWasNotRestored) {
  EXPECT_FALSE(store().Describe().history.restored);
  EXPECT_EQ(store().Describe().history.id, Now().history);
}

TEST_P(StoreConformance, ANewHistoryEndsSubscriptionsAndRefusesFormerPositions) {
  MustPut("k", "1");
  const Position before = Now();
  RecordingSink sink, next;
  auto subscription = store().Subscribe("", before, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  ASSERT_TRUE(store().StartNewHistory().ok());
  EXPECT_TRUE(sink.WaitForEnd());
  const std::size_t seen = sink.seen().size();
  EXPECT_TRUE(absl::IsFailedPrecondition(store().Subscribe("", before, &next).status()));

  const Position now = Now();
  auto again = store().Subscribe("", now, &next);
  ASSERT_TRUE(again.ok()) << again.status();
  const Revision live = MustPut("k", "2").revision;
  ASSERT_TRUE(next.WaitForCount(1));
  EXPECT_EQ(next.revisions(), std::vector<Revision>{live});
  EXPECT_EQ(sink.seen().size(), seen) << "the former history's subscription has ended";
}

TEST_P(StoreConformance, ANewHistoryHoldsNoChangesOfTheFormer) {
  const Revision first = MustPut("k", "1").revision;
  MustPut("k", "2");
  ASSERT_TRUE(store().StartNewHistory().ok());
  RecordingSink sink;
  auto subscription = store().Subscribe("", {Now().history, first}, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  EXPECT_TRUE(sink.WaitForCompacted());
  EXPECT_TRUE(sink.seen().empty());
}

TEST_P(StoreConformance, ANewHistoryMakesEveryFenceOldAndElectsAnew) {
  RecordingListener listener;
  auto candidacy = store().Campaign({"one", "", ""}, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  const std::optional<Fence> old_fence = listener.WaitForElection();
  ASSERT_TRUE(old_fence);
  ASSERT_TRUE(store().StartNewHistory().ok());

  const auto refused = CommitAndWait(store(), {old_fence, {}, {Put("k", "old")}});
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->kind, Outcome::Kind::kFenced);
  std::optional<Fence> new_fence = listener.WaitForNextElection(old_fence->term());
  ASSERT_TRUE(new_fence);
  EXPECT_EQ(listener.depositions(), 1);
  EXPECT_EQ(CommitAndWait(store(), {new_fence, {}, {Put("k", "new")}})->kind,
            Outcome::Kind::kApplied);
}

TEST_P(StoreConformance, ANewHistoryEndsListings) {
  MustPut("k/1", "v");
  MustPut("k/2", "v");
  const auto page = store().List("k/", "", 1, Store::Consistency::kLinearizable);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_FALSE(page->next_cursor.empty());
  ASSERT_TRUE(store().StartNewHistory().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      store().List("k/", page->next_cursor, 1, Store::Consistency::kLinearizable).status()));
}

TEST_P(StoreConformance, ANewHistorySurvivesReopening) {
  for (const auto reopen : {&EngineUnderTest::Reopen, &EngineUnderTest::ReopenAfterCrash}) {
    MustPut("k", "v");
    ASSERT_TRUE(store().StartNewHistory().ok());
    const Position before = Now();
    const History history = store().Describe().history;
    (engine().*reopen)();
    EXPECT_EQ(Now().history, before.history);
    EXPECT_GE(Now().revision, before.revision);
    EXPECT_TRUE(store().Describe().history.restored);
    // An engine may keep it in milliseconds.
    EXPECT_EQ(absl::ToUnixMillis(store().Describe().history.began),
              absl::ToUnixMillis(history.began));
    EXPECT_TRUE(MustGet("k"));
  }
}

}  // namespace
}  // namespace heddle::storage
