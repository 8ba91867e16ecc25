// Whether this host forwards packets at all. That is the user's business to set, and ours to say:
// without it every pod is cut off, and nothing else shows why.
#pragma once

#include <string>

#include "api/network.h"

namespace heddle::node {

// One sentence, with the mend, for each family of the network that is not forwarded.
// `sysctl_root` is /proc/sys but in tests.
PerFamily<std::string> ForwardingProblems(const Network& network,
                                          const std::string& sysctl_root = "/proc/sys");

}  // namespace heddle::node
