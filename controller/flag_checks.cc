#include "controller/flag_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "identity/principal.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxNameBytes = 253;  // of a host's name, and generous for a prefix

}  // namespace

CLI::Validator IsDuration(absl::Duration minimum, absl::Duration maximum) {
  return CLI::Validator(
      [minimum, maximum](std::string& text) -> std::string {
        absl::Duration duration;
        if (!absl::ParseDuration(text, &duration)) {
          return "'" + text + "' is no duration; write for example 90s, 5m or 24h";
        }
        if (duration < minimum || duration > maximum) {
          return absl::StrCat("'", text, "' must be between ", absl::FormatDuration(minimum),
                              " and ",
                              maximum == kTenYears ? "10 years" : absl::FormatDuration(maximum));
        }
        return "";
      },
      "DURATION");
}

CLI::Validator IsHostAndPort() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const std::size_t colon = text.rfind(':');
        const std::string host = text.substr(0, colon);
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        int port = 0;
        if (colon == std::string::npos || host.empty() ||
            (!bracketed && host.find_first_of(":[]/") != std::string::npos) ||
            !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 1 || port > 65535) {
          return "'" + text + "' is not host:port; write for example 192.0.2.1:7411 or [::1]:7411";
        }
        return "";
      },
      "");
}

CLI::Validator IsControllerId() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        if (identity::ParsePrincipal("controller/" + text).ok()) return "";
        return "'" + text +
               "' must be 1 to 253 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both "
               "ends";
      },
      "");
}

CLI::Validator IsEtcdPrefix() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const bool good = std::all_of(text.begin(), text.end(), absl::ascii_isgraph);
        if (!good || text.empty() || text == "/" || text.size() > kMaxNameBytes) {
          return "'" + text + "' must be 1 to 253 visible characters, and more than '/'";
        }
        if (!absl::EndsWith(text, "/")) text += '/';
        return "";
      },
      "");
}

absl::Duration ToDuration(const std::string& text) {
  absl::Duration duration;
  absl::ParseDuration(text, &duration);  // IsDuration has checked it
  return duration;
}

}  // namespace heddle::controller
