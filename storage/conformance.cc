// Commits: effects, guards, fences.
#include "storage/conformance.h"

#include "absl/strings/str_cat.h"

namespace heddle::storage {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

Position StoreConformance::MustPut(const std::string& key, const std::string& value) {
  const auto outcome = CommitAndWait(store(), {{}, {}, {Put(key, value)}});
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  if (!outcome.ok()) return {};
  EXPECT_EQ(outcome->kind, Outcome::Kind::kApplied);
  return outcome->position;
}

std::optional<Record> StoreConformance::MustGet(const std::string& key) {
  const auto record = store().Get(key, Store::Consistency::kLinearizable);
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? *record : std::nullopt;
}

std::vector<Record> StoreConformance::MustList(const std::string& prefix, std::size_t limit) {
  std::vector<Record> all;
  std::string cursor;
  do {
    auto page = store().List(prefix, cursor, limit, Store::Consistency::kLinearizable);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return all;
    EXPECT_LE(page->records.size(), limit);
    for (Record& record : page->records) all.push_back(std::move(record));
    cursor = page->next_cursor;
  } while (!cursor.empty());
  return all;
}

namespace {

TEST_P(StoreConformance, PutGetAndDeleteCarryTheirRevisions) {
  const Position first = MustPut("k", "one");
  const Position second = MustPut("k", "two");
  EXPECT_EQ(first.history, second.history);
  EXPECT_GT(second.revision, first.revision);

  const std::optional<Record> record = MustGet("k");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "two");
  EXPECT_EQ(record->created, first.revision);
  EXPECT_EQ(record->modified, second.revision);

  ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Delete("k")}}).ok());
  EXPECT_FALSE(MustGet("k"));
  const Position again = MustPut("k", "three");
  EXPECT_EQ(MustGet("k")->created, again.revision);
}

TEST_P(StoreConformance, KeysAndValuesAreAnyBytes) {
  const std::string key("a\0b\xff/", 5), value("\0\xff\n", 3);
  MustPut(key, value);
  ASSERT_TRUE(MustGet(key));
  EXPECT_EQ(MustGet(key)->value, value);
  EXPECT_FALSE(MustGet("a"));
}

TEST_P(StoreConformance, ATransactionIsOneRevision) {
  const auto outcome =
      CommitAndWait(store(), {{}, {}, {Put("a", "1"), Put("b", "2"), Put("c", "3")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  for (const char* key : {"a", "b", "c"}) {
    ASSERT_TRUE(MustGet(key));
    EXPECT_EQ(MustGet(key)->created, outcome->position.revision);
  }
}

TEST_P(StoreConformance, ATransactionWithoutEffectTakesNoRevision) {
  const Position before = MustPut("k", "v");
  RecordingSink sink;
  auto subscription = store().Subscribe("", before, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  for (const Transaction& idle : {Transaction{}, Transaction{{}, {Absent("other")}, {}},
                                  Transaction{{}, {}, {Delete("other")}}}) {
    const auto outcome = CommitAndWait(store(), idle);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->kind, Outcome::Kind::kApplied);
    EXPECT_GE(outcome->position.revision, before.revision);
  }
  EXPECT_EQ(MustGet("k")->modified, before.revision);
  const Revision next = MustPut("k", "w").revision;
  EXPECT_GT(next, before.revision);
  EXPECT_EQ(sink.revisions(), std::vector<Revision>{next});
}

struct GuardCase {
  const char* name;
  Guard holds, fails;
};

TEST_P(StoreConformance, EachGuardHoldsAndFails) {
  const Revision created = MustPut("dir/k", "1").revision;
  const Revision modified = MustPut("dir/k", "2").revision;
  const std::vector<GuardCase> cases = {
      {"absent", Absent("dir/none"), Absent("dir/k")},
      {"created", CreatedAt("dir/k", created), CreatedAt("dir/k", modified)},
      {"created 0 is absent", CreatedAt("dir/none", 0), CreatedAt("dir/k", 0)},
      {"modified", ModifiedAt("dir/k", modified), ModifiedAt("dir/k", created)},
      {"modified 0 is absent", ModifiedAt("dir/none", 0), ModifiedAt("dir/k", 0)},
      {"prefix empty", PrefixEmpty("dir/l"), PrefixEmpty("dir/")},
  };
  Revision newest = modified;
  for (const GuardCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto refused = CommitAndWait(store(), {{}, {c.fails}, {Put("x", "refused")}});
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->kind, Outcome::Kind::kGuardFailed);
    EXPECT_GE(refused->position.revision, newest);
    EXPECT_LE(refused->position.revision, Now().revision);
    ASSERT_EQ(refused->current.size(), 1u);
    EXPECT_EQ(refused->current[0].key, "dir/k");
    EXPECT_EQ(refused->current[0].value, "2");
    EXPECT_NE(MustGet("x").value_or(Record{}).value, "refused");

    const auto applied = CommitAndWait(store(), {{}, {c.holds}, {Put("x", c.name)}});
    ASSERT_TRUE(applied.ok()) << applied.status();
    EXPECT_EQ(applied->kind, Outcome::Kind::kApplied);
    EXPECT_EQ(MustGet("x")->value, c.name);
    newest = applied->position.revision;
  }
}

TEST_P(StoreConformance, OneFailedGuardRefusesTheWholeTransaction) {
  MustPut("taken", "v");
  const auto outcome = CommitAndWait(
      store(), {{}, {Absent("free"), Absent("taken")}, {Put("free", "1"), Put("taken", "1")}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->kind, Outcome::Kind::kGuardFailed);
  EXPECT_FALSE(MustGet("free"));
  EXPECT_EQ(MustGet("taken")->value, "v");
}

TEST_P(StoreConformance, PrefixEmptyFollowsPutsAndDeletes) {
  const Transaction claim{{}, {PrefixEmpty("p/")}, {Put("p/1", "v")}};
  EXPECT_EQ(CommitAndWait(store(), claim)->kind, Outcome::Kind::kApplied);
  EXPECT_EQ(CommitAndWait(store(), claim)->kind, Outcome::Kind::kGuardFailed);
  ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Delete("p/1")}}).ok());
  EXPECT_EQ(CommitAndWait(store(), claim)->kind, Outcome::Kind::kApplied);
}

TEST_P(StoreConformance, OnlyTheNewestFenceApplies) {
  RecordingListener listener;
  auto candidacy = store().Campaign({"one", "", ""}, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  const std::optional<Fence> old_fence = listener.WaitForElection();
  ASSERT_TRUE(old_fence);
  EXPECT_EQ(CommitAndWait(store(), {old_fence, {}, {Put("k", "1")}})->kind,
            Outcome::Kind::kApplied);
  candidacy->reset();

  RecordingListener next;
  auto second = store().Campaign({"two", "", ""}, &next);
  ASSERT_TRUE(second.ok()) << second.status();
  const std::optional<Fence> new_fence = next.WaitForElection();
  ASSERT_TRUE(new_fence);
  EXPECT_GT(new_fence->term(), old_fence->term());
  const Revision before = MustGet("k")->modified;
  for (const Fence& bad : {*old_fence, Fence(new_fence->term() + 1, new_fence->token()),
                           Fence(new_fence->term(), "forged")}) {
    const auto refused = CommitAndWait(store(), {bad, {}, {Put("k", "2")}});
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->kind, Outcome::Kind::kFenced);
  }
  EXPECT_EQ(MustGet("k")->modified, before);
  EXPECT_EQ(CommitAndWait(store(), {new_fence, {}, {Put("k", "3")}})->kind,
            Outcome::Kind::kApplied);
  EXPECT_EQ(MustGet("k")->value, "3");
}

}  // namespace
}  // namespace heddle::storage
