#include "cli/yaml.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace heddle::cli {
namespace {

bool IsReservedWord(absl::string_view text) {
  static constexpr std::array<absl::string_view, 9> kWords = {"y",     "n",  "yes", "no",  "true",
                                                              "false", "on", "off", "null"};
  for (absl::string_view word : kWords) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  return false;
}

// Plain text is a letter followed by characters that mean nothing in YAML, or the same after a
// number that a slash ends ("10.0.0.0/8" is nothing but text).
bool IsPlain(absl::string_view text) {
  if (text.empty() || IsReservedWord(text)) return false;
  const bool is_prefix = absl::ascii_isdigit(text[0]) && absl::StrContains(text, '/');
  if (!absl::ascii_isalpha(text[0]) && !is_prefix) return false;
  for (char c : text) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("._/-", c)) return false;
  }
  return true;
}

std::string Scalar(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (IsPlain(absl::string_view(text))) return text;
  }
  // JSON's scalars, and its empty containers, are YAML's flow style.
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

bool IsBlock(const Json& value) { return value.is_structured() && !value.empty(); }

void Append(const Json& value, int indent, bool after_dash, std::string* out);

void AppendMember(const Json& value, int indent, std::string* out) {
  if (!IsBlock(value)) {
    *out += ' ' + Scalar(value) + '\n';
    return;
  }
  *out += '\n';
  Append(value, indent, false, out);
}

// Appends a non-empty container. `after_dash`: the first line stands behind "- ".
void Append(const Json& value, int indent, bool after_dash, std::string* out) {
  bool first = true;
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (!first || !after_dash) out->append(static_cast<std::size_t>(indent), ' ');
    first = false;
    if (value.is_object()) {
      *out += Scalar(Json(it.key())) + ':';
      AppendMember(*it, indent + 2, out);
    } else if (IsBlock(*it)) {
      *out += "- ";
      Append(*it, indent + 2, true, out);
    } else {
      *out += "- " + Scalar(*it) + '\n';
    }
  }
}

}  // namespace

std::string ToYaml(const Json& value) {
  if (!IsBlock(value)) return Scalar(value) + '\n';
  std::string out;
  Append(value, 0, false, &out);
  return out;
}

}  // namespace heddle::cli
