#include "controller/flags.h"

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "base/version.h"

namespace heddle::controller {
namespace {

constexpr char kFooter[] =
    R"(Every flag can be set in the environment as HEDDLE_CONTROLLER_<FLAG>, for example
HEDDLE_CONTROLLER_DATA_DIR. A flag wins over the environment.

Exit codes: 0 ended by SIGTERM or SIGINT; 1 something outside failed (disk, address in use, store);
2 the command line or the network's configuration is wrong.

A lease is not expired before one --lease-ttl has passed since the start, so that nodes have time to
come back.)";

// The text of a duration flag, checked by the parser so that the message names the flag.
CLI::Validator IsDuration(absl::Duration minimum) {
  return CLI::Validator(
      [minimum](std::string& text) -> std::string {
        absl::Duration duration;
        if (!absl::ParseDuration(text, &duration)) {
          return "'" + text + "' is no duration; write for example 90s, 5m or 24h";
        }
        if (duration < minimum || duration > absl::Hours(24 * 3660)) {
          return "'" + text + "' must be between " + absl::FormatDuration(minimum) +
                 " and 10 years";
        }
        return "";
      },
      "DURATION");
}

// A port of 0 or above 65535 would be listened on at another one.
CLI::Validator IsHostAndPort() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const std::size_t colon = text.rfind(':');
        const std::string host = text.substr(0, colon);
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        int port = 0;
        if (colon == std::string::npos || host.empty() ||
            (!bracketed && host.find_first_of(":[]") != std::string::npos) ||
            !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 1 || port > 65535) {
          return "'" + text + "' is not host:port; write for example 0.0.0.0:7411 or [::]:7411";
        }
        return "";
      },
      "");
}

absl::Duration ToDuration(const std::string& text) {
  absl::Duration duration;
  absl::ParseDuration(text, &duration);  // IsDuration has checked it
  return duration;
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  std::string ttl = "24h", rest = "5m", rollout_grace = "15s";
  CLI::App app(
      "heddle-controller owns a pod network: it gives every node its subnet and tells every node "
      "who the others are.",
      "heddle-controller");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("heddle-controller ") + kVersion,
                       "Prints the version and exits.");
  app.add_option(
         "--net-conf", flags.net_conf_path,
         "The network's configuration (net-conf.json). It is stored if there is none yet. "
         "A file that is new or was edited since the last start replaces the stored one, or "
         "the start fails and says which leases are in the way. Without it, or with the file "
         "of the last start, the stored one is used.")
      ->envname("HEDDLE_CONTROLLER_NET_CONF")
      ->type_name("PATH");
  app.add_option("--data-dir", flags.data_dir,
                 "The directory that holds the leases. It is made when missing.")
      ->envname("HEDDLE_CONTROLLER_DATA_DIR")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--listen", flags.listen,
                 "An address and TCP port to listen on for nodes and heddlectl. May be given more "
                 "than once.")
      ->envname("HEDDLE_CONTROLLER_LISTEN")
      ->type_name("HOST:PORT")
      ->delimiter(',')
      ->check(IsHostAndPort())
      ->capture_default_str();
  app.add_option("--lease-ttl", ttl,
                 "How long a node that is gone keeps its lease. Leases of attached nodes are "
                 "renewed.")
      ->envname("HEDDLE_CONTROLLER_LEASE_TTL")
      ->check(IsDuration(absl::Seconds(1)))
      ->capture_default_str();
  app.add_option("--rest", rest, "How long a freed subnet rests before another node may get it.")
      ->envname("HEDDLE_CONTROLLER_REST")
      ->check(IsDuration(absl::ZeroDuration()))
      ->capture_default_str();
  app.add_option("--heartbeat-seconds", flags.heartbeat_seconds,
                 "Seconds between heartbeats to a node that has nothing else to hear.")
      ->envname("HEDDLE_CONTROLLER_HEARTBEAT_SECONDS")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  app.add_option("--rollout-grace", rollout_grace,
                 "How long a change of the backend waits for a node that is away, since it was "
                 "last heard. One that is away for longer comes into the new backend when it is "
                 "back.")
      ->envname("HEDDLE_CONTROLLER_ROLLOUT_GRACE")
      ->check(IsDuration(absl::ZeroDuration()))
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "What is logged to stderr.")
      ->envname("HEDDLE_CONTROLLER_LOG_LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->capture_default_str();
  try {
    app.parse(argc, const_cast<char**>(argv));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return {flags, code == 0 ? kExitOk : kExitConfiguration};
  }
  flags.lease_ttl = ToDuration(ttl);
  flags.rest = ToDuration(rest);
  flags.rollout_grace = ToDuration(rollout_grace);
  return {flags, -1};
}

}  // namespace heddle::controller
