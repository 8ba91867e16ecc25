// heddle-node's three commands. Each returns the process's exit code, having said why on stderr
// when that is not 0.
#pragma once

#include "node/flags.h"

namespace heddle::node {

// The daemon: until SIGTERM or SIGINT.
int RunNode(const Flags& flags);
// Removes all that is ours, and prints it.
int RunCleanup(const Flags& flags);
// Prints what the kernel holds of ours.
int RunShow(const Flags& flags);

}  // namespace heddle::node
