// Many callers at once.
#include <atomic>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

constexpr int kThreads = 4;
constexpr int kIncrements = 50;

// Reads the counter, then writes one more under a guard, until it is applied.
void Increment(Store& store) {
  for (;;) {
    const auto read = store.Get("counter", Store::Consistency::kLinearizable);
    ASSERT_TRUE(read.ok()) << read.status();
    int value = 0;
    ASSERT_TRUE(!*read || absl::SimpleAtoi((*read)->value, &value));
    const Revision at = *read ? (*read)->modified : 0;
    const auto outcome = CommitAndWait(
        store, {{}, {ModifiedAt("counter", at)}, {Put("counter", absl::StrCat(value + 1))}});
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    if (outcome->kind == Outcome::Kind::kApplied) return;
  }
}

TEST_P(StoreConformance, NoUpdateIsLost) {
  const Position start = Now();
  RecordingSink sink;
  auto subscription = store().Subscribe("", start, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < kIncrements && !HasFatalFailure(); ++i) Increment(store());
    });
  }
  for (std::thread& thread : threads) thread.join();
  constexpr int kTotal = kThreads * kIncrements;
  EXPECT_EQ(MustGet("counter")->value, absl::StrCat(kTotal));
  ASSERT_TRUE(sink.WaitForCount(kTotal));
  const auto seen = sink.seen();
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kTotal));
  for (int i = 0; i < kTotal; ++i) {
    EXPECT_GT(seen[i].revision, i == 0 ? start.revision : seen[i - 1].revision);
    EXPECT_EQ(seen[i].changes[0].record.value, absl::StrCat(i + 1));
  }
}

// Every thread wants the same keys; each is given once.
TEST_P(StoreConformance, AKeyIsClaimedOnce) {
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kIncrements; ++i) {
        const std::string key = absl::StrCat("subnet/", i);
        const auto outcome =
            CommitAndWait(store(), {{}, {Absent(key)}, {Put(key, absl::StrCat(t))}});
        ASSERT_TRUE(outcome.ok()) << outcome.status();
        if (outcome->kind == Outcome::Kind::kApplied) ++won;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, kIncrements);
  EXPECT_EQ(MustList("subnet/", 7).size(), static_cast<std::size_t>(kIncrements));
}

// In one group: each commit sees those before it.
TEST_P(StoreConformance, CommitsInFlightSeeEachOther) {
  constexpr int kInFlight = 200;
  std::atomic<int> applied{0}, refused{0};
  Awaited<bool> all;
  for (int i = 0; i < kInFlight; ++i) {
    store().Commit({{}, {PrefixEmpty("p/")}, {Put(absl::StrCat("p/", i), "v")}},
                   [&](const absl::StatusOr<Outcome>& outcome) {
                     const bool first = outcome.ok() && outcome->kind == Outcome::Kind::kApplied;
                     (first ? applied : refused)++;
                     if (applied + refused == kInFlight) all.Set(true);
                   });
  }
  ASSERT_TRUE(all.Wait());
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(MustList("p/").size(), 1u);
}

TEST_P(StoreConformance, SubscribingWhileCommitsRunMissesNothing) {
  std::atomic<bool> stop{false};
  MustPut("k", "0");
  std::thread writer([&] {
    for (int i = 1; !stop; ++i) MustPut("k", absl::StrCat(i));
  });
  for (int round = 0; round < 20; ++round) {
    const auto page = store().List("", "", 1, Store::Consistency::kLinearizable);
    ASSERT_TRUE(page.ok()) << page.status();
    RecordingSink sink;
    auto subscription = store().Subscribe("", page->position, &sink);
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    EXPECT_TRUE(sink.WaitForCount(3));
    subscription->reset();
    int listed = 0;
    EXPECT_EQ(page->records.size(), 1u);
    EXPECT_TRUE(absl::SimpleAtoi(page->records[0].value, &listed));
    Revision before = page->position.revision;
    for (const RecordingSink::Seen& seen : sink.seen()) {
      EXPECT_GT(seen.revision, before);
      before = seen.revision;
      EXPECT_EQ(seen.changes[0].record.value, absl::StrCat(++listed));
    }
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace heddle::storage
