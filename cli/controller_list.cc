#include "cli/controller_list.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace heddle::cli {
namespace {

absl::StatusOr<std::string> WithPort(absl::string_view entry) {
  const bool bracketed = absl::StartsWith(entry, "[");
  const std::size_t colon = entry.rfind(':');
  const bool has_port =
      colon != absl::string_view::npos && (!bracketed || (colon > 0 && entry[colon - 1] == ']'));
  if (!bracketed && entry.find(':') != colon) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", entry, "\" is no host:port; write an IPv6 address as [", entry, "]:7411"));
  }
  if (!has_port) return absl::StrCat(entry, ":", kDefaultControllerPort);
  int port = 0;
  if (colon == 0 || !absl::SimpleAtoi(entry.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", entry, "\" is no host:port"));
  }
  return std::string(entry);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text) {
  std::vector<std::string> out;
  for (absl::string_view entry : absl::StrSplit(text, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    if (entry.empty()) continue;
    HEDDLE_ASSIGN_OR_RETURN(std::string controller, WithPort(entry));
    out.push_back(std::move(controller));
  }
  if (out.empty()) return absl::InvalidArgumentError("--controller names no controller");
  return out;
}

}  // namespace heddle::cli
