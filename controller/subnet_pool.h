// Which subnets of one family's range are free: pure, and O(log n) in the number of free runs.
//
// Subnets are numbered on the grid of the range's SubnetLen from the network's base. The pool keeps
// runs of free numbers, so an empty pool of a million subnets is one entry. It knows nothing of
// nodes or time: LeaseBook tells it what is taken. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/container/btree_map.h"
#include "api/network.h"
#include "base/ip.h"

namespace heddle::controller {

class SubnetPool {
 public:
  // All of `range` is free. The range has passed Validate(Network).
  explicit SubnetPool(const Range& range);

  const Range& range() const { return range_; }

  // The lowest free subnet, or nothing when all are taken. Does not take it.
  std::optional<Prefix> Lowest() const;
  // Whether `subnet` is one this pool may give and is free.
  bool IsFree(const Prefix& subnet) const;
  // Marks every subnet of the grid that overlaps `subnet` as taken / free. Prefixes of another
  // length (from an earlier SubnetLen) or outside the bounds are allowed; what is outside is
  // ignored. Idempotent.
  void Take(const Prefix& subnet);
  void Free(const Prefix& subnet);

  // Of the same range, with the same subnets free.
  friend bool operator==(const SubnetPool& a, const SubnetPool& b) {
    return a.range_ == b.range_ && a.free_runs_ == b.free_runs_;
  }

  std::uint64_t free_count() const { return free_count_; }
  std::uint64_t total_count() const { return total_count_; }

 private:
  struct Span {
    std::uint64_t first, last;  // inclusive
  };
  using Runs = absl::btree_map<std::uint64_t, std::uint64_t>;

  // The numbers within the bounds that `subnet` overlaps, if any.
  std::optional<Span> SpanOf(const Prefix& subnet) const;
  std::uint64_t NumberOf(const Ip& ip) const;
  Prefix SubnetAt(std::uint64_t number) const;
  // The first run that ends at or after `number`.
  Runs::iterator FirstRunReaching(std::uint64_t number);

  Range range_;
  int shift_ = 0;   // address bits behind SubnetLen
  Runs free_runs_;  // first -> last, never adjacent
  std::uint64_t free_count_ = 0, total_count_ = 0;
};

}  // namespace heddle::controller
