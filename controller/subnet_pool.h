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
  // All of `range` is free.
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

  std::uint64_t free_count() const { return free_count_; }
  std::uint64_t total_count() const { return total_count_; }

 private:
  struct Span {
    std::uint64_t first, last;
  };
  std::optional<Span> SpanOf(const Prefix& subnet) const;
  Prefix SubnetAt(std::uint64_t number) const;

  Range range_;
  absl::btree_map<std::uint64_t, std::uint64_t> free_runs_;  // first -> last, never adjacent
  std::uint64_t free_count_ = 0, total_count_ = 0;
};

}  // namespace heddle::controller
