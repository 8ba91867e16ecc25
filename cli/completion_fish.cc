#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/places.h"

namespace heddle::cli {
namespace {

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// True on the command line when `place` has been reached and none of its words has been typed.
std::string ConditionOf(const Place& place) {
  if (place.path.empty()) return "__fish_use_subcommand";
  std::vector<std::string> conditions;
  for (const std::string& word : std::vector<std::string>(absl::StrSplit(place.path, ' '))) {
    conditions.push_back("__fish_seen_subcommand_from " + word);
  }
  if (!place.words.empty()) {
    std::string words;
    for (const auto& [word, description] : place.words) absl::StrAppend(&words, " ", word);
    conditions.push_back("not __fish_seen_subcommand_from" + words);
  }
  return absl::StrJoin(conditions, "; and ");
}

std::string FlagLine(const Flag& flag, const std::string& condition) {
  std::string out = "complete -c heddlectl";
  if (!condition.empty()) absl::StrAppend(&out, " -n ", Quoted(condition));
  for (const std::string& name : flag.names) {
    const bool is_long = name.size() > 2;
    absl::StrAppend(&out, is_long ? " -l " : " -s ", name.substr(is_long ? 2 : 1));
  }
  if (flag.takes_value) out += flag.takes_file ? " -r -F" : " -x";
  if (!flag.choices.empty()) {
    absl::StrAppend(&out, " -a ", Quoted(absl::StrJoin(flag.choices, " ")));
  }
  return absl::StrCat(out, " -d ", Quoted(flag.description), "\n");
}

std::string PlaceLines(const Place& place) {
  const bool is_top = place.path.empty();
  const std::string condition = ConditionOf(place);
  const std::string start = absl::StrCat("complete -c heddlectl -n ", Quoted(condition));
  std::string out;
  for (const auto& [word, description] : place.words) {
    absl::StrAppend(&out, start, " -a ", word, " -d ", Quoted(description), "\n");
  }
  for (const Flag& flag : place.flags) {
    if (is_top) {
      out += FlagLine(flag, "");
    } else if (flag.names.back() != "--help") {  // every command has it from the top
      out += FlagLine(flag, condition);
    }
  }
  if (const std::string noun = NounOf(place.positional_type); !noun.empty()) {
    absl::StrAppend(&out, start, " -a '(", ListCommand(noun), ")'\n");
  }
  if (place.positional_type == kFileType) absl::StrAppend(&out, start, " -F\n");
  return out;
}

}  // namespace

std::string FishCompletion(const CLI::App& app) {
  std::string out =
      "# Completion of heddlectl for fish. Use: heddlectl completion fish | source\n"
      "complete -c heddlectl -f\n";
  for (const Place& place : PlacesOf(app)) out += PlaceLines(place);
  return out;
}

}  // namespace heddle::cli
