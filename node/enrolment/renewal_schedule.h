// When a node asks for its next certificate. Pure; time by the wall clock, as certificates have it.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "identity/certificate.h"

namespace heddle::node {

// The part of a certificate's life that is left when a node that cannot renew it says so.
inline constexpr int kWarnAtFractionOfLife = 10;

class RenewalSchedule {
 public:
  explicit RenewalSchedule(std::uint64_t seed) : random_(seed), retry_({}, {}) {}

  // This is the present certificate. Without effect when it was already.
  void Follow(const identity::Certificate& certificate, absl::Time now);
  // The root that signs now, as a controller says: a certificate of another one is renewed soon, at
  // a random time, since all nodes hear it at once. A renewal that changes nothing of that is tried
  // again ever later.
  void Expect(const std::string& issuer, absl::Time now);
  // It was asked for in vain, at `now`.
  void Failed(absl::Time now);

  // When to ask; InfiniteFuture before Follow.
  absl::Time due(absl::Time now) const;

 private:
  void PlanForIssuer(absl::Time now);

  std::mt19937_64 random_;
  Backoff retry_;
  identity::Certificate certificate_;  // the serial is empty before Follow
  std::string issuer_;                 // empty: not told
  int misses_ = 0;                     // renewals since `issuer_` was told that were not of it
  absl::Time planned_ = absl::InfiniteFuture();
  absl::Time not_before_ = absl::InfinitePast();  // after a failure
  absl::Duration longest_wait_;                   // after one
};

}  // namespace heddle::node
