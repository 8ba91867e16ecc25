#include "base/token_bucket.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace heddle {
namespace {

constexpr Rate kRate{/*burst=*/20, /*per_second=*/2};
const absl::Time kStart = absl::FromUnixSeconds(1700000000);

int TakenAt(TokenBucket* bucket, absl::Time now) {
  int taken = 0;
  while (bucket->Take(now)) ++taken;
  return taken;
}

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TokenBucket bucket(kRate, kStart);
  EXPECT_EQ(TakenAt(&bucket, kStart), 20);
  EXPECT_EQ(TakenAt(&bucket, kStart + absl::Milliseconds(400)), 0);
  EXPECT_EQ(TakenAt(&bucket, kStart + absl::Seconds(5)), 10);
  EXPECT_EQ(TakenAt(&bucket, kStart + absl::Hours(5)), 20) << "never more than a burst";
}

TEST(TokenBucket, OverALongTimeNoMoreThanItsRate) {
  TokenBucket bucket(kRate, kStart);
  int taken = 0;
  for (int i = 0; i <= 10'000; ++i) {
    if (bucket.Take(kStart + i * absl::Milliseconds(10))) ++taken;
  }
  EXPECT_NEAR(taken, 20 + 100 * 2, 1);
}

TEST(TokenBucket, TimeThatGoesBackGivesNothing) {
  TokenBucket bucket(kRate, kStart);
  EXPECT_EQ(TakenAt(&bucket, kStart), 20);
  EXPECT_FALSE(bucket.Take(kStart - absl::Hours(1)));
  EXPECT_EQ(TakenAt(&bucket, kStart - absl::Hours(1) + absl::Seconds(1)), 2)
      << "and is counted from where it went";
}

TEST(TokenBucket, SaysWhenItIsReady) {
  TokenBucket bucket(kRate, kStart);
  EXPECT_EQ(bucket.ReadyAt(kStart, 20), kStart);
  EXPECT_EQ(bucket.ReadyAt(kStart, 21), absl::InfiniteFuture());
  ASSERT_TRUE(bucket.Take(kStart, 20));
  EXPECT_FALSE(bucket.IsFull(kStart));
  const absl::Time ready = bucket.ReadyAt(kStart, 3);
  EXPECT_LT(ready, kStart + absl::Milliseconds(1501));
  EXPECT_FALSE(bucket.Take(kStart + absl::Milliseconds(1499), 3));
  EXPECT_TRUE(bucket.Take(ready, 3));
  EXPECT_TRUE(bucket.IsFull(ready + absl::Seconds(10)));
}

TEST(TokenBuckets, KeysDoNotTakeFromEachOther) {
  TokenBuckets buckets(kRate, 10, kStart);
  for (int i = 0; i < 100; ++i) buckets.Take("192.0.2.1", kStart);
  EXPECT_FALSE(buckets.Take("192.0.2.1", kStart));
  EXPECT_TRUE(buckets.Take("192.0.2.2", kStart));
}

TEST(TokenBuckets, AFloodOfKeysIsBoundedAndSharesOneBucket) {
  TokenBuckets buckets(kRate, 10, kStart);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += buckets.Take(absl::StrCat("key-", i), kStart) ? 1 : 0;
  EXPECT_EQ(taken, 10 + 20) << "ten of their own, and one burst for all others";
  EXPECT_EQ(buckets.size(), 10u);
  EXPECT_TRUE(buckets.Take("key-1", kStart)) << "who is known is not hurt";

  const absl::Time later = kStart + absl::Seconds(10);
  EXPECT_TRUE(buckets.Take("newcomer", later));
  EXPECT_EQ(buckets.size(), 1u) << "those that are full again are forgotten";
}

}  // namespace
}  // namespace heddle
