// What kinds of links the running kernel can make.
#pragma once

#include <string>

namespace heddle::lab {

// Whether a link of this type (as `ip link add type` names it: "ipip", "wireguard"; or "tun") can
// be made. It is tried in a namespace of its own. Throws LabError if there cannot be one.
bool KernelMakesLinks(const std::string& type);

}  // namespace heddle::lab

// Ends the running test as skipped on a kernel without links of this type. In //tests/guest, whose
// kernel has them all, a skipped test counts as failed. An empty type is always there.
#define HEDDLE_SKIP_WITHOUT_LINKS(type)                                                      \
  if (const std::string needed = (type);                                                     \
      !needed.empty() && !::heddle::lab::KernelMakesLinks(needed))                           \
  GTEST_SKIP() << "this kernel has no " << needed << " links; //tests/guest runs this test " \
               << "on one that has"
