// What kinds of devices the running kernel can make: a build machine's may lack some.
#pragma once

#include <string>

namespace heddle::lab {

// Whether `ip link add type <kind>` works here, as asked once per kind in a namespace of its own.
// Throws LabError where it fails for another reason than that the kind is unknown.
bool KernelMakes(const std::string& kind);

// Leaves the running test as skipped, loudly, where the kernel lacks the kind.
#define HEDDLE_NEEDS_LINK_KIND(kind)                                                          \
  if (!::heddle::lab::KernelMakes(kind)) {                                                    \
    GTEST_SKIP() << "this kernel has no " << (kind) << " devices; run it by tests/guest/run"; \
  }

}  // namespace heddle::lab
