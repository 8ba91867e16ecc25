#include "cli/completion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/command_line.h"
#include "cli/places.h"

namespace heddle::cli {
namespace {

// What bash and zsh share: `at` is the path of words so far, `skip` says that the next word is a
// flag's value. No name here is special in either shell.
constexpr char kSharedFunction[] = R"sh(_heddlectl_choices() {
  local at='' skip='' previous='' word=''
  choices='' noun='' files=''
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
    @VALUE_FLAGS@) skip=1; previous="$word" ;;
    -*) ;;
    *)
      case "$at $word" in
      @PATHS@) at="${at:+$at }$word" ;;
      esac
      ;;
    esac
  done
  if [ -n "$skip" ]; then
    case "$previous" in
@CHOICES@    esac
    return
  fi
  case "$at" in
@PLACES@  esac
  if [ -n "$noun" ]; then
    choices="$choices $(@LIST@)"
  fi
}
)sh";

constexpr char kBash[] =
    R"sh(# Completion of heddlectl for bash. Use: source <(heddlectl completion bash)
@SHARED@
_heddlectl() {
  local choices noun files current="${COMP_WORDS[COMP_CWORD]}"
  _heddlectl_choices "${COMP_WORDS[@]:1:COMP_CWORD-1}"
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
  if [ -n "$files" ]; then
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -o bashdefault -F _heddlectl heddlectl
)sh";

constexpr char kZsh[] = R"sh(#compdef heddlectl
# Completion of heddlectl for zsh. Use: source <(heddlectl completion zsh)
@SHARED@
_heddlectl() {
  local choices noun files
  _heddlectl_choices "${(@)words[2,CURRENT-1]}"
  [ -n "$files" ] && _files
  compadd -- ${=choices}
}
compdef _heddlectl heddlectl
)sh";

// The distinct flags that take a value, of all places.
std::vector<const Flag*> ValueFlags(const std::vector<Place>& places) {
  std::vector<const Flag*> out;
  for (const Place& place : places) {
    for (const Flag& flag : place.flags) {
      const bool known = std::any_of(out.begin(), out.end(),
                                     [&](const Flag* other) { return other->names == flag.names; });
      if (flag.takes_value && !known) out.push_back(&flag);
    }
  }
  return out;
}

std::string ValueFlagPattern(const std::vector<Place>& places) {
  std::vector<std::string> names;
  for (const Flag* flag : ValueFlags(places)) {
    names.insert(names.end(), flag->names.begin(), flag->names.end());
  }
  return absl::StrJoin(names, "|");
}

std::string ChoiceCases(const std::vector<Place>& places) {
  std::string out;
  for (const Flag* flag : ValueFlags(places)) {
    if (flag->takes_file) {
      absl::StrAppend(&out, "    ", absl::StrJoin(flag->names, "|"), ") files=1 ;;\n");
    }
    if (flag->choices.empty()) continue;
    absl::StrAppend(&out, "    ", absl::StrJoin(flag->names, "|"), ") choices='",
                    absl::StrJoin(flag->choices, " "), "' ;;\n");
  }
  return out;
}

// "<path so far> <word>" for every word that goes one level down; the top's path is empty.
std::string PathPattern(const std::vector<Place>& places) {
  std::vector<std::string> patterns;
  for (const Place& place : places) {
    for (const auto& [word, description] : place.words) {
      patterns.push_back(absl::StrCat("'", place.path, " ", word, "'"));
    }
  }
  return absl::StrJoin(patterns, "|");
}

// Every place offers its own words and flags, and the flags that all commands take.
std::string PlaceCases(const std::vector<Place>& places) {
  std::string out;
  for (const Place& place : places) {
    std::vector<std::string> words;
    for (const auto& [word, description] : place.words) words.push_back(word);
    for (const Flag& flag : place.flags) words.push_back(flag.names.back());
    for (const Flag& flag : places.front().flags) {
      const std::string& name = flag.names.back();
      if (flag.takes_value && !place.path.empty()) words.push_back(name);
    }
    const std::string noun = NounOf(place.positional_type);
    absl::StrAppend(&out, "  '", place.path, "') choices='", absl::StrJoin(words, " "), "'",
                    noun.empty() ? "" : " noun=", noun,
                    place.positional_type == kFileType ? " files=1" : "", " ;;\n");
  }
  return out;
}

std::string Filled(absl::string_view script, const CLI::App& app) {
  const std::vector<Place> places = PlacesOf(app);
  const std::string shared =
      absl::StrReplaceAll(kSharedFunction, {{"@VALUE_FLAGS@", ValueFlagPattern(places)},
                                            {"@PATHS@", PathPattern(places)},
                                            {"@CHOICES@", ChoiceCases(places)},
                                            {"@PLACES@", PlaceCases(places)},
                                            {"@LIST@", ListCommand("\"$noun\"")}});
  return absl::StrReplaceAll(script, {{"@SHARED@", shared}});
}

}  // namespace

std::string BashCompletion(const CLI::App& app) { return Filled(kBash, app); }

std::string ZshCompletion(const CLI::App& app) { return Filled(kZsh, app); }

}  // namespace heddle::cli
