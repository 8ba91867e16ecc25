// How often something may happen: `burst` times at once, and `per_second` times in each second
// after that.
//
// Pure: time is an argument, and time that goes back counts as none that passed. Not thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle {

struct Rate {
  double burst = 1;
  double per_second = 1;  // more than 0
};

class TokenBucket {
 public:
  // Full.
  TokenBucket(const Rate& rate, absl::Time now) : rate_(rate), tokens_(rate.burst), filled_(now) {}

  // True when it may happen now; then it counts as `amount` times. False changes nothing.
  bool Take(absl::Time now, double amount = 1);
  // When Take(amount) will be true. InfiniteFuture: it is more than a whole burst.
  absl::Time ReadyAt(absl::Time now, double amount = 1);
  bool IsFull(absl::Time now);

 private:
  void Fill(absl::Time now);

  Rate rate_;
  double tokens_;
  absl::Time filled_;
};

// A bucket for each key, where strangers choose the keys. At most `max_keys` have one of their own:
// what comes beyond shares one, until a bucket is full again and thus forgotten.
class TokenBuckets {
 public:
  TokenBuckets(const Rate& rate, std::size_t max_keys, absl::Time now)
      : rate_(rate), max_keys_(max_keys), shared_(rate, now), next_sweep_(now) {}

  bool Take(absl::string_view key, absl::Time now, double amount = 1);
  std::size_t size() const { return buckets_.size(); }

 private:
  TokenBucket* BucketOf(absl::string_view key, absl::Time now);

  const Rate rate_;
  const std::size_t max_keys_;
  absl::flat_hash_map<std::string, TokenBucket> buckets_;
  TokenBucket shared_;
  absl::Time next_sweep_;  // looks at all buckets, so not for each newcomer of a flood
};

}  // namespace heddle
