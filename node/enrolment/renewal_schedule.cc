#include "node/enrolment/renewal_schedule.h"

#include <algorithm>

#include "absl/random/random.h"

namespace heddle::node {
namespace {

// Over which the nodes of a cluster spread when another root signs.
constexpr absl::Duration kLongestSpread = absl::Seconds(60);
constexpr int kSpreadFractionOfLife = 10;
constexpr int kMostDoublings = 10;
// Between attempts, as parts of the certificate's life and in all.
constexpr absl::Duration kShortestWait = absl::Milliseconds(100), kLongestWait = absl::Minutes(10);
constexpr int kFirstWaitFractionOfLife = 1000, kLastWaitFractionOfLife = 30;

absl::Duration Life(const identity::Certificate& certificate) {
  return certificate.not_after - certificate.not_before;
}

}  // namespace

void RenewalSchedule::Follow(const identity::Certificate& certificate, absl::Time now) {
  if (certificate.serial == certificate_.serial) return;
  const bool renewed = !certificate_.serial.empty();
  certificate_ = certificate;
  planned_ = identity::RenewAt(certificate, absl::Uniform(random_, 0.0, 1.0));
  const absl::Duration life = Life(certificate);
  longest_wait_ = std::clamp(life / kLastWaitFractionOfLife, 3 * kShortestWait, kLongestWait);
  retry_ = Backoff(std::clamp(life / kFirstWaitFractionOfLife, kShortestWait, longest_wait_),
                   longest_wait_);
  not_before_ = absl::InfinitePast();
  if (renewed && !issuer_.empty() && certificate.issuer != issuer_) ++misses_;
  PlanForIssuer(now);
}

void RenewalSchedule::Expect(const std::string& issuer, absl::Time now) {
  if (issuer == issuer_) return;
  issuer_ = issuer;
  misses_ = 0;
  if (!certificate_.serial.empty()) PlanForIssuer(now);
}

// A certificate that does not say of which root it is (of no use of ours) is left in peace.
void RenewalSchedule::PlanForIssuer(absl::Time now) {
  if (issuer_.empty() || certificate_.issuer.empty() || certificate_.issuer == issuer_) return;
  const absl::Duration spread =
      std::min(kLongestSpread, Life(certificate_) / kSpreadFractionOfLife) *
      (1 << std::min(misses_, kMostDoublings));
  // A second attempt in the same moment would tell the same.
  const double least = misses_ == 0 ? 0.0 : 0.5;
  planned_ = std::min(planned_, now + absl::Uniform(random_, least, 1.0) * spread);
}

void RenewalSchedule::Failed(absl::Time now) { not_before_ = now + retry_.Next(random_); }

absl::Time RenewalSchedule::due(absl::Time now) const {
  // The clock may have been set back since the failure.
  return std::max(planned_, std::min(not_before_, now + longest_wait_));
}

}  // namespace heddle::node
