#include "node/dataplane/command.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace heddle::node {
namespace {

constexpr absl::string_view kWhiteSpace = " \t\n\v\f\r";

bool IsNameStart(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsNamePart(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// The name after a '$', and how many characters it takes with its braces; empty: there is none.
struct Reference {
  absl::string_view name;
  std::size_t length = 0;
};

Reference FindReference(absl::string_view text) {
  const std::size_t brace = text.empty() || text[0] != '{' ? 0 : 1;
  std::size_t end = brace;
  if (end >= text.size() || !IsNameStart(text[end])) return {};
  while (end < text.size() && IsNamePart(text[end])) ++end;
  if (brace == 1 && (end == text.size() || text[end] != '}')) return {};
  return {text.substr(brace, end - brace), end + brace};
}

std::string Expand(absl::string_view word, const CommandVariables& variables) {
  std::string expanded;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const Reference reference = word[at] == '$' ? FindReference(word.substr(at + 1)) : Reference();
    if (reference.length == 0) {
      expanded.push_back(word[at]);
      continue;
    }
    const auto variable = std::find_if(variables.begin(), variables.end(), [&](const auto& entry) {
      return entry.first == reference.name;
    });
    if (variable != variables.end()) expanded += variable->second;
    at += reference.length;
  }
  return expanded;
}

}  // namespace

std::vector<std::string> CommandWords(absl::string_view command,
                                      const CommandVariables& variables) {
  std::vector<std::string> words;
  for (absl::string_view word :
       absl::StrSplit(command, absl::ByAnyChar(kWhiteSpace), absl::SkipEmpty())) {
    words.push_back(Expand(word, variables));
  }
  return words;
}

ProgramOptions CommandProgram(absl::string_view command, CommandVariables variables) {
  ProgramOptions options;
  variables.emplace_back("PATH", options.path);
  options.words = CommandWords(command, variables);
  options.environment.emplace();
  for (const auto& [name, value] : variables) {
    options.environment->push_back(absl::StrCat(name, "=", value));
  }
  return options;
}

}  // namespace heddle::node
