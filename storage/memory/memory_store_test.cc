#include "storage/memory/memory_store.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

class MemoryUnderTest final : public EngineUnderTest {
 public:
  Store& store() override { return store_; }
  void Reopen() override { store_.Crash(); }
  void ReopenAfterCrash() override { store_.Crash(); }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(EngineFactory([] {
                           return std::make_unique<MemoryUnderTest>();
                         })));

Transaction PutOf(const std::string& key, const std::string& value) {
  return {{}, {}, {Put(key, value)}};
}

// Commits without waiting; the answer is there once it was delivered.
class Asked {
 public:
  Asked(Store& store, Transaction transaction) {
    store.Commit(std::move(transaction),
                 [this](absl::StatusOr<Outcome> answer) { answer_ = std::move(answer); });
  }
  bool answered() const { return answer_.has_value(); }
  absl::StatusCode code() const { return answer_->status().code(); }

 private:
  std::optional<absl::StatusOr<Outcome>> answer_;
};

TEST(MemoryStore, IsSynchronous) {
  MemoryStore store;
  RecordingSink sink;
  auto subscription = store.Subscribe("", store.Describe().position, &sink);
  ASSERT_TRUE(subscription.ok());
  const Asked asked(store, PutOf("k", "v"));
  EXPECT_TRUE(asked.answered());
  EXPECT_EQ(sink.seen().size(), 1u);
}

TEST(MemoryStore, FailedCommitsAreNotApplied) {
  MemoryStore store;
  store.FailNextCommits(2);
  EXPECT_FALSE(store.Describe().writable);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Asked(store, PutOf("k", "v")).code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(store.Describe().position.revision, 0u);
  EXPECT_EQ(Asked(store, PutOf("k", "v")).code(), absl::StatusCode::kOk);
}

TEST(MemoryStore, AnUnknownAnswerHidesEitherOutcome) {
  for (const bool applied : {false, true}) {
    MemoryStore store;
    RecordingSink sink;
    auto subscription = store.Subscribe("", store.Describe().position, &sink);
    ASSERT_TRUE(subscription.ok());
    store.AnswerUnknownNext(1, applied);
    EXPECT_EQ(Asked(store, PutOf("k", "v")).code(), absl::StatusCode::kUnknown);
    EXPECT_EQ((*store.Get("k", Store::Consistency::kLocal)).has_value(), applied);
    EXPECT_EQ(sink.seen().size(), applied ? 1u : 0u);
    EXPECT_EQ(Asked(store, PutOf("k", "v")).code(), absl::StatusCode::kOk);
  }
}

TEST(MemoryStore, HeldDeliveryGoesStepByStep) {
  MemoryStore store;
  RecordingSink sink;
  auto subscription = store.Subscribe("", store.Describe().position, &sink);
  ASSERT_TRUE(subscription.ok());
  store.HoldDelivery(true);
  const Asked first(store, PutOf("k", "1")), second(store, PutOf("k", "2"));
  EXPECT_TRUE(sink.seen().empty());
  EXPECT_TRUE(store.Step());
  EXPECT_EQ(sink.seen().size(), 1u);
  EXPECT_FALSE(first.answered());
  EXPECT_TRUE(store.Step());
  EXPECT_TRUE(first.answered());
  EXPECT_FALSE(second.answered());
  store.HoldDelivery(false);
  EXPECT_TRUE(second.answered());
  EXPECT_EQ(sink.seen().size(), 2u);
  EXPECT_FALSE(store.Step());
}

TEST(MemoryStore, ANewSubscriberDoesNotOvertakeHeldBatches) {
  MemoryStore store;
  const Position start = store.Describe().position;
  const Asked delivered(store, PutOf("k", "1"));
  store.HoldDelivery(true);
  const Asked held(store, PutOf("k", "2"));
  RecordingSink sink;
  auto subscription = store.Subscribe("", start, &sink);
  ASSERT_TRUE(subscription.ok());
  EXPECT_TRUE(sink.seen().empty());
  store.HoldDelivery(false);
  EXPECT_EQ(sink.revisions(), (std::vector<Revision>{1, 2}));
}

TEST(MemoryStore, ACrashKeepsWhatIsCommittedAndDropsTheRest) {
  MemoryStore store;
  const Position start = store.Describe().position;
  RecordingSink sink;
  RecordingListener listener;
  auto subscription = store.Subscribe("", start, &sink);
  auto candidacy = store.Campaign({"one", "", ""}, &listener);
  store.HoldDelivery(true);
  const Asked asked(store, PutOf("k", "v"));
  store.Crash();
  EXPECT_FALSE(store.Step());
  store.HoldDelivery(false);
  EXPECT_FALSE(asked.answered());
  EXPECT_TRUE(sink.seen().empty());
  EXPECT_EQ(listener.depositions(), 0);
  EXPECT_TRUE((*store.Get("k", Store::Consistency::kLocal)).has_value());

  RecordingSink after;
  auto again = store.Subscribe("", start, &after);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(after.revisions(), std::vector<Revision>{1});
  RecordingListener next;
  auto successor = store.Campaign({"two", "", ""}, &next);
  ASSERT_TRUE(next.fence());
  EXPECT_GT(next.fence()->term(), listener.fence()->term());
}

TEST(MemoryStore, ADeposedLeaderIsFencedAtOnce) {
  MemoryStore store;
  RecordingListener one, two;
  auto first = store.Campaign({"one", "", ""}, &one);
  auto second = store.Campaign({"two", "", ""}, &two);
  ASSERT_TRUE(one.fence());
  EXPECT_FALSE(two.fence());
  const Fence old_fence = *one.fence();
  store.HoldDelivery(true);
  store.Depose();
  EXPECT_TRUE(one.fence()) << "it does not know yet";
  store.HoldDelivery(false);
  EXPECT_EQ(one.depositions(), 1);
  ASSERT_TRUE(two.fence());
  const auto refused = CommitAndWait(store, {old_fence, {}, {Put("k", "v")}});
  EXPECT_EQ(refused->kind, Outcome::Kind::kFenced);
  second->reset();
  ASSERT_TRUE(one.fence()) << "the next in line leads when the leader resigns";
  EXPECT_GT(one.fence()->term(), old_fence.term() + 1);
}

TEST(MemoryStore, ACallbackMayCommit) {
  MemoryStore store;
  bool nested = false;
  store.Commit(PutOf("a", "1"), [&](const absl::StatusOr<Outcome>&) {
    store.Commit(PutOf("b", "2"), [&](const absl::StatusOr<Outcome>&) { nested = true; });
    EXPECT_FALSE(nested) << "it waits behind what is being delivered";
  });
  EXPECT_TRUE(nested);
}

TEST(MemoryStore, HistoryIsBounded) {
  MemoryOptions options;
  options.history_limit = 5;
  MemoryStore store(options);
  const Position start = store.Describe().position;
  for (int i = 0; i < 20; ++i) const Asked asked(store, PutOf("k", absl::StrCat(i)));
  RecordingSink sink;
  auto subscription = store.Subscribe("", start, &sink);
  EXPECT_EQ(sink.WaitForCompacted(), 16u);
}

}  // namespace
}  // namespace heddle::storage
