// heddle-forwarder: moves the udp backend's packets, and outlives the heddle-node that set it up.
#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "base/version.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/listening_socket.h"
#include "node/dataplane/forwarder/process.h"
#include "node/dataplane/forwarder/server.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/sinks/syslog_sink.h"
#include "spdlog/spdlog.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kExitFailure = 1, kExitUsage = 2, kExitBusy = 3;

constexpr char kAbout[] =
    "Moves the packets of Heddle's udp backend between a TUN device and UDP sockets. heddle-node "
    "starts it, opens both for it and tells it which subnet is behind which host; it goes on "
    "without heddle-node, so that no packet is lost while that is restarted or upgraded. It needs "
    "no privileges, and gives up what it has.";
constexpr char kFooter[] =
    "Started by systemd with a socket (heddle-forwarder.socket), it uses that. Otherwise it "
    "listens "
    "at --socket and goes on in the background: the command returns when it listens, and what it "
    "logs "
    "from then on goes to the system log.\n\n"
    "It ends on SIGTERM or SIGINT, when it has handed everything over to another one, and when it "
    "has had nothing to do for five seconds.\n\n"
    "Exit codes: 0 done; 1 it could not be done, the reason is on standard error; 2 a flag is "
    "wrong; 3 another heddle-forwarder listens there.";

int Fail(const absl::Status& status) {
  spdlog::error("{}", std::string(status.message()));
  return absl::IsAlreadyExists(status) ? kExitBusy : kExitFailure;
}

int Serve(const ServerOptions& options, absl::StatusOr<ListeningSocket> listening,
          Detachment* detachment) {
  if (!listening.ok()) return Fail(listening.status());
  const absl::StatusOr<Descriptor> signals = OpenStopSignals();
  if (!signals.ok()) return Fail(signals.status());
  const absl::Status dropped = DropPrivileges();
  if (!dropped.ok()) return Fail(dropped);
  Server server(options, *std::move(listening), signals->get());
  if (detachment != nullptr) {
    spdlog::set_default_logger(
        spdlog::syslog_logger_mt("system log", "heddle-forwarder", LOG_PID, LOG_DAEMON));
    detachment->Tell();
  }
  server.Run();
  return 0;
}

int Run(const ServerOptions& options, const std::string& path) {
  absl::StatusOr<ListeningSocket> passed = ListeningSocket::FromSystemd();
  if (!absl::IsNotFound(passed.status())) return Serve(options, std::move(passed), nullptr);
  absl::StatusOr<Detachment> detachment = Detachment::Detach();
  if (!detachment.ok()) return Fail(detachment.status());
  return Serve(options, ListeningSocket::Bind(path), &*detachment);
}

}  // namespace
}  // namespace heddle::node::forwarder

int main(int argc, char** argv) {
  using namespace heddle::node::forwarder;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("heddle-forwarder"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: heddle-forwarder: %v");

  CLI::App app(kAbout, "heddle-forwarder");
  app.footer(kFooter);
  app.set_version_flag("--version", heddle::kVersion);
  std::string path = "/var/lib/heddle/node/forwarder.sock", without;
  app.add_option("--socket", path, "Where to listen for heddle-node: an absolute path")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option(
         "--without", without,
         "Leave out these of the kernel's features, though it has them: checksum, tso, uso, "
         "gso, gro, mmsg. For tests, and to find out which one is to blame")
      ->type_name("NAME,...")
      ->envname("HEDDLE_FORWARDER_WITHOUT");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  const auto features = AllBut(without);
  if (!features.ok()) {
    spdlog::error("--without: {}", std::string(features.status().message()));
    return kExitUsage;
  }
  if (path.empty() || path[0] != '/') {
    spdlog::error("--socket: '{}' is no absolute path", path);
    return kExitUsage;
  }
  ServerOptions options;
  options.features = *features;
  return Run(options, path);
}
