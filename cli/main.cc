// heddlectl: the administrator's program.

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/core_dumps.h"
#include "cli/run.h"

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // its failures reach us as statuses
  // A private key is read. Where the system forbids this, the key is no worse off than in its file.
  if (const absl::Status hidden = heddle::ForbidCoreDumps(); !hidden.ok()) {
    std::cerr << "heddlectl: warning: " << hidden.message() << std::endl;
  }
  const heddle::SystemClock clock;
  const heddle::cli::Console console{std::cin, std::cout, std::cerr, isatty(STDIN_FILENO) == 1};
  return static_cast<int>(heddle::cli::Run(argc, argv, console, clock));
}
