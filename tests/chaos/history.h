// What clients asked of a cluster and what they were told: the evidence that is judged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace heddle::chaos {

// One question and its answer. Subnets and nodes are names here, nothing more.
struct Operation {
  enum class Kind { kAcquire, kRelease, kList };
  // kFailed: surely without effect. kUnknown: no answer; perhaps it takes effect, even much later.
  enum class Outcome { kOk, kFailed, kUnknown };

  Kind kind = Kind::kList;
  Outcome outcome = Outcome::kOk;
  std::string client;  // who asked whom, for the reader of a report
  std::string node;    // of an acquire or a release
  // That it got, let go of or, without an answer, asked for. "": it named none; a release that was
  // answered has then taken whatever the node had, if anything.
  std::string subnet;
  std::map<std::string, std::string> owners;  // of a list: each leased subnet's node
  absl::Time invoked, completed;              // the call's end when kUnknown
  std::string error;                          // what came instead of an answer
  // Of the store, at which the answer holds; 0: the answer did not say.
  std::uint64_t revision = 0;
  // The answer may be as old as the controller's copy: it need not show what was acknowledged
  // before it was asked for, but is held to its revision.
  bool may_be_old = false;
  bool written = false;  // there is no such answer unless the store was changed for it
};

using History = std::vector<Operation>;

}  // namespace heddle::chaos
