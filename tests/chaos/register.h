// One register and the operations on it: what linearizability is decided on. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace heddle::chaos {

using Value = int;
constexpr Value kNothing = 0;    // an empty register; what it may hold counts from 1
constexpr Value kAnything = -1;  // of an optional operation or kShed: whatever value

struct RegisterOperation {
  enum class Kind {
    kSet,    // of an empty register, or one that has the value already
    kClear,  // of a register that has the value
    kShed,   // of any register: it has not the value any more, if it had; never optional
    kRead,
  };
  Kind kind = Kind::kRead;
  Value value = kNothing;
  absl::Time invoked, completed;
  bool optional = false;  // it may take effect at any time after `invoked`, or never; no read
  // Operations take effect in this order, and a read is what all of its revision and before have
  // left; 0: it says nothing. Not of an optional one.
  std::uint64_t revision = 0;
  int source = 0;  // the caller's, to know it by; another for each
};

using RegisterHistory = std::vector<RegisterOperation>;

// Whether there is an order, beginning with one of `initial`, in which all that are not optional
// take effect, each between `invoked` and `completed`.
bool Linearizable(const RegisterHistory& history, const std::vector<Value>& initial);

// Operations of a history that is not linearizable from an empty register, so few that they can be
// read, which have no order whatever the register held before the first. `values`: the greatest
// value in use.
RegisterHistory Contradiction(const RegisterHistory& history, Value values);

// An operation takes effect no earlier than those of smaller revisions: raises `invoked` to what
// follows from that.
void TightenByRevision(RegisterHistory* history);

}  // namespace heddle::chaos
