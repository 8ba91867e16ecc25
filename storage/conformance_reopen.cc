// What survives a restart.
#include "absl/strings/str_cat.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

class HowReopened {
 public:
  static void Clean(EngineUnderTest& engine) { engine.Reopen(); }
  static void AfterCrash(EngineUnderTest& engine) { engine.ReopenAfterCrash(); }
};

TEST_P(StoreConformance, RecordsHistoryAndRevisionSurviveReopening) {
  for (const auto reopen : {&HowReopened::Clean, &HowReopened::AfterCrash}) {
    const Revision created = MustPut("k", "1").revision;
    MustPut("k", "2");
    ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Delete("k")}}).ok());
    MustPut("j", absl::StrCat(created));
    const Position before = Now();
    const Record record = *MustGet("j");
    reopen(engine());
    const Position after = Now();
    EXPECT_EQ(after.history, before.history);
    EXPECT_GE(after.revision, before.revision);
    EXPECT_FALSE(MustGet("k"));
    ASSERT_TRUE(MustGet("j"));
    EXPECT_EQ(MustGet("j")->created, record.created);
    EXPECT_EQ(MustGet("j")->modified, record.modified);
    EXPECT_GT(MustPut("l", "v").revision, before.revision);
  }
}

TEST_P(StoreConformance, TheFeedResumesAfterReopening) {
  for (const auto reopen : {&HowReopened::Clean, &HowReopened::AfterCrash}) {
    const Position seen = MustPut("k", "seen");
    std::vector<Revision> expected;
    expected.push_back(MustPut("k", "missed 1").revision);
    expected.push_back(MustPut("k", "missed 2").revision);
    reopen(engine());
    RecordingSink sink;
    auto subscription = store().Subscribe("", seen, &sink);
    ASSERT_TRUE(subscription.ok()) << subscription.status();
    expected.push_back(MustPut("k", "live").revision);
    ASSERT_TRUE(sink.WaitForCount(3));
    EXPECT_EQ(sink.revisions(), expected);
  }
}

TEST_P(StoreConformance, AFenceOfBeforeIsOldAfterReopening) {
  for (const auto reopen : {&HowReopened::Clean, &HowReopened::AfterCrash}) {
    RecordingListener before, after;
    auto candidacy = store().Campaign({"one", "", ""}, &before);
    ASSERT_TRUE(candidacy.ok()) << candidacy.status();
    const std::optional<Fence> old_fence = before.WaitForElection();
    ASSERT_TRUE(old_fence);
    candidacy->reset();
    reopen(engine());
    auto again = store().Campaign({"one", "", ""}, &after);
    ASSERT_TRUE(again.ok()) << again.status();
    const std::optional<Fence> new_fence = after.WaitForElection();
    ASSERT_TRUE(new_fence);
    EXPECT_GT(new_fence->term(), old_fence->term());
    EXPECT_EQ(CommitAndWait(store(), {old_fence, {}, {Put("k", "old")}})->kind,
              Outcome::Kind::kFenced);
    EXPECT_EQ(CommitAndWait(store(), {new_fence, {}, {Put("k", "new")}})->kind,
              Outcome::Kind::kApplied);
  }
}

TEST_P(StoreConformance, AListingOfBeforeIsNotContinued) {
  for (int i = 0; i < 3; ++i) MustPut(absl::StrCat("k/", i), "v");
  const auto page = store().List("k/", "", 1, Store::Consistency::kLinearizable);
  ASSERT_TRUE(page.ok()) << page.status();
  engine().Reopen();
  EXPECT_TRUE(absl::IsFailedPrecondition(
      store().List("k/", page->next_cursor, 1, Store::Consistency::kLinearizable).status()));
}

}  // namespace
}  // namespace heddle::storage
