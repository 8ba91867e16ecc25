#include "controller/subnet_pool.h"

#include <algorithm>
#include <iterator>

namespace heddle::controller {

SubnetPool::SubnetPool(const Range& range)
    : range_(range), shift_(BitsOf(range.network.family()) - range.subnet_length) {
  free_count_ = total_count_ = range.subnet_count();
  if (total_count_ > 0) {
    free_runs_.emplace(NumberOf(range.subnet_min), NumberOf(range.subnet_max));
  }
}

std::uint64_t SubnetPool::NumberOf(const Ip& ip) const {
  return absl::Uint128Low64((ip.number() - range_.network.base().number()) >> shift_);
}

Prefix SubnetPool::SubnetAt(std::uint64_t number) const {
  return Prefix(range_.network.at(absl::uint128(number) << shift_), range_.subnet_length);
}

std::optional<SubnetPool::Span> SubnetPool::SpanOf(const Prefix& subnet) const {
  if (subnet.family() != range_.network.family() || total_count_ == 0) return std::nullopt;
  const Ip low = std::max(subnet.base(), range_.subnet_min);
  const Ip high = std::min(subnet.last(), Prefix(range_.subnet_max, range_.subnet_length).last());
  if (high < low) return std::nullopt;
  return Span{NumberOf(low), NumberOf(high)};
}

SubnetPool::Runs::iterator SubnetPool::FirstRunReaching(std::uint64_t number) {
  auto run = free_runs_.upper_bound(number);
  if (run != free_runs_.begin() && std::prev(run)->second >= number) --run;
  return run;
}

std::optional<Prefix> SubnetPool::Lowest() const {
  if (free_runs_.empty()) return std::nullopt;
  return SubnetAt(free_runs_.begin()->first);
}

bool SubnetPool::IsFree(const Prefix& subnet) const {
  if (!range_.Allows(subnet)) return false;
  const std::uint64_t number = NumberOf(subnet.base());
  const auto after = free_runs_.upper_bound(number);
  return after != free_runs_.begin() && std::prev(after)->second >= number;
}

void SubnetPool::Take(const Prefix& subnet) {
  const auto span = SpanOf(subnet);
  if (!span) return;
  auto run = FirstRunReaching(span->first);
  while (run != free_runs_.end() && run->first <= span->last) {
    const Span free{run->first, run->second};
    free_count_ -= std::min(free.last, span->last) - std::max(free.first, span->first) + 1;
    const bool keeps_start = free.first < span->first;
    const bool keeps_end = free.last > span->last;
    if (keeps_start) {
      run->second = span->first - 1;
      ++run;
    } else {
      run = free_runs_.erase(run);
    }
    if (keeps_end) {
      free_runs_.emplace_hint(run, span->last + 1, free.last);
      return;
    }
  }
}

void SubnetPool::Free(const Prefix& subnet) {
  const auto span = SpanOf(subnet);
  if (!span) return;
  Span merged = *span;
  std::uint64_t already_free = 0;
  // From the run that ends just before, to the one that starts just after: all become one.
  auto run = FirstRunReaching(span->first == 0 ? 0 : span->first - 1);
  while (run != free_runs_.end() && run->first <= span->last + 1) {
    already_free += run->second - run->first + 1;
    merged = {std::min(merged.first, run->first), std::max(merged.last, run->second)};
    run = free_runs_.erase(run);
  }
  free_runs_.emplace_hint(run, merged.first, merged.last);
  free_count_ += merged.last - merged.first + 1 - already_free;
}

}  // namespace heddle::controller
