// Exponential back-off with full jitter: after n failures the wait is uniform in
// [initial / 2, min(maximum, initial * 2^n)]. Chance is an argument. Not thread-safe.
#pragma once

#include <algorithm>

#include "absl/random/bit_gen_ref.h"
#include "absl/random/random.h"
#include "absl/time/time.h"

namespace heddle {

class Backoff {
 public:
  Backoff(absl::Duration initial, absl::Duration maximum) : initial_(initial), maximum_(maximum) {}

  absl::Duration Next(absl::BitGenRef random) {
    ceiling_ = ceiling_ == absl::ZeroDuration() ? initial_ : std::min(ceiling_ * 2, maximum_);
    const double low = absl::ToDoubleSeconds(initial_ / 2);
    const double high = absl::ToDoubleSeconds(ceiling_);
    return absl::Seconds(absl::Uniform(random, low, std::max(low * 1.001, high)));
  }

  void set_maximum(absl::Duration maximum) { maximum_ = maximum; }
  void Reset() { ceiling_ = absl::ZeroDuration(); }

 private:
  absl::Duration initial_, maximum_;
  absl::Duration ceiling_ = absl::ZeroDuration();
};

}  // namespace heddle
