#include "node/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/host_name.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "node/dataplane/forwarder_process.h"
#include "node/flag_definition.h"
#include "node/security_flags.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

constexpr char kFooter[] =
    "Every flag can be set by an environment variable, HEDDLE_NODE_ and the flag's name in "
    "capitals "
    "with '_' for '-' (HEDDLE_NODE_SUBNET_FILE); the flag wins.\n\n"
    "Exit codes: 0 done, or stopped by SIGTERM or SIGINT; 1 it could not be done, the reason is on "
    "standard error; 2 a flag is wrong, or there is no identity and no way to one; 3 another "
    "heddle-node runs in this network namespace.\n\n"
    "Stopping heddle-node leaves the data plane in place: pods stay connected. 'heddle-node "
    "cleanup' removes it.";

// The command line as it was typed.
struct RawFlags {
  std::string controllers;
  std::string node_id;
  SecurityFlags security;
  std::vector<std::string> iface, iface_regex;
  std::string iface_can_reach, public_ip, public_ipv6;
  bool ip_masq = false, forward_rules = true, nexthop_objects = true;
  bool allow_extension_commands = false;
  std::string subnet_file = "/run/heddle/subnet.env";
  std::string state_dir = "/var/lib/heddle/node";
  std::string wireguard_key_file;
  std::string forwarder;
  int resync_seconds = 60;
  int probe_interval_seconds = 1;
  double hold_removals_fraction = 0.5;
  std::size_t hold_removals_min = 8;
  std::string log_level = "info";
};

void DefineController(CLI::App* app, RawFlags* raw) {
  Add(app, "controllers", "HOST:PORT,...", &raw->controllers,
      "Controllers to attach to, host:port each, separated by commas. The default is those that "
      "the "
      "join ticket named, else 127.0.0.1:7411. All addresses of a name count. One is chosen by "
      "chance; when it fails the others are tried, at a random time within 250 "
      "ms, "
      "or 1 ms for each peer where that is longer, so that not all nodes come at once.");
  Add(app, "node-id", "NAME", &raw->node_id,
      "Name of this node in the cluster: 1 to 253 of a-z 0-9 . - _; it keeps its subnet as long as "
      "the name stays. The default is the host name.");
}

void DefineUnderlay(CLI::App* app, RawFlags* raw) {
  Add(app, "iface", "NAME|ADDRESS", &raw->iface,
      "Interface (a name or an address) that carries traffic between hosts. May be repeated: the "
      "first that fits is taken. The default is the interface of the default route.");
  Add(app, "iface-regex", "REGEX", &raw->iface_regex,
      "Regular expression that the interface's address or name must match. May be repeated; used "
      "when no --iface fits.");
  Add(app, "iface-can-reach", "ADDRESS", &raw->iface_can_reach,
      "Take the interface over which the host would reach this address.");
  Add(app, "public-ip", "ADDRESS", &raw->public_ip,
      "IPv4 address that the other hosts shall send to, for example that of a NAT. The default is "
      "the interface's own.");
  Add(app, "public-ipv6", "ADDRESS", &raw->public_ipv6, "The same for IPv6.");
}

void DefineDataPlane(CLI::App* app, RawFlags* raw) {
  AddSwitch(app, "ip-masq", &raw->ip_masq,
            "Masquerade what pods send to addresses outside the cluster network.");
  AddSwitch(app, "forward-rules", &raw->forward_rules,
            "Accept forwarded traffic from and to the cluster network.");
  AddSwitch(
      app, "nexthop-objects", &raw->nexthop_objects,
      "Use nexthop objects, which stay quick with tens of thousands of peers, where the kernel has "
      "them, 5.3 or newer.");
  Add(app, "resync-seconds", "SECONDS", &raw->resync_seconds,
      "Seconds between two checks of the whole kernel state. Changes that the kernel reports are "
      "repaired at once, whatever this is.")
      ->check(CLI::Range(1, 86400));
  Add(app, "probe-interval-seconds", "SECONDS", &raw->probe_interval_seconds,
      "Seconds between two peers that are probed, one after the other, to see whether they are "
      "reached; 'heddlectl node list' shows the result. 0: none, except for 'heddlectl doctor'.")
      ->check(CLI::Range(0, 3600));
  Add(app, "hold-removals-fraction", "FRACTION", &raw->hold_removals_fraction,
      "A snapshot that removes more than this part of the peers, 0 to 1, is held until an "
      "administrator accepts it with 'heddlectl node accept'.")
      ->check(CLI::Range(0.0, 1.0));
  Add(app, "hold-removals-min", "PEERS", &raw->hold_removals_min,
      "Sets of fewer peers than this are never held.");
}

void DefinePrivileges(CLI::App* app, RawFlags* raw) {
  AddSwitch(app, "allow-extension-commands", &raw->allow_extension_commands,
            "Run, as this process's user, the commands that the network's configuration names for "
            "the backend 'extension'. Whoever configures the network then commands this host.");
}

void DefineFiles(CLI::App* app, RawFlags* raw) {
  Add(app, "subnet-file", "PATH", &raw->subnet_file,
      "File to write this node's subnet and MTU to, for the flannel CNI plugin.");
  Add(app, "state-dir", "PATH", &raw->state_dir,
      "Folder for the last good snapshot, from which the node starts when no controller answers.");
  Add(app, "wireguard-key-file", "PATH", &raw->wireguard_key_file,
      "File with this node's private WireGuard key, as 'wg genkey' prints it; made when there is "
      "none. The default is wireguard.key in the state directory.");
  Add(app, "forwarder", "PATH", &raw->forwarder,
      "The program heddle-forwarder, which carries the packets of the backend 'udp' and is started "
      "when that is first needed. The default is the one beside heddle-node.");
  Add(app, "log-level", "LEVEL", &raw->log_level,
      "How much to log: trace, debug, info, warn, error or off.")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
}

absl::StatusOr<std::optional<Ip>> ParseAddress(const std::string& flag, const std::string& text,
                                               std::optional<Family> family) {
  if (text.empty()) return std::optional<Ip>();
  const absl::StatusOr<Ip> ip = Ip::Parse(text);
  if (!ip.ok() || (family && ip->family() != *family)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", flag, ": '", text, "' is not an ", family ? FamilyName(*family) : "IP", " address"));
  }
  return std::optional<Ip>(*ip);
}

absl::StatusOr<UnderlayOptions> ToUnderlay(const RawFlags& raw) {
  UnderlayOptions underlay;
  underlay.iface = raw.iface;
  underlay.iface_regex = raw.iface_regex;
  HEDDLE_ASSIGN_OR_RETURN(underlay.iface_can_reach,
                          ParseAddress("iface-can-reach", raw.iface_can_reach, std::nullopt));
  HEDDLE_ASSIGN_OR_RETURN(underlay.public_address[Family::kV4],
                          ParseAddress("public-ip", raw.public_ip, Family::kV4));
  HEDDLE_ASSIGN_OR_RETURN(underlay.public_address[Family::kV6],
                          ParseAddress("public-ipv6", raw.public_ipv6, Family::kV6));
  return underlay;
}

std::string Beside(const std::string& path, const std::string& name) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? name : absl::StrCat(path.substr(0, slash + 1), name);
}

std::uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

absl::StatusOr<Flags> ToFlags(const RawFlags& raw, Command command) {
  Flags flags;
  flags.command = command;
  const std::string node_id = raw.node_id.empty() ? HostName() : raw.node_id;
  const absl::Status valid = ValidateNodeId(node_id);
  if (command == Command::kRun && !valid.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(raw.node_id.empty() ? "the host name cannot serve as node id, set --node-id: "
                                         : "--node-id: ",
                     valid.message()));
  }
  SessionOptions& session = flags.agent.session;
  if (!raw.controllers.empty()) {
    auto controllers = ParseControllers(raw.controllers);
    if (!controllers.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--controllers: ", controllers.status().message()));
    }
    session.controllers = *std::move(controllers);
  }
  HEDDLE_RETURN_IF_ERROR(Validate(raw.security));
  session.insecure = raw.security.insecure;
  session.server_name = raw.security.server_name;
  if (session.insecure && session.controllers.empty()) session.controllers = {kDefaultController};
  flags.enrolment = EnrolmentOf(raw.security, node_id, raw.state_dir);
  flags.enrolment.controllers = session.controllers;
  flags.enrolment.seed = RandomSeed();
  session.node_id = node_id;
  session.instance_id = absl::StrFormat("%016x%016x", RandomSeed(), RandomSeed());
  session.software_version = kVersion;
  session.seed = RandomSeed();

  ExecutorOptions& executor = flags.agent.executor;
  executor.identity.node_id = node_id;
  executor.identity.runs_commands = raw.allow_extension_commands;
  executor.plan = {raw.ip_masq, raw.forward_rules, raw.nexthop_objects};
  executor.guard = {raw.hold_removals_fraction, raw.hold_removals_min};
  executor.resync = absl::Seconds(raw.resync_seconds);
  executor.seed = RandomSeed();

  HEDDLE_ASSIGN_OR_RETURN(flags.agent.underlay, ToUnderlay(raw));
  flags.agent.prober = {absl::Seconds(raw.probe_interval_seconds), RandomSeed()};
  flags.agent.subnet_file = raw.subnet_file;
  flags.agent.hooks_file = Beside(raw.subnet_file, "hooks.json");
  flags.agent.snapshot_file = absl::StrCat(raw.state_dir, "/snapshot");
  flags.state_dir = raw.state_dir;
  flags.wireguard_key_file = raw.wireguard_key_file.empty()
                                 ? absl::StrCat(raw.state_dir, "/wireguard.key")
                                 : raw.wireguard_key_file;
  flags.forwarder = raw.forwarder.empty() ? ForwarderBesideThisProgram() : raw.forwarder;
  flags.log_level = raw.log_level;
  return flags;
}

}  // namespace

ParsedFlags ParseFlags(int argc, char** argv) {
  RawFlags raw;
  CLI::App app(
      "Joins this host to a Heddle pod network: attaches to a controller, gets a subnet, and keeps "
      "the kernel's links, routes and rules as the controller says. Needs root, or CAP_NET_ADMIN.",
      "heddle-node");
  app.set_version_flag("--version", absl::StrCat("heddle-node ", kVersion),
                       "Print the version and exit.");
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  DefineController(&app, &raw);
  DefineSecurity(&app, &raw.security);
  DefineUnderlay(&app, &raw);
  DefineDataPlane(&app, &raw);
  DefinePrivileges(&app, &raw);
  DefineFiles(&app, &raw);
  app.require_subcommand(0, 1);
  app.fallthrough();
  const CLI::App* cleanup = app.add_subcommand(
      "cleanup",
      "Remove all that heddle-node has made on this host and nothing else: links, routes, "
      "nexthops, "
      "nftables rules, the subnet file and the saved snapshot. The WireGuard key stays. Its lease "
      "stays until it expires or "
      "'heddlectl lease release' ends it.");
  const CLI::App* show = app.add_subcommand(
      "show", "Print what the kernel holds of heddle-node's, one object per line, and exit.");
  ParsedFlags parsed;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? kExitOk : kExitUsage;
    return parsed;
  }
  const Command command = cleanup->parsed() ? Command::kCleanup
                          : show->parsed()  ? Command::kShow
                                            : Command::kRun;
  absl::StatusOr<Flags> flags = ToFlags(raw, command);
  if (!flags.ok()) {
    spdlog::error("{}", std::string(flags.status().message()));
    parsed.exit_code = kExitUsage;
    return parsed;
  }
  parsed.flags = *std::move(flags);
  parsed.run = true;
  return parsed;
}

}  // namespace heddle::node
