// heddlectl: the administrator's program.

#include <unistd.h>

#include <iostream>

#include "cli/run.h"

int main(int argc, char** argv) {
  const heddle::SystemClock clock;
  const heddle::cli::Console console{std::cin, std::cout, std::cerr, isatty(STDIN_FILENO) == 1};
  return static_cast<int>(heddle::cli::Run(argc, argv, console, clock));
}
