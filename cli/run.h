// heddlectl from its arguments to its exit code; main() and the tests call this.
#pragma once

#include "base/clock.h"
#include "cli/session.h"

namespace heddle::cli {

ExitCode Run(int argc, const char* const* argv, Console console, const Clock& clock);

}  // namespace heddle::cli
