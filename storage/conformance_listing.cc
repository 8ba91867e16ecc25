// Listings: order, pages, one position.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

constexpr auto kLinearizable = Store::Consistency::kLinearizable;

TEST_P(StoreConformance, AListingHasItsPrefixInKeyOrder) {
  for (const char* key : {"b/2", "a/1", "b/10", "b", "c/1", "b/1", "b0"}) MustPut(key, key);
  for (const std::size_t limit : {1, 2, 3, 100}) {
    std::vector<std::string> keys;
    for (const Record& record : MustList("b/", limit)) {
      EXPECT_EQ(record.key, record.value);
      keys.push_back(record.key);
    }
    EXPECT_EQ(keys, (std::vector<std::string>{"b/1", "b/10", "b/2"})) << limit;
  }
  EXPECT_EQ(MustList("").size(), 7u);
  EXPECT_TRUE(MustList("none/").empty());
}

TEST_P(StoreConformance, PagesKeepOnePositionWhileWritesGoOn) {
  for (int i = 0; i < 20; ++i) MustPut(absl::StrFormat("p/%02d", i), "before");
  const Position listed = Now();
  auto page = store().List("p/", "", 3, kLinearizable);
  ASSERT_TRUE(page.ok()) << page.status();
  const Position at = page->position;
  EXPECT_GE(at.revision, listed.revision);
  EXPECT_EQ(at.history, listed.history);
  std::vector<Record> all = page->records;
  for (int round = 0; !page->next_cursor.empty(); ++round) {
    MustPut(absl::StrFormat("p/%02d", 19 - round), "after");
    MustPut(absl::StrFormat("p/%02dx", 10 + round), "new");
    ASSERT_TRUE(CommitAndWait(store(), {{}, {}, {Delete(absl::StrFormat("p/%02d", 9))}}).ok());
    page = store().List("p/", page->next_cursor, 3, kLinearizable);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->position.revision, at.revision);
    EXPECT_EQ(page->position.history, at.history);
    all.insert(all.end(), page->records.begin(), page->records.end());
  }
  ASSERT_EQ(all.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(all[i].key, absl::StrFormat("p/%02d", i));
    EXPECT_EQ(all[i].value, "before");
    EXPECT_LE(all[i].modified, listed.revision);
  }
}

// Listing, then following from its position, misses nothing and repeats nothing.
TEST_P(StoreConformance, AListingAndTheFeedFitTogether) {
  MustPut("k/1", "listed");
  const auto page = store().List("k/", "", 10, kLinearizable);
  ASSERT_TRUE(page.ok()) << page.status();
  RecordingSink sink;
  auto subscription = store().Subscribe("k/", page->position, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  MustPut("k/2", "followed");
  ASSERT_TRUE(sink.WaitForCount(1));
  ASSERT_EQ(sink.seen().size(), 1u);
  EXPECT_EQ(sink.seen()[0].changes[0].record.key, "k/2");
}

TEST_P(StoreConformance, TooManyOpenListingsEndTheOldestWithAClearError) {
  for (int i = 0; i < 3; ++i) MustPut(absl::StrCat("k/", i), "v");
  const auto first = store().List("k/", "", 1, kLinearizable);
  ASSERT_TRUE(first.ok()) << first.status();
  std::string newest;
  for (int i = 0; i < 1000; ++i) {
    const auto page = store().List("k/", "", 1, kLinearizable);
    ASSERT_TRUE(page.ok()) << page.status();
    newest = page->next_cursor;
  }
  const auto lost = store().List("k/", first->next_cursor, 1, kLinearizable);
  // An engine that holds a thousand listings may still answer.
  EXPECT_TRUE(lost.ok() || absl::IsFailedPrecondition(lost.status())) << lost.status();
  EXPECT_TRUE(store().List("k/", newest, 1, kLinearizable).ok());
}

TEST_P(StoreConformance, ABadCursorOrLimitIsRefused) {
  for (int i = 0; i < 3; ++i) MustPut(absl::StrCat("k/", i), "v");
  const auto page = store().List("k/", "", 1, kLinearizable);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(absl::IsInvalidArgument(store().List("k/", "", 0, kLinearizable).status()));
  for (const std::string& bad : {std::string("nonsense"), std::string(":"), std::string("-1:k/0"),
                                 std::string("99999999999999999999999:k/0")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store().List("k/", bad, 1, kLinearizable).status())) << bad;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      store().List("other/", page->next_cursor, 1, kLinearizable).status()));
}

}  // namespace
}  // namespace heddle::storage
