#include "node/enrolment/renewal_schedule.h"

#include <gtest/gtest.h>

namespace heddle::node {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

identity::Certificate Issued(const std::string& serial, const std::string& issuer,
                             absl::Duration life) {
  identity::Certificate certificate;
  certificate.serial = serial;
  certificate.issuer = issuer;
  certificate.not_before = kNow;
  certificate.not_after = kNow + life;
  return certificate;
}

TEST(RenewalSchedule, IsInTheLastThirdAndSpread) {
  absl::Time first = absl::InfiniteFuture(), last = absl::InfinitePast();
  for (int seed = 0; seed < 100; ++seed) {
    RenewalSchedule schedule(seed);
    EXPECT_EQ(schedule.due(kNow), absl::InfiniteFuture());
    schedule.Follow(Issued("1", "a", absl::Hours(720)), kNow);
    first = std::min(first, schedule.due(kNow));
    last = std::max(last, schedule.due(kNow));
  }
  EXPECT_GE(first, kNow + absl::Hours(456));
  EXPECT_LE(last, kNow + absl::Hours(480));
  EXPECT_GT(last - first, absl::Hours(20)) << "what was issued together is not renewed together";
}

TEST(RenewalSchedule, WaitsLongerAfterEachFailureAndNotForEver) {
  RenewalSchedule schedule(1);
  schedule.Follow(Issued("1", "a", absl::Hours(720)), kNow);
  absl::Time now = kNow + absl::Hours(500);
  absl::Duration longest;
  for (int i = 0; i < 100; ++i) {
    schedule.Failed(now);
    const absl::Duration wait = schedule.due(now) - now;
    EXPECT_GT(wait, absl::ZeroDuration());
    EXPECT_LE(wait, absl::Minutes(10));
    longest = std::max(longest, wait);
    now += wait;
  }
  EXPECT_GT(longest, absl::Minutes(5));
  // A clock that is set back does not keep it waiting.
  EXPECT_LE(schedule.due(kNow + absl::Hours(481)), kNow + absl::Hours(481) + absl::Minutes(10));
}

TEST(RenewalSchedule, AnotherIssuerIsFollowedWithinAMinute) {
  absl::Time first = absl::InfiniteFuture(), last = absl::InfinitePast();
  for (int seed = 0; seed < 100; ++seed) {
    RenewalSchedule schedule(seed);
    schedule.Follow(Issued("1", "a", absl::Hours(720)), kNow);
    schedule.Expect("a", kNow);
    EXPECT_GT(schedule.due(kNow), kNow + absl::Hours(1));
    schedule.Expect("b", kNow);
    first = std::min(first, schedule.due(kNow));
    last = std::max(last, schedule.due(kNow));
  }
  EXPECT_LT(first, kNow + absl::Seconds(5));
  EXPECT_GT(last, kNow + absl::Seconds(55));
  EXPECT_LE(last, kNow + absl::Seconds(60));
  RenewalSchedule brief(1);
  brief.Follow(Issued("1", "a", absl::Seconds(20)), kNow);
  brief.Expect("b", kNow);
  EXPECT_LE(brief.due(kNow), kNow + absl::Seconds(2));
}

// The one that signs may not be the one that was told: that is not asked about again and again.
TEST(RenewalSchedule, AnIssuerThatDoesNotComeIsAskedForEverLater) {
  RenewalSchedule schedule(1);
  schedule.Follow(Issued("0", "a", absl::Hours(720)), kNow);
  schedule.Expect("b", kNow);
  absl::Time now = kNow;
  int renewals = 0;
  for (; now < kNow + absl::Hours(24); ++renewals) {
    now = schedule.due(now);
    schedule.Follow(Issued(std::to_string(renewals + 1), "a", absl::Hours(720)), now);
  }
  EXPECT_LE(renewals, 14);
  schedule.Follow(Issued("last", "b", absl::Hours(720)), kNow);
  EXPECT_GT(schedule.due(kNow), kNow + absl::Hours(1));
}

}  // namespace
}  // namespace heddle::node
