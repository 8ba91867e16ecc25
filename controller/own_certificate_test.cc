#include "controller/own_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

identity::Certificate Own() {
  identity::Certificate own;
  own.principal = {identity::Role::kController, "c1"};
  own.issuer = "a1";
  own.not_before = kNow - 200 * kDay;
  own.not_after = kNow + 160 * kDay;
  return own;
}

identity::Root SigningRoot() { return {"", "a1", kNow - 300 * kDay, kNow + 3000 * kDay}; }

TEST(OwnCertificateTest, IsRenewedAThirdBeforeItsEnd) {
  EXPECT_EQ(WhyRenew(Own(), SigningRoot(), "c1", kNow, 0), "");
  EXPECT_EQ(WhyRenew(Own(), SigningRoot(), "c1", kNow + 39 * kDay, 0), "");
  EXPECT_THAT(WhyRenew(Own(), SigningRoot(), "c1", kNow + 41 * kDay, 0), HasSubstr("it ends at"));
  EXPECT_NE(WhyRenew(Own(), SigningRoot(), "c1", kNow + 200 * kDay, 0), "") << "even when it ended";
}

TEST(OwnCertificateTest, IsRenewedAtOnceForAnotherRootOrName) {
  identity::Root other = SigningRoot();
  other.key_id = "b2";
  EXPECT_THAT(WhyRenew(Own(), other, "c1", kNow, 0), HasSubstr("root b2 signs now"));
  EXPECT_THAT(WhyRenew(Own(), SigningRoot(), "c2", kNow, 0), HasSubstr("controller/c1"));
}

TEST(OwnCertificateTest, IsNotRenewedForNothing) {
  identity::Root ending = SigningRoot();
  ending.not_after = Own().not_after;
  EXPECT_EQ(WhyRenew(Own(), ending, "c1", kNow + 150 * kDay, 0), "")
      << "another one could not last longer than the root";
}

TEST(OwnCertificateTest, WarningsComeDailyAndHourlyInTheLastWeek) {
  EXPECT_EQ(WarningSpacing(kNow + 30 * kDay, kNow), kDay);
  EXPECT_EQ(WarningSpacing(kNow + 6 * kDay, kNow), absl::Hours(1));
  EXPECT_EQ(WarningSpacing(kNow - kDay, kNow), absl::Hours(1));
}

}  // namespace
}  // namespace heddle::controller
