// The command tree as completion sees it: what can follow each path of words. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace heddle::cli {

struct Flag {
  std::vector<std::string> names;  // "-o", "--output": short ones first
  std::string description;         // one sentence
  bool takes_value = false;
  std::vector<std::string> choices;  // of the value; empty: any
  bool takes_file = false;           // the value is a file's name
};

struct Place {
  std::string path;                                        // "lease show"; "" is the top
  std::vector<std::pair<std::string, std::string>> words;  // subcommand, one-sentence description
  std::vector<Flag> flags;
  std::string positional_type;  // of the first positional, "" without one
};

// The top first, then depth first in the tree's order.
std::vector<Place> PlacesOf(const CLI::App& app);

std::string FirstSentence(const std::string& text);

// What a shell runs to learn the ids of all `noun`s: two seconds at most, and silent.
std::string ListCommand(const std::string& noun);
// The noun whose ids a positional of that type takes; "" when there is none.
std::string NounOf(const std::string& positional_type);

}  // namespace heddle::cli
