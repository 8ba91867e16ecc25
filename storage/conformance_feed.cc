// The feed: order, resume, prefixes, compaction, refusals, its end.
#include "absl/strings/str_cat.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

// Those of `all` that are above `after`.
std::vector<Revision> Above(const std::vector<Revision>& all, Revision after) {
  std::vector<Revision> above;
  for (const Revision revision : all) {
    if (revision > after) above.push_back(revision);
  }
  return above;
}

TEST_P(StoreConformance, TheFeedHasEveryRevisionFromAnyPosition) {
  const Position start = Now();
  std::vector<Revision> positions = {start.revision}, committed;
  for (int i = 0; i < 10; ++i) {
    committed.push_back(MustPut(absl::StrCat("k", i), "v").revision);
    // Where others' revisions lie between, these are positions, too.
    positions.push_back(committed.back() - 1);
    positions.push_back(committed.back());
  }
  for (const Revision after : positions) {
    RecordingSink sink;
    auto subscription = store().Subscribe("", {start.history, after}, &sink);
    ASSERT_TRUE(subscription.ok()) << subscription.status();
    committed.push_back(MustPut("live", "v").revision);
    const std::vector<Revision> expected = Above(committed, after);
    ASSERT_TRUE(sink.WaitForCount(expected.size()));
    EXPECT_EQ(sink.revisions(), expected);
  }
}

TEST_P(StoreConformance, ABatchHasAllChangesOfItsTransaction) {
  const Position before = MustPut("b", "old");
  RecordingSink sink;
  auto subscription = store().Subscribe("", before, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  ASSERT_TRUE(
      CommitAndWait(store(), {{}, {}, {Put("a", "1"), Delete("b"), Delete("absent")}}).ok());
  ASSERT_TRUE(sink.WaitForCount(1));
  const RecordingSink::Seen batch = sink.seen()[0];
  ASSERT_EQ(batch.changes.size(), 2u);
  EXPECT_EQ(batch.changes[0].record.key, "a");
  EXPECT_EQ(batch.changes[0].record.value, "1");
  EXPECT_EQ(batch.changes[0].record.created, batch.revision);
  EXPECT_EQ(batch.changes[0].record.modified, batch.revision);
  EXPECT_FALSE(batch.changes[0].deleted);
  EXPECT_EQ(batch.changes[1].record.key, "b");
  EXPECT_TRUE(batch.changes[1].deleted);
  EXPECT_EQ(batch.changes[1].record.created, before.revision);
  EXPECT_EQ(batch.changes[1].record.modified, batch.revision);
}

TEST_P(StoreConformance, ReplayedAndLiveBatchesAreTheSame) {
  const Position start = Now();
  RecordingSink live, replayed;
  auto first = store().Subscribe("", start, &live);
  ASSERT_TRUE(first.ok()) << first.status();
  MustPut("a", "1");
  ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Put("a", "2"), Put("b", "2")}}).ok());
  ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Delete("a")}}).ok());
  auto second = store().Subscribe("", start, &replayed);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(live.WaitForCount(3));
  ASSERT_TRUE(replayed.WaitForCount(3));
  const auto a = live.seen(), b = replayed.seen();
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(a[i].revision, b[i].revision);
    ASSERT_EQ(a[i].changes.size(), b[i].changes.size());
    for (std::size_t j = 0; j < a[i].changes.size(); ++j) {
      const Change &x = a[i].changes[j], &y = b[i].changes[j];
      EXPECT_EQ(std::tie(x.record.key, x.record.value, x.record.created, x.record.modified),
                std::tie(y.record.key, y.record.value, y.record.created, y.record.modified));
      EXPECT_EQ(x.deleted, y.deleted);
    }
  }
}

TEST_P(StoreConformance, ABatchIsDeliveredBeforeItsCommitIsAnswered) {
  RecordingSink sink;
  auto subscription = store().Subscribe("", Now(), &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  for (int i = 0; i < 50; ++i) {
    Awaited<Revision> newest_at_answer;
    Revision committed = 0;
    store().Commit({{}, {}, {Put("k", absl::StrCat(i))}}, [&](absl::StatusOr<Outcome> outcome) {
      committed = outcome.ok() ? outcome->position.revision : 0;
      newest_at_answer.Set(sink.seen().empty() ? 0 : sink.seen().back().revision);
    });
    const std::optional<Revision> newest = newest_at_answer.Wait();
    ASSERT_NE(committed, 0u);
    ASSERT_EQ(newest, committed);
  }
}

TEST_P(StoreConformance, APrefixFiltersChangesAndBatches) {
  RecordingSink sink;
  auto subscription = store().Subscribe("in/", Now(), &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  const Revision first = MustPut("in/a", "1").revision;
  MustPut("out/a", "1");
  MustPut("in", "shorter than the prefix");
  const auto mixed = CommitAndWait(store(), {{}, {}, {Put("out/b", "2"), Put("in/b", "2")}});
  ASSERT_TRUE(mixed.ok()) << mixed.status();
  ASSERT_TRUE(sink.WaitForCount(2));
  EXPECT_EQ(sink.revisions(), (std::vector<Revision>{first, mixed->position.revision}));
  ASSERT_EQ(sink.seen()[1].changes.size(), 1u);
  EXPECT_EQ(sink.seen()[1].changes[0].record.key, "in/b");
}

TEST_P(StoreConformance, ATrimmedPositionIsCompacted) {
  const Position start = Now();
  for (int i = 0; i < 5; ++i) MustPut("k", absl::StrCat(i));
  const Position middle = Now();
  std::vector<Revision> kept_revisions;
  for (int i = 0; i < 5; ++i) kept_revisions.push_back(MustPut("k", absl::StrCat(i)).revision);
  ASSERT_TRUE(store().TrimHistory(middle.revision + 1).ok());
  kept_revisions.push_back(MustPut("k", "after the trim").revision);

  RecordingSink too_old, old_enough;
  auto refused = store().Subscribe("", start, &too_old);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(too_old.WaitForCompacted(), middle.revision + 1);
  EXPECT_TRUE(too_old.seen().empty());
  auto kept = store().Subscribe("", middle, &old_enough);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_TRUE(old_enough.WaitForCount(kept_revisions.size()));
  EXPECT_EQ(old_enough.revisions(), kept_revisions);
  MustPut("k", "more");
  EXPECT_TRUE(too_old.seen().empty());
}

TEST_P(StoreConformance, TrimmingAllKeepsTheFeedGoing) {
  const Position first = MustPut("k", "1");
  ASSERT_TRUE(store().TrimHistory(first.revision + 1).ok());
  const Position second = MustPut("k", "2");
  RecordingSink sink;
  auto subscription = store().Subscribe("", first, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  ASSERT_TRUE(sink.WaitForCount(1));
  EXPECT_EQ(sink.revisions(), std::vector<Revision>{second.revision});

  // What has not come yet is not trimmed.
  ASSERT_TRUE(store().TrimHistory(second.revision + 1'000'000).ok());
  const Position third = MustPut("k", "3");
  const Position fourth = MustPut("k", "4");
  RecordingSink later;
  auto again = store().Subscribe("", third, &later);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(later.WaitForCount(1));
  EXPECT_EQ(later.revisions(), std::vector<Revision>{fourth.revision});
}

TEST_P(StoreConformance, AForeignOrFuturePositionIsRefused) {
  const Position now = MustPut("k", "1");
  RecordingSink sink;
  EXPECT_TRUE(absl::IsFailedPrecondition(
      store().Subscribe("", {"another history", now.revision}, &sink).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      store().Subscribe("", {now.history, now.revision + 1'000'000}, &sink).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store().Subscribe("", {"", 0}, &sink).status()));
}

TEST_P(StoreConformance, ADestroyedSubscriptionDeliversNoMore) {
  for (int i = 0; i < 20; ++i) {
    RecordingSink sink;
    auto subscription = store().Subscribe("", Now(), &sink);
    ASSERT_TRUE(subscription.ok()) << subscription.status();
    Awaited<bool> answered;
    store().Commit({{}, {}, {Put("k", absl::StrCat(i))}},
                   [&](const absl::StatusOr<Outcome>&) { answered.Set(true); });
    subscription->reset();
    const std::size_t at_the_end = sink.seen().size();
    ASSERT_TRUE(answered.Wait());
    MustPut("k", "later");
    EXPECT_EQ(sink.seen().size(), at_the_end);
  }
}

}  // namespace
}  // namespace heddle::storage
