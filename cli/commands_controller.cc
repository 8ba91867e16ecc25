// controller list|status|step-down

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/command_line.h"
#include "cli/lookup.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

ExitCode ListControllers(Session& session) {
  return session.Show("cannot list the controllers", session.client().ListControllers(),
                      [&](const v1::ListControllersResponse& answer) -> absl::StatusOr<View> {
                        return ControllerListView(answer, session.Now());
                      });
}

// `asked`: its id; empty: the controller that answers.
ExitCode ShowController(Session& session, const std::string& asked) {
  const std::string what = asked.empty() ? "cannot show the controller's state"
                                         : absl::StrCat("cannot show controller ", asked);
  const auto answer = session.client().ListControllers();
  if (!answer.ok()) return session.Fail(what, answer.status());
  const auto found =
      FindById(answer->controllers(), asked.empty() ? answer->answered_by() : asked, "controller",
               [](const v1::ControllerState& entry) { return entry.id(); });
  return session.Show(what, found, [&](const v1::ControllerState& state) -> absl::StatusOr<View> {
    return ControllerView(state, session.Now());
  });
}

ExitCode StepDown(Session& session) {
  return session.Show("cannot have the leader step down", session.client().StepDown(),
                      [](const v1::StepDownResponse& answer) -> absl::StatusOr<View> {
                        return StepDownView(answer);
                      });
}

}  // namespace

void AddControllerCommands(CommandLine* line) {
  CLI::App* controller =
      AddGroup(&line->app, "controller", "Show the controllers, and change which one leads.");

  AddListCommand(
      controller, line, "list",
      "List the controllers of the cluster, each asked for its state. The state is leader, "
      "follower, stale (it does not reach the store, and knows only what it knew then), "
      "leaderless (it knows of no leader) or silent (it has not answered within a second); what "
      "is wrong with one follows below the table. NODES are those attached to it.",
      ListControllers);

  auto id = std::make_shared<std::string>();
  CLI::App* status = AddCommand(controller, line, "status",
                                "Show one controller with everything known of it: the one that "
                                "answers, or another by its id.",
                                [id](Session& session) { return ShowController(session, *id); });
  status->add_option("controller", *id, "The controller's id.")->type_name(kControllerType);

  AddCommand(controller, line, "step-down",
             "Have the leading controller give the lead to another, as before maintenance of its "
             "host. Ends when another leads. Nodes and their packets are not disturbed.",
             StepDown);
}

}  // namespace heddle::cli
