// node list|show|renumber|accept|allow-address|remove

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip.h"
#include "cli/command_line.h"
#include "cli/lookup.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

ExitCode ListNodes(Session& session) {
  return session.Show(
      "cannot list the nodes", session.client().ListNodes(),
      [&](const v1::ListNodesResponse& answer) { return NodeListView(answer, session.Now()); });
}

ExitCode ShowNode(Session& session, const std::string& node_id) {
  const std::string what = absl::StrCat("cannot show node ", node_id);
  const auto answer = session.client().ListNodes();
  if (!answer.ok()) return session.Fail(what, answer.status());
  return session.Show(
      what, FindByNode(answer->nodes(), node_id, "node"),
      [&](const v1::Node& node) { return NodeView(node, answer->revision(), session.Now()); });
}

ExitCode AcceptRemovals(Session& session, const std::string& node_id) {
  v1::NodeRequest request;
  request.set_node_id(node_id);
  const auto answer = session.client().AcceptRemovals(request);
  if (!answer.ok()) {
    return session.Fail(absl::StrCat("cannot accept the removals that node ", node_id, " holds"),
                        answer.status());
  }
  return session.FinishChange(
      RevisionView(absl::StrCat("Node ", node_id, " has been told to make the removals it holds."),
                   answer->revision()),
      answer->revision());
}

ExitCode RemoveNode(Session& session, const std::string& node_id) {
  if (!session.Confirm(absl::StrCat("Remove node ", node_id, " and release its lease?"))) {
    return session.FailUsage("nothing has been removed.");
  }
  v1::NodeRequest request;
  request.set_node_id(node_id);
  const auto answer = session.client().RemoveNode(request);
  if (!answer.ok()) {
    return session.Fail(absl::StrCat("cannot remove node ", node_id), answer.status());
  }
  return session.FinishChange(
      RevisionView(absl::StrCat("Removed node ", node_id, " and released its lease."),
                   answer->revision()),
      answer->revision());
}

ExitCode RenumberNode(Session& session, const std::string& node_id, bool finish) {
  if (finish && !session.Confirm(absl::StrCat("Take the former subnet from node ", node_id,
                                              "? Pods that still have addresses of it lose "
                                              "their connections."))) {
    return session.FailUsage("nothing has been changed.");
  }
  v1::RenumberNodeRequest request;
  request.set_node_id(node_id);
  request.set_finish(finish);
  const std::string what = absl::StrCat("cannot renumber node ", node_id);
  const auto answer = session.client().RenumberNode(request);
  if (!answer.ok()) return session.Fail(what, answer.status());
  auto view =
      LeaseChangeView(answer->lease(), finish ? LeaseChange::kFinished : LeaseChange::kRenumbered);
  if (!view.ok()) return session.FailMalformed(what, view.status());
  return session.FinishChange(*std::move(view), answer->revision());
}

ExitCode AllowAddress(Session& session, const std::string& node_id, const std::string& text) {
  const auto address = Ip::Parse(text);
  if (!address.ok()) return session.FailUsage(absl::StrCat(address.status().message(), "."));
  v1::AllowAddressRequest request;
  request.set_node_id(node_id);
  request.set_address(address->ToBytes());
  const auto answer = session.client().AllowAddress(request);
  if (!answer.ok()) {
    return session.Fail(
        absl::StrCat("cannot allow address ", address->ToString(), " to node ", node_id),
        answer.status());
  }
  return session.Print(
      RevisionView(absl::StrCat("Node ", node_id, " may announce ", address->ToString(),
                                ", whoever else does; no other node gets it."),
                   answer->revision()));
}

void AddAllowAddress(CLI::App* node, CommandLine* line) {
  auto id = std::make_shared<std::string>();
  auto address = std::make_shared<std::string>();
  CLI::App* allow = AddCommand(
      node, line, "allow-address",
      "Let a node announce a public address that another, live node announces: the address is "
      "this node's from now on. Needed only when an address moves while its former node runs.",
      [id, address](Session& session) { return AllowAddress(session, *id, *address); });
  allow->add_option("node", *id, "The node's id.")->required()->type_name(kNodeType);
  allow->add_option("address", *address, "The address, IPv4 or IPv6.")
      ->required()
      ->type_name("ADDRESS");
}

void AddRenumber(CLI::App* node, CommandLine* line) {
  auto id = std::make_shared<std::string>();
  auto finish = std::make_shared<bool>(false);
  CLI::App* renumber = AddCommand(
      node, line, "renumber",
      "Move a node out of a range that the network leaves (see \"network set --drain\"). It gets a "
      "subnet of the present range for new pods, and keeps the former one for those it has, until "
      "--finish takes that away. Every node routes both meanwhile.",
      [id, finish](Session& session) { return RenumberNode(session, *id, *finish); });
  renumber->add_option("node", *id, "The node's id.")->required()->type_name(kNodeType);
  renumber->add_flag("--finish", *finish,
                     "Take the former subnet from the node, once no pod has an address of it.");
  AddWaitOptions(renumber, line);
  AddYesOption(renumber, line);
}

// A verb with one positional, the node's id.
CLI::App* AddNodeVerb(CLI::App* node, CommandLine* line, const std::string& name,
                      const std::string& description,
                      ExitCode (*run)(Session&, const std::string&)) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = AddCommand(node, line, name, description,
                              [id, run](Session& session) { return run(session, *id); });
  verb->add_option("node", *id, "The node's id.")->required()->type_name(kNodeType);
  return verb;
}

}  // namespace

void AddNodeCommands(CommandLine* line) {
  CLI::App* node = AddGroup(&line->app, "node", "Show the nodes, and act on them.");

  AddListCommand(
      node, line, "list",
      "List the nodes that are attached or hold a lease. The state is ready (it has applied "
      "the newest revision), lagging, held (it holds back a removal of many peers), problem "
      "(its own words follow below the table) or detached; APPLIED is the revision its "
      "kernel holds, REACH how many of the peers that it has probed it reaches (with '!' when "
      "not all is well), AGE how long its stream has lasted.",
      ListNodes);

  AddNodeVerb(node, line, "show", "Show one node with everything known of it.", ShowNode);

  AddRenumber(node, line);

  CLI::App* accept = AddNodeVerb(
      node, line, "accept",
      "Let a node make the removals that it holds back. A node that is told to drop more than half "
      "of many peers at once keeps them, and waits for this command or for an update that no "
      "longer drops them.",
      AcceptRemovals);
  AddWaitOptions(accept, line);

  AddAllowAddress(node, line);

  CLI::App* remove = AddNodeVerb(
      node, line, "remove",
      "End a node's stream and release its lease, reserved or not. A node that still runs comes "
      "back and is given a subnet again; stop heddle-node there first to remove it for good.",
      RemoveNode);
  AddWaitOptions(remove, line);
  AddYesOption(remove, line);
}

}  // namespace heddle::cli
