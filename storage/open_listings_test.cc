#include "storage/open_listings.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

constexpr absl::Duration kIdle = absl::Seconds(60);

TEST(OpenListings, ForgetsTheLeastRecentlyUsedWhenFull) {
  OpenListings<int> listings(2, kIdle);
  const absl::Time now = absl::UnixEpoch();
  const auto a = listings.Add(1, now);
  const auto b = listings.Add(2, now + absl::Seconds(1));
  ASSERT_NE(listings.Find(a, now + absl::Seconds(2)), nullptr);
  const auto c = listings.Add(3, now + absl::Seconds(3));
  EXPECT_EQ(listings.Find(b, now + absl::Seconds(3)), nullptr);
  ASSERT_NE(listings.Find(a, now + absl::Seconds(3)), nullptr);
  EXPECT_EQ(*listings.Find(c, now + absl::Seconds(3)), 3);
}

TEST(OpenListings, ForgetsWhatWasIdleTooLong) {
  OpenListings<int> listings(2, kIdle);
  const absl::Time now = absl::UnixEpoch();
  const auto a = listings.Add(1, now);
  EXPECT_NE(listings.Find(a, now + kIdle), nullptr);
  EXPECT_NE(listings.Find(a, now + 2 * kIdle), nullptr);
  EXPECT_EQ(listings.Find(a, now + 3 * kIdle + absl::Seconds(1)), nullptr);
}

TEST(Cursor, IsReadBackAndRefusedUnderAnotherPrefix) {
  const std::string text = Cursor{7, "a/b:c"}.ToString();
  const auto cursor = Cursor::Parse(text, "a/");
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->listing, 7u);
  EXPECT_EQ(cursor->last_key, "a/b:c");
  EXPECT_FALSE(Cursor::Parse(text, "b/"));
  EXPECT_FALSE(Cursor::Parse("x:a/b", "a/"));
  EXPECT_FALSE(Cursor::Parse("", ""));
}

}  // namespace
}  // namespace heddle::storage
