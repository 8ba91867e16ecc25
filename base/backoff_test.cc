#include "base/backoff.h"

#include <gtest/gtest.h>

#include <random>

namespace heddle {
namespace {

constexpr absl::Duration kInitial = absl::Milliseconds(100);
constexpr absl::Duration kMaximum = absl::Seconds(5);

TEST(Backoff, StaysWithinItsBounds) {
  std::mt19937 random(1);
  for (int run = 0; run < 200; ++run) {
    Backoff backoff(kInitial, kMaximum);
    absl::Duration ceiling = kInitial;
    for (int i = 0; i < 12; ++i, ceiling = std::min(ceiling * 2, kMaximum)) {
      const absl::Duration wait = backoff.Next(random);
      EXPECT_GE(wait, kInitial / 2);
      EXPECT_LE(wait, ceiling);
    }
  }
}

TEST(Backoff, GrowsAndSpreads) {
  std::mt19937 random(1);
  Backoff backoff(kInitial, kMaximum);
  for (int i = 0; i < 10; ++i) backoff.Next(random);
  absl::Duration least = kMaximum, most;
  for (int i = 0; i < 200; ++i) {
    const absl::Duration wait = backoff.Next(random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GT(most, kMaximum * 0.9);
  EXPECT_LT(least, kMaximum * 0.1) << "full jitter";
}

TEST(Backoff, ResetStartsAnew) {
  std::mt19937 random(1);
  Backoff backoff(kInitial, kMaximum);
  for (int i = 0; i < 10; ++i) backoff.Next(random);
  backoff.Reset();
  EXPECT_LE(backoff.Next(random), kInitial);
}

}  // namespace
}  // namespace heddle
