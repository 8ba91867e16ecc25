// Completion scripts for shells, generated from the command tree. Pure.
//
// Commands and flags are static words. A positional of type NODE is completed with the ids that
// `heddlectl node list -o name` gives (for two seconds at most; nothing when no controller
// answers), likewise those of other nouns; one of type FILE, or a flag's value of that type, with
// file names; and a value whose type name lists choices (a|b|c)
// with those.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace heddle::cli {

std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace heddle::cli
