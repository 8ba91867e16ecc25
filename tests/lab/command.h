// A short program run to its end, and what it printed.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tests/lab/netns.h"
#include "tests/lab/spawn.h"

namespace heddle::lab {

struct CommandResult {
  int exit_code = 0;  // -1: still running at the limit, and killed
  std::string out, err;
};

// Runs it, whatever its exit code.
CommandResult TryRun(const Program& program, absl::Duration limit = absl::Seconds(30));

// Runs it in `netns` (null: the test's own) and gives its standard output; `command` is split at
// blanks. Throws LabError with the output unless it exits with 0.
std::string RunCommand(const NetworkNamespace* netns, const std::string& command);

// The same for programs that print JSON (`ip -j`, `nft -j`); no output is an empty list.
nlohmann::json RunJson(const NetworkNamespace* netns, const std::string& command);

// Runs lines of `ip -batch` as one process.
void RunIpBatch(const NetworkNamespace* netns, const std::vector<std::string>& lines);

}  // namespace heddle::lab
