#include "base/token_bucket.h"

#include <algorithm>

namespace heddle {
namespace {

constexpr absl::Duration kSweepEvery = absl::Seconds(1);

}  // namespace

void TokenBucket::Fill(absl::Time now) {
  if (now > filled_) {
    const double passed_seconds = absl::ToDoubleSeconds(now - filled_);
    tokens_ = std::min(rate_.burst, tokens_ + passed_seconds * rate_.per_second);
  }
  filled_ = now;
}

bool TokenBucket::Take(absl::Time now, double amount) {
  Fill(now);
  if (tokens_ < amount) return false;
  tokens_ -= amount;
  return true;
}

absl::Time TokenBucket::ReadyAt(absl::Time now, double amount) {
  Fill(now);
  if (amount > rate_.burst) return absl::InfiniteFuture();
  if (tokens_ >= amount) return now;
  // Never early by what a Duration rounds away.
  return now + absl::Seconds((amount - tokens_) / rate_.per_second) + absl::Microseconds(1);
}

bool TokenBucket::IsFull(absl::Time now) {
  Fill(now);
  return tokens_ >= rate_.burst;
}

bool TokenBuckets::Take(absl::string_view key, absl::Time now, double amount) {
  return BucketOf(key, now)->Take(now, amount);
}

TokenBucket* TokenBuckets::BucketOf(absl::string_view key, absl::Time now) {
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) return &found->second;
  if (buckets_.size() >= max_keys_ && now >= next_sweep_) {
    next_sweep_ = now + kSweepEvery;
    absl::erase_if(buckets_, [now](auto& entry) { return entry.second.IsFull(now); });
  }
  if (buckets_.size() >= max_keys_) return &shared_;
  return &buckets_.try_emplace(std::string(key), rate_, now).first->second;
}

}  // namespace heddle
