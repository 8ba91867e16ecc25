// `heddle-controller init` and `heddle-controller ca ...`: on files alone, beside a running
// controller or without one.
#pragma once

#include "controller/tls_flags.h"

namespace heddle::controller {

// Does what flags.command says, prints what it did or why not, and answers the exit code.
int RunPkiCommand(const PkiFlags& flags);

}  // namespace heddle::controller
