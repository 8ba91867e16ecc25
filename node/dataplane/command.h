// The words of a command of the extension backend, and how it is run: without a shell. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/program.h"

namespace heddle::node {

using CommandVariables = std::vector<std::pair<std::string, std::string>>;  // name, value

// `command` split on white space; there is no quoting. Then $NAME and ${NAME} in each word give way
// to the variable's value, which is never split or expanded again, or to nothing when there is no
// such variable. A '$' before anything else stands for itself. NAME is a letter or '_', and
// letters, digits and '_' after it.
std::vector<std::string> CommandWords(absl::string_view command, const CommandVariables& variables);

// How to run it: its environment is `variables` and a PATH of the system's folders, nothing of
// ours. The input and the bounds are the caller's to set.
ProgramOptions CommandProgram(absl::string_view command, CommandVariables variables);

}  // namespace heddle::node
