// How long and by which seed; the flags of chaos_test.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace heddle::chaos {

struct ChaosOptions {
  std::uint64_t seed = 0;
  absl::Duration faults_for;  // with three controllers; a third of it with one
  int nodes = 50;
};

// Set by main before the tests run.
extern ChaosOptions options;

}  // namespace heddle::chaos
