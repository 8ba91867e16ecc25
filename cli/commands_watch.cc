// watch and status

#include <memory>

#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/view.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

// One line, or one document, per event.
std::string EventText(const View& view, Format format) {
  if (format == Format::kJson) {
    return view.json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  if (format == Format::kYaml) return "---\n" + Render(view, format);
  return Render(view, format);
}

ExitCode Watch(Session& session, std::uint64_t after_revision) {
  constexpr char kWhat[] = "cannot watch";
  v1::WatchRequest request;
  request.set_after_revision(after_revision);
  OnInterrupt interrupt([&session] { session.client().CancelStream(); });
  absl::Status malformed;
  const absl::Status status =
      session.client().Watch(request, [&](const v1::WatchEvent& event) -> absl::Status {
        const auto view = WatchEventView(event);
        if (!view.ok()) return malformed = view.status();
        session.console().out << EventText(*view, session.format()) << std::flush;
        if (!session.console().out) return absl::DataLossError("the output cannot be written to");
        return absl::OkStatus();
      });
  if (!malformed.ok()) return session.FailMalformed(kWhat, malformed);
  return status.ok() ? ExitCode::kOk : session.Fail(kWhat, status);
}

ExitCode ShowStatus(Session& session) {
  constexpr char kWhat[] = "cannot show the status";
  const auto status = session.client().GetStatus();
  if (!status.ok()) return session.Fail(kWhat, status.status());
  // Only the leader knows how far a change is; without one, what is so is shown at once.
  absl::StatusOr<v1::GetNetworkResponse> network = v1::GetNetworkResponse();
  if (!status->leader_id().empty()) network = session.client().GetNetwork();
  if (!network.ok() && !absl::IsNotFound(network.status())) {
    return session.Fail(kWhat, network.status());
  }
  return session.Print(StatusView(*status, network.ok() ? *network : v1::GetNetworkResponse(),
                                  session.client().controller(), session.Now()));
}

}  // namespace

void AddWatchCommand(CommandLine* line) {
  auto after = std::make_shared<std::uint64_t>(0);
  CLI::App* watch = AddCommand(
      &line->app, line, "watch",
      "Print every change of the leases and of the network as it happens, one line each, until "
      "interrupted. With -o json each line is one JSON object. An interrupt (Ctrl-C, or SIGTERM) "
      "ends it with exit code 0; a controller that ends the stream, with 3.",
      [after](Session& session) { return Watch(session, *after); });
  watch
      ->add_option("--after-revision", *after,
                   "Print the changes after this revision first, as far as the controller still "
                   "holds them. The default is 0: only what happens from now on.")
      ->type_name("REVISION");
}

void AddStatusCommand(CommandLine* line) {
  AddCommand(&line->app, line, "status",
             "Show how the controller that answers is: who leads, its version, its store and since "
             "when it does not reach it, whether it accepts changes, the revision reached, and how "
             "many nodes are attached to it.",
             ShowStatus);
}

}  // namespace heddle::cli
