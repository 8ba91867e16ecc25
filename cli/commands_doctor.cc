// doctor

#include <memory>
#include <utility>

#include "cli/command_line.h"
#include "cli/doctor.h"
#include "cli/interrupt.h"

namespace heddle::cli {
namespace {

struct DoctorOptions {
  std::vector<std::string> nodes, peers;
  int node_timeout_seconds = 20;
  int max_peers = 0;
  bool verbose = false;
};

ExitCode Diagnose(Session& session, const DoctorOptions& options) {
  constexpr char kWhat[] = "cannot have the nodes probed";
  v1::DiagnoseRequest request;
  for (const std::string& id : options.nodes) request.add_node_ids(id);
  for (const std::string& id : options.peers) request.add_peer_ids(id);
  request.set_timeout_seconds(static_cast<std::uint32_t>(options.node_timeout_seconds));
  request.set_max_peers(static_cast<std::uint32_t>(options.max_peers));
  Diagnoses diagnoses;
  OnInterrupt interrupt([&session] { session.client().CancelStream(); });
  absl::Status malformed;
  const absl::Status status = session.client().Diagnose(
      request,
      [&](const v1::DiagnoseEvent& event) { return malformed = AddEvent(event, &diagnoses); });
  if (!malformed.ok()) return session.FailMalformed(kWhat, malformed);
  if (!status.ok()) return session.Fail(kWhat, status);
  const ExitCode printed = session.Print(DoctorView(diagnoses, options.verbose));
  if (printed != ExitCode::kOk) return printed;
  return IsWell(diagnoses) ? ExitCode::kOk : ExitCode::kUnwell;
}

}  // namespace

void AddDoctorCommand(CommandLine* line) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = AddCommand(
      &line->app, line, "doctor",
      "Have the nodes probe each other now, and say what is wrong, why, and what to do. Each pair "
      "is probed over the underlay and over the overlay, with a small packet and with one of the "
      "interface's full size, and each node looks at what in its own host stops pod traffic. One "
      "line for each pair that is not well, then a summary. Exit code 7 when anything is wrong.",
      [options](Session& session) { return Diagnose(session, *options); });
  doctor
      ->add_option("node", options->nodes,
                   "The nodes that probe. The default is every node that is attached.")
      ->type_name(kNodeType);
  doctor
      ->add_option("--peer", options->peers,
                   "Probe this node only. May be repeated. The default is every node.")
      ->type_name(kNodeType);
  doctor
      ->add_option("--max-peers", options->max_peers,
                   "Let each node probe a random choice of so many peers. The default is all, in a "
                   "large cluster as many as make 20000 pairs.")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->type_name("COUNT");
  doctor
      ->add_option("--node-timeout-seconds", options->node_timeout_seconds,
                   "Go on without a node that has not answered after so many seconds, 1 to 600. "
                   "What it has found by then counts. The default is 20.")
      ->check(CLI::Range(1, 600).description(""))
      ->type_name("SECONDS");
  doctor->add_flag("--verbose", options->verbose, "Show the pairs that are well, too.");
}

}  // namespace heddle::cli
