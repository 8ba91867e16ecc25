// Positions that are answered, progress, and what becomes of commits when the process dies.
#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

absl::StatusOr<Position> AskPosition(Store& store) {
  auto answer = std::make_shared<Awaited<absl::StatusOr<Position>>>();
  store.ReadPosition([answer](absl::StatusOr<Position> position) { answer->Set(position); });
  return answer->Wait().value_or(absl::DeadlineExceededError("it was never answered"));
}

TEST_P(StoreConformance, AReadPositionIsOfAllThatWasAcknowledgedAndHasBeenDelivered) {
  RecordingSink sink;
  auto subscription = store().Subscribe("", Now(), &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  for (int i = 0; i < 20; ++i) {
    const Position committed = MustPut("k", absl::StrCat(i));
    Awaited<Revision> newest_at_answer;
    absl::StatusOr<Position> read = absl::UnknownError("not answered");
    store().ReadPosition([&](absl::StatusOr<Position> position) {
      read = std::move(position);
      newest_at_answer.Set(sink.seen().empty() ? 0 : sink.seen().back().revision);
    });
    const std::optional<Revision> newest = newest_at_answer.Wait();
    ASSERT_TRUE(newest);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->history, committed.history);
    EXPECT_GE(read->revision, committed.revision);
    EXPECT_GE(*newest, committed.revision);
    EXPECT_GE(Now().revision, read->revision);
  }
}

TEST_P(StoreConformance, ManyMayAskForThePosition) {
  constexpr int kAsking = 100;
  const Revision committed = MustPut("k", "v").revision;
  std::atomic<int> answered{0};
  Awaited<bool> all;
  for (int i = 0; i < kAsking; ++i) {
    store().ReadPosition([&](const absl::StatusOr<Position>& position) {
      EXPECT_TRUE(position.ok()) << position.status();
      if (position.ok()) EXPECT_GE(position->revision, committed);
      if (++answered == kAsking) all.Set(true);
    });
  }
  EXPECT_TRUE(all.Wait());
}

// Whoever follows a prefix learns that nothing of it is missing.
TEST_P(StoreConformance, ProgressReachesSubscribersOfOtherPrefixes) {
  RecordingSink sink;
  auto subscription = store().Subscribe("in/", Now(), &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  const Revision outside = MustPut("out/k", "v").revision;
  EXPECT_TRUE(sink.WaitForProgress(outside));
  EXPECT_TRUE(sink.seen().empty());
  const absl::StatusOr<Position> read = AskPosition(store());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(sink.WaitForProgress(read->revision));
}

TEST_P(StoreConformance, ARefusalsPositionHasBeenDelivered) {
  MustPut("taken", "v");
  for (int i = 0; i < 20; ++i) {
    const auto refused = CommitAndWait(store(), {{}, {Absent("taken")}, {Put("k", "v")}});
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->kind, Outcome::Kind::kGuardFailed);
    EXPECT_LE(refused->position.revision, Now().revision);
  }
}

// However far each commit has come: it is answered, and is there whole or not at all. (What a
// killed process leaves is each engine's own test.)
TEST_P(StoreConformance, ClosingLeavesEachCommitInFlightWholeOrUndone) {
  constexpr int kRounds = 6, kInFlight = 40;
  for (int round = 0; round < kRounds; ++round) {
    const auto applied = std::make_shared<std::atomic<std::uint64_t>>(0);
    const auto answers = std::make_shared<std::atomic<int>>(0);
    const auto answered = std::make_shared<Awaited<bool>>();
    for (int i = 0; i < kInFlight; ++i) {
      const std::string key = absl::StrCat(round, "/", i);
      store().Commit({{}, {Absent("a/" + key)}, {Put("a/" + key, key), Put("b/" + key, key)}},
                     [=](const absl::StatusOr<Outcome>& outcome) {
                       ++*answers;
                       if (outcome.ok() && outcome->kind == Outcome::Kind::kApplied) {
                         *applied |= std::uint64_t{1} << i;
                       }
                       // In each round a different number is left in flight.
                       if (i == round * 7) answered->Set(true);
                     });
    }
    ASSERT_TRUE(answered->Wait());
    engine().Reopen();
    EXPECT_EQ(*answers, kInFlight);
    const std::uint64_t acknowledged = *applied;
    for (int i = 0; i < kInFlight; ++i) {
      const std::string key = absl::StrCat(round, "/", i);
      const std::optional<Record> a = MustGet("a/" + key), b = MustGet("b/" + key);
      EXPECT_EQ(a.has_value(), b.has_value()) << key;
      if (a && b) EXPECT_EQ(a->created, b->created) << key;
      if ((acknowledged >> i & 1) != 0) EXPECT_TRUE(a) << key;
    }
    EXPECT_EQ(MustList(absl::StrCat("a/", round, "/")).size(),
              MustList(absl::StrCat("b/", round, "/")).size());
  }
}

TEST_P(StoreConformance, TheLeaderIsToldBeforeTheElectionAndItsMembersAreKnown) {
  RecordingListener listener;
  const Member self{"one", "127.0.0.1:1234", "1.2.3"};
  auto candidacy = store().Campaign(self, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  ASSERT_TRUE(listener.WaitForElection());
  EXPECT_EQ(listener.leader_at_election(), self);
  EXPECT_EQ(store().Describe().leader, self);
  EXPECT_EQ(store().Describe().members, std::vector<Member>{self});
  EXPECT_TRUE((*candidacy)->Leads());
  EXPECT_TRUE(absl::IsFailedPrecondition((*candidacy)->StepDown()));
  EXPECT_EQ(CommitAndWait(store(), {listener.fence(), {}, {Put("k", "v")}})->kind,
            Outcome::Kind::kApplied);
}

}  // namespace
}  // namespace heddle::storage
