// From a long history that has no order to the few operations that show why.
#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "tests/chaos/register.h"

namespace heddle::chaos {
namespace {

using Kind = RegisterOperation::Kind;

// What was known at `end`: who had no answer by then may or may not have taken effect.
RegisterHistory Until(const RegisterHistory& history, absl::Time end) {
  RegisterHistory prefix;
  for (RegisterOperation operation : history) {
    if (operation.completed > end) {
      if (operation.kind == Kind::kRead || operation.invoked > end) continue;
      operation.optional = true;
      operation.revision = 0;
      operation.completed = absl::InfiniteFuture();
    }
    prefix.push_back(operation);
  }
  return prefix;
}

std::vector<Value> AllValues(Value values) {
  std::vector<Value> all;
  for (Value value = kNothing; value <= values; ++value) all.push_back(value);
  return all;
}

// The latest part of the history that has no order by itself, whatever was before.
RegisterHistory Tail(const RegisterHistory& history, Value values) {
  std::vector<absl::Time> begins;
  for (const RegisterOperation& operation : history) begins.push_back(operation.invoked);
  std::sort(begins.begin(), begins.end(), std::greater<>());
  for (const absl::Time begin : begins) {
    RegisterHistory tail;
    bool clean = true;  // nothing certain reaches across the cut
    for (const RegisterOperation& operation : history) {
      if (operation.optional || operation.invoked >= begin) {
        tail.push_back(operation);
      } else {
        clean &= operation.completed < begin;
      }
    }
    if (clean && !Linearizable(tail, AllValues(values))) return tail;
  }
  return history;
}

// Without the reads that are not needed for it. Only reads can be left out: without a write, the
// others might mean something else.
void DropReads(const std::vector<Value>& initial, RegisterHistory* history) {
  for (std::size_t i = history->size(); i-- > 0;) {
    if ((*history)[i].kind != Kind::kRead) continue;
    RegisterHistory fewer = *history;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (!Linearizable(fewer, initial)) *history = std::move(fewer);
  }
}

// Else what follows from an operation that is left out would still be there, and nobody saw why.
void UndoTightening(const RegisterHistory& whole, RegisterHistory* part) {
  std::map<int, absl::Time> invoked;
  for (const RegisterOperation& operation : whole) invoked[operation.source] = operation.invoked;
  for (RegisterOperation& operation : *part) operation.invoked = invoked.at(operation.source);
}

}  // namespace

RegisterHistory Contradiction(const RegisterHistory& history, Value values) {
  std::vector<absl::Time> ends;
  for (const RegisterOperation& operation : history) {
    if (!operation.optional) ends.push_back(operation.completed);
  }
  std::sort(ends.begin(), ends.end());
  const auto end = std::partition_point(ends.begin(), ends.end(), [&](absl::Time time) {
    return Linearizable(Until(history, time), {kNothing});
  });
  RegisterHistory few = Until(history, end == ends.end() ? absl::InfiniteFuture() : *end);
  TightenByRevision(&few);
  RegisterHistory tail = Tail(few, values);
  const bool whatever_before = tail.size() < few.size();
  few = std::move(tail);
  UndoTightening(history, &few);
  DropReads(whatever_before ? AllValues(values) : std::vector<Value>{kNothing}, &few);
  return few;
}

}  // namespace heddle::chaos
