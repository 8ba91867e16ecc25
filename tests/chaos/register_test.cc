// The search, compared with trying all orders.
#include "tests/chaos/register.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

namespace heddle::chaos {
namespace {

absl::Time At(int milliseconds) { return absl::UnixEpoch() + absl::Milliseconds(milliseconds); }

// Explains every answer, in this order, with each operation within its time.
bool Explains(const RegisterHistory& history, const std::vector<int>& order) {
  Value value = kNothing;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const RegisterOperation& now = history[order[i]];
    for (std::size_t j = i + 1; j < order.size(); ++j) {
      const RegisterOperation& later = history[order[j]];
      if (later.completed < now.invoked) return false;
      const bool both = now.revision > 0 && later.revision > 0;
      if (both && later.revision < now.revision) return false;
    }
    const Value before = value;
    if (now.kind == RegisterOperation::Kind::kSet) {
      if (value != kNothing && value != now.value) return false;
      value = now.value;
    } else if (now.kind == RegisterOperation::Kind::kShed) {
      if (value == now.value || now.value == kAnything) value = kNothing;
    } else {
      if (value != now.value) return false;
      if (now.kind == RegisterOperation::Kind::kClear) value = kNothing;
    }
    // A read shows what all of its revision have left.
    for (std::size_t j = 0; j < i && value != before && now.revision > 0; ++j) {
      const RegisterOperation& earlier = history[order[j]];
      if (earlier.kind == RegisterOperation::Kind::kRead && earlier.revision == now.revision) {
        return false;
      }
    }
  }
  return true;
}

bool SomeOrderExplains(const RegisterHistory& history) {
  const int count = static_cast<int>(history.size());
  for (int chosen = 0; chosen < 1 << count; ++chosen) {
    std::vector<int> order;
    bool all_certain = true;
    for (int i = 0; i < count; ++i) {
      if ((chosen >> i & 1) != 0) order.push_back(i);
      all_certain &= (chosen >> i & 1) != 0 || history[i].optional;
    }
    if (!all_certain) continue;
    do {
      if (Explains(history, order)) return true;
    } while (std::next_permutation(order.begin(), order.end()));
  }
  return false;
}

TEST(RegisterTest, TheSearchAgreesWithTryingAllOrders) {
  std::mt19937 random(20261123);
  int linearizable = 0, not_linearizable = 0;
  for (int round = 0; round < 10000; ++round) {
    RegisterHistory history(2 + random() % 4);
    int source = 0;
    for (RegisterOperation& operation : history) {
      operation.source = source++;
      operation.kind = static_cast<RegisterOperation::Kind>(random() % 4);
      const bool read = operation.kind == RegisterOperation::Kind::kRead;
      const bool shed = operation.kind == RegisterOperation::Kind::kShed;
      operation.value = static_cast<Value>(read ? random() % 3 : 1 + random() % 2);
      if (shed && random() % 2 == 0) operation.value = kAnything;
      operation.optional = !read && !shed && random() % 4 == 0;
      const int from = static_cast<int>(random() % 20);
      operation.invoked = read && random() % 4 == 0 ? absl::InfinitePast() : At(from);
      operation.completed =
          operation.optional ? absl::InfiniteFuture() : At(from + static_cast<int>(random() % 10));
      if (!operation.optional && random() % 2 == 0) operation.revision = 1 + random() % 4;
    }
    const bool expected = SomeOrderExplains(history);
    (expected ? linearizable : not_linearizable)++;
    ASSERT_EQ(Linearizable(history, {kNothing}), expected) << "round " << round;
    if (!expected) {
      ASSERT_FALSE(Contradiction(history, 2).empty()) << "round " << round;
    }
  }
  EXPECT_GT(linearizable, 500);
  EXPECT_GT(not_linearizable, 500);
}

}  // namespace
}  // namespace heddle::chaos
