#include "controller/flags.h"

#include <string>

#include "CLI/CLI.hpp"
#include "base/host_name.h"
#include "base/version.h"
#include "controller/flag_checks.h"
#include "controller/flag_option.h"

namespace heddle::controller {
namespace {

constexpr char kFooter[] =
    R"(Every flag can be set in the environment as HEDDLE_CONTROLLER_<FLAG>, for example
HEDDLE_CONTROLLER_DATA_DIR. A flag wins over the environment.

Exit codes: 0 ended by SIGTERM or SIGINT; 1 something outside failed (disk, address in use, store);
2 the command line or the network's configuration is wrong, or there are no keys and certificates.

A lease is not expired before one --lease-ttl has passed since the start, so that nodes have time to
come back.)";

constexpr char kSeveral[] = "Several controllers, with etcd";

// Durations as they were typed, until the parser has checked them.
struct Typed {
  std::string lease_ttl = "24h", rest = "5m", rollout_grace = "15s", restore_settle = "2m",
              leader_ttl = "5s", certificate_ttl = "720h";
};

void AddServing(CLI::App* app, Flags* flags) {
  Add(app, "net-conf", "PATH", &flags->net_conf_path,
      "The network's configuration (net-conf.json). It is stored if there is none yet. A file that "
      "is new or was edited since the last start replaces the stored one, or the start fails and "
      "says which leases are in the way. Without it, or with the file of the last start, the "
      "stored one is used. Several controllers: give each the same; the one that leads takes it "
      "over.");
  Add(app, "data-dir", "PATH", &flags->data_dir,
      "The directory that holds the leases, or with etcd a copy of them. It is made when missing.");
  Add(app, "listen", "HOST:PORT", &flags->listen,
      "An address and TCP port to listen on for nodes and heddlectl. May be given more than once.")
      ->delimiter(',')
      ->check(IsHostAndPort());
  Add(app, "heartbeat-seconds", "SECONDS", &flags->heartbeat_seconds,
      "Seconds between heartbeats to a node that has nothing else to hear.")
      ->check(CLI::Range(1, 300));
  Add(app, "log-level", "LEVEL", &flags->log_level, "What is logged to stderr.")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
}

void AddLeases(CLI::App* app, Typed* typed) {
  Add(app, "lease-ttl", "", &typed->lease_ttl,
      "How long a node that is gone keeps its lease. Leases of attached nodes are renewed.")
      ->check(IsDuration(absl::Seconds(1)));
  Add(app, "rest", "", &typed->rest,
      "How long a freed subnet rests before another node may get it.")
      ->check(IsDuration(absl::ZeroDuration()));
  Add(app, "restore-settle", "", &typed->restore_settle,
      "After a restore: how long to wait, at most, for the nodes to come back before a new node is "
      "given a subnet. It ends before that when all known nodes are back, though not before a "
      "quarter of it has passed.")
      ->check(IsDuration(absl::ZeroDuration()));
  Add(app, "rollout-grace", "", &typed->rollout_grace,
      "How long a change of the backend waits for a node that is away, since it was last heard. "
      "One that is away for longer comes into the new backend when it is back.")
      ->check(IsDuration(absl::ZeroDuration()));
}

void AddSeveral(CLI::App* app, Flags* flags, Typed* typed) {
  storage::EtcdOptions& etcd = flags->etcd;
  CLI::Option* endpoints =
      Add(app, "etcd-endpoints", "HOST:PORT,...", &etcd.endpoints,
          "The client addresses of an etcd cluster. With them the leases are there, and any number "
          "of controllers on that cluster share them; without, they are in --data-dir alone.")
          ->delimiter(',')
          ->check(IsHostAndPort());
  CLI::Option* certificate =
      Add(app, "etcd-cert-file", "PATH", &etcd.certificate_file,
          "This controller's certificate for etcd; its common name is the user of etcd.");
  CLI::Option* key =
      Add(app, "etcd-key-file", "PATH", &etcd.key_file, "The key of that certificate.");
  CLI::Option* user =
      Add(app, "etcd-user", "NAME", &etcd.user, "The user of etcd, where no certificate says it.");
  CLI::Option* password = Add(app, "etcd-password-file", "PATH", &etcd.password_file,
                              "A file with nothing but that user's password.");
  certificate->needs(key);
  key->needs(certificate);
  user->needs(password);
  password->needs(user);
  CLI::Option* others[] = {
      Add(app, "etcd-prefix", "KEY", &etcd.prefix,
          "What the keys in etcd begin with. Controllers of one cluster have the same, those of "
          "another cluster another.")
          ->transform(IsEtcdPrefix()),
      Add(app, "etcd-ca-file", "PATH", &etcd.ca_file,
          "The certificates that etcd's are checked with. Any of these files switches TLS on."),
      Add(app, "leader-ttl", "", &typed->leader_ttl,
          "How long the lead stands when the controller that has it falls silent.")
          ->check(IsDuration(absl::Seconds(2), absl::Minutes(5))),
  };
  for (CLI::Option* option : others) option->needs(endpoints)->group(kSeveral);
  for (CLI::Option* option : {certificate, key, user, password}) {
    option->needs(endpoints)->group(kSeveral);
  }
  endpoints->group(kSeveral);
  Add(app, "id", "NAME", &flags->id,
      "The name of this controller, another for each; the host's name by default.")
      ->check(IsControllerId())
      ->group(kSeveral);
  Add(app, "advertise", "HOST:PORT", &flags->advertise,
      "Where the other controllers reach this one. By default the address of --listen; where that "
      "is all of them, the host's own towards its default route, else its name.")
      ->check(IsHostAndPort())
      ->group(kSeveral);
}

void AddSecurity(CLI::App* app, Flags* flags, Typed* typed) {
  AddTlsFlags(app, &flags->tls);
  Add(app, "certificate-ttl", "", &typed->certificate_ttl,
      "How long a node's certificate lasts. Nodes renew theirs by themselves.")
      ->check(IsDuration(absl::Seconds(10)));
  Add(app, "audit-log", "PATH", &flags->audit_log,
      "A file for every administrative action and every refusal, one line of JSON each; by default "
      "they are in the log.");
  AddPkiCommands(app, &flags->pki);
}

// What depends on other flags.
void Complete(const Typed& typed, Flags* flags) {
  flags->lease_ttl = ToDuration(typed.lease_ttl);
  flags->rest = ToDuration(typed.rest);
  flags->rollout_grace = ToDuration(typed.rollout_grace);
  flags->restore_settle = ToDuration(typed.restore_settle);
  flags->certificate_ttl = ToDuration(typed.certificate_ttl);
  flags->etcd.leader_ttl = ToDuration(typed.leader_ttl);
  flags->etcd.copy_path = flags->data_dir + "/etcd-copy";
  if (flags->tls.dir.empty()) flags->tls.dir = flags->data_dir + "/tls";
  if (flags->pki.tls_dir.empty()) flags->pki.tls_dir = flags->pki.data_dir + "/tls";
  if (flags->pki.admin_name.empty()) flags->pki.admin_name = flags->pki.id;
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  flags.id = flags.pki.id = HostName();
  flags.pki.data_dir = flags.data_dir;
  Typed typed;
  CLI::App app(
      "heddle-controller owns a pod network: it gives every node its subnet and tells every node "
      "who the others are.",
      "heddle-controller");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("heddle-controller ") + kVersion,
                       "Prints the version and exits.");
  AddServing(&app, &flags);
  AddLeases(&app, &typed);
  AddSeveral(&app, &flags, &typed);
  AddSecurity(&app, &flags, &typed);
  try {
    app.parse(argc, const_cast<char**>(argv));
    if (flags.id.empty()) throw CLI::ValidationError("--id", "this host has no name; give one");
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return {flags, code == 0 ? kExitOk : kExitConfiguration};
  }
  Complete(typed, &flags);
  return {flags, -1};
}

}  // namespace heddle::controller
