// Takes elements out of a line of them, in order.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace heddle::controller {

// What `wanted` is true of; the rest stays, in order.
template <typename Line, typename Wanted>
std::vector<typename Line::value_type> TakeIf(Line* line, Wanted wanted) {
  const auto taken = std::stable_partition(line->begin(), line->end(),
                                           [&](const auto& element) { return !wanted(element); });
  std::vector<typename Line::value_type> result(std::make_move_iterator(taken),
                                                std::make_move_iterator(line->end()));
  line->erase(taken, line->end());
  return result;
}

}  // namespace heddle::controller
