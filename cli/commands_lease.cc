// lease list|show|reserve|release

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "cli/command_line.h"
#include "cli/lookup.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

ExitCode ListLeases(Session& session, bool resting) {
  v1::ListLeasesRequest request;
  request.set_include_resting(resting);
  return session.Show(
      "cannot list the leases", session.client().ListLeases(request),
      [&](const v1::ListLeasesResponse& answer) { return LeaseListView(answer, session.Now()); });
}

ExitCode ShowLease(Session& session, const std::string& node_id) {
  const std::string what = absl::StrCat("cannot show the lease of node ", node_id);
  const auto answer = session.client().ListLeases(v1::ListLeasesRequest());
  if (!answer.ok()) return session.Fail(what, answer.status());
  return session.Show(what, FindByNode(answer->leases(), node_id, "lease of node"),
                      [&](const v1::Lease& lease) { return LeaseView(lease, session.Now()); });
}

// Prints the lease that a change left or took, and waits if that is asked for.
ExitCode Finish(Session& session, absl::string_view what, LeaseChange change,
                const absl::StatusOr<v1::LeaseResponse>& answer) {
  if (!answer.ok()) return session.Fail(what, answer.status());
  auto view = LeaseChangeView(answer->lease(), change);
  if (!view.ok()) return session.FailMalformed(what, view.status());
  return session.FinishChange(*std::move(view), answer->revision());
}

// Host bits are refused, not cleared: 10.1.2.3/24 may be a slip of either half.
absl::StatusOr<Prefix> ParseSubnet(const std::string& text) {
  auto subnet = Prefix::Parse(text);
  if (!subnet.ok()) return subnet.status();
  const auto address = Ip::Parse(text.substr(0, text.find('/')));
  if (!address.ok()) return address.status();
  if (*address != subnet->base()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text,
                                                   "\" has bits set behind its length;"
                                                   " do you mean ",
                                                   subnet->ToString(), "?"));
  }
  return subnet;
}

ExitCode ReserveLease(Session& session, const std::string& node_id,
                      const std::vector<std::string>& subnets) {
  v1::ReserveLeaseRequest request;
  request.set_node_id(node_id);
  for (const std::string& text : subnets) {
    const auto subnet = ParseSubnet(text);
    if (!subnet.ok()) return session.FailUsage(subnet.status().message());
    *request.add_subnets() = ToProto(*subnet);
  }
  return Finish(session, absl::StrCat("cannot reserve a subnet for node ", node_id),
                LeaseChange::kReserved, session.client().ReserveLease(request));
}

ExitCode ReleaseLease(Session& session, const std::string& node_id) {
  if (!session.Confirm(absl::StrCat("Release the lease of node ", node_id, "?"))) {
    return session.FailUsage("nothing has been released.");
  }
  v1::ReleaseLeaseRequest request;
  request.set_node_id(node_id);
  return Finish(session, absl::StrCat("cannot release the lease of node ", node_id),
                LeaseChange::kReleased, session.client().ReleaseLease(request));
}

void AddReserve(CLI::App* lease, CommandLine* line) {
  auto node = std::make_shared<std::string>();
  auto subnets = std::make_shared<std::vector<std::string>>();
  CLI::App* reserve = AddCommand(
      lease, line, "reserve",
      "Give a node its subnet for good, before or after it first comes. A reserved lease never "
      "expires; \"lease release\" ends it. Without a subnet the one that the node holds is kept, "
      "or a free one is chosen.",
      [node, subnets](Session& session) { return ReserveLease(session, *node, *subnets); });
  reserve->add_option("node", *node, "The node's id.")->required()->type_name(kNodeType);
  reserve
      ->add_option("subnet", *subnets,
                   "The subnet, for example 10.1.2.0/24; with two address families at most one of "
                   "each. It must be inside the range, and free.")
      ->expected(0, 2)
      ->type_name(kSubnetType);
  AddWaitOptions(reserve, line);
}

}  // namespace

void AddLeaseCommands(CommandLine* line) {
  CLI::App* lease = AddGroup(&line->app, "lease", "Show, reserve and release the nodes' subnets.");

  auto resting = std::make_shared<bool>(false);
  CLI::App* list = AddListCommand(
      lease, line, "list",
      "List the leases: which node holds which subnet, and until when; a reserved lease never "
      "expires. The state is active (the node is attached), detached, reserved (and not attached) "
      "or resting.",
      [resting](Session& session) { return ListLeases(session, *resting); });
  list->add_flag("--resting", *resting,
                 "List freed subnets too, with the node that held them last and the time until "
                 "they may be given to another node.");

  auto shown = std::make_shared<std::string>();
  CLI::App* show = AddCommand(lease, line, "show", "Show the lease of one node.",
                              [shown](Session& session) { return ShowLease(session, *shown); });
  show->add_option("node", *shown, "The node's id.")->required()->type_name(kNodeType);

  AddReserve(lease, line);

  auto released = std::make_shared<std::string>();
  CLI::App* release = AddCommand(
      lease, line, "release",
      "End the lease of a node that is gone, reserved or not. The other nodes drop their routes to "
      "it; its subnet rests before another node may get it. Refused while the node is attached: "
      "its pods would lose their addresses. Stop heddle-node there first.",
      [released](Session& session) { return ReleaseLease(session, *released); });
  release->add_option("node", *released, "The node's id.")->required()->type_name(kNodeType);
  AddWaitOptions(release, line);
  AddYesOption(release, line);
}

}  // namespace heddle::cli
