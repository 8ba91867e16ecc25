#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

absl::StatusOr<Holding> NodeHolding(const v1::Node& node) {
  return node.has_lease() ? HoldingOf(node.lease()) : Holding{};
}

std::string SinceText(std::int64_t unix_ms, absl::Time now) {
  return unix_ms == 0 ? "" : AgeText(now - absl::FromUnixMillis(unix_ms));
}

std::string LastHeardText(const v1::Node& node, absl::Time now) {
  const std::string since = SinceText(node.last_heard_unix_ms(), now);
  return since.empty() ? "" : absl::StrCat(since, " ago");
}

// How long the stream has lasted: nothing for a node that has none.
std::string AttachedText(const v1::Node& node, absl::Time now) {
  return node.attached() ? SinceText(node.attached_unix_ms(), now) : "";
}

// "9/9": of so many probed, so many are reached; with "!" when not all is well; "": not probed.
std::string ReachText(const v1::Node& node) {
  const v1::Reachability& reach = node.reachability();
  if (!node.attached() || (reach.probed() == 0 && reach.failures().empty())) return "";
  const bool well = reach.reachable() == reach.probed() && reach.failures().empty();
  return absl::StrCat(reach.reachable(), "/", reach.probed(), well ? "" : "!");
}

Json ReachJson(const v1::Node& node) {
  if (!node.has_reachability()) return nullptr;
  Json json;
  json["probed"] = node.reachability().probed();
  json["reachable"] = node.reachability().reachable();
  json["failures"] = Json::array();
  for (const std::string& failure : node.reachability().failures()) {
    json["failures"].push_back(failure);
  }
  return json;
}

Json NodeJson(const v1::Node& node, const Holding& holding, std::uint64_t newest_revision) {
  Json json;
  json["nodeId"] = node.node_id();
  json["state"] = std::string(NodeState(node, newest_revision));
  json["attached"] = node.attached();
  AddHolding(holding, &json);
  json["leaseState"] = node.has_lease() ? Json(node.lease().state()) : Json(nullptr);
  json["appliedRevision"] = node.applied_revision();
  json["peers"] = node.peers();
  json["heldRemovals"] = node.held_removals();
  json["problems"] = Json::array();
  for (const std::string& problem : node.problems()) json["problems"].push_back(problem);
  json["reachability"] = ReachJson(node);
  json["version"] = node.software_version();
  json["remoteAddress"] = node.remote_address();
  json["attachedSince"] = node.attached() ? TimeJson(node.attached_unix_ms()) : Json(nullptr);
  json["lastHeard"] = TimeJson(node.last_heard_unix_ms());
  return json;
}

// What an administrator should know about the node, one sentence each.
std::vector<std::string> Remarks(const v1::Node& node) {
  std::vector<std::string> out;
  bool says_how_to_accept = false;
  for (const std::string& problem : node.problems()) {
    out.push_back(absl::StrCat(node.node_id(), ": ", problem));
    says_how_to_accept |= absl::StrContains(problem, "heddlectl node accept");
  }
  if (node.attached()) {
    for (const std::string& failure : node.reachability().failures()) {
      out.push_back(absl::StrCat(node.node_id(), ": ", failure));
    }
  }
  if (node.held_removals() > 0 && !says_how_to_accept) {
    out.push_back(absl::StrCat(node.node_id(), " holds back the removal of ", node.held_removals(),
                               " peers; \"heddlectl node accept ", node.node_id(),
                               "\" lets it go ahead."));
  }
  return out;
}

}  // namespace

absl::string_view NodeState(const v1::Node& node, std::uint64_t newest_revision) {
  if (!node.attached()) return "detached";
  if (node.held_removals() > 0) return "held";
  if (!node.problems().empty()) return "problem";
  if (!node.has_lease() || node.applied_revision() < newest_revision) return "lagging";
  return "ready";
}

absl::StatusOr<View> NodeListView(const v1::ListNodesResponse& answer, absl::Time now) {
  std::vector<const v1::Node*> nodes;
  for (const v1::Node& node : answer.nodes()) nodes.push_back(&node);
  std::sort(nodes.begin(), nodes.end(), [](const v1::Node* a, const v1::Node* b) {
    return NaturalLess(a->node_id(), b->node_id());
  });

  View view;
  view.table.columns = {{"NODE"},
                        {"STATE"},
                        {"SUBNETS"},
                        {"PUBLIC ADDRESS"},
                        {"APPLIED", false, true},
                        {"PEERS", false, true},
                        {"REACH", false, true},
                        {"AGE"},
                        {"VERSION", true},
                        {"LAST HEARD", true},
                        {"REMOTE ADDRESS", true},
                        {"VTEP MAC", true}};
  view.json["revision"] = answer.revision();
  view.json["nodes"] = Json::array();
  for (const v1::Node* node : nodes) {
    HEDDLE_ASSIGN_OR_RETURN(const Holding holding, NodeHolding(*node));
    view.table.rows.push_back({node->node_id(), std::string(NodeState(*node, answer.revision())),
                               SubnetsText(holding), PublicAddressText(holding),
                               absl::StrCat(node->applied_revision()), absl::StrCat(node->peers()),
                               ReachText(*node), AttachedText(*node, now), node->software_version(),
                               LastHeardText(*node, now), node->remote_address(),
                               VtepMacText(holding)});
    view.json["nodes"].push_back(NodeJson(*node, holding, answer.revision()));
    view.names.push_back(node->node_id());
    for (std::string& remark : Remarks(*node)) view.lines.push_back(std::move(remark));
  }
  if (nodes.empty()) view.lines.push_back("No node has attached, and none holds a lease.");
  return view;
}

absl::StatusOr<View> NodeView(const v1::Node& node, std::uint64_t newest_revision, absl::Time now) {
  HEDDLE_ASSIGN_OR_RETURN(const Holding holding, NodeHolding(node));
  View view;
  view.json = NodeJson(node, holding, newest_revision);
  view.names = {node.node_id()};
  view.table.columns = {{""}, {""}};
  view.table.rows = {
      {"Node:", node.node_id()},
      {"State:", std::string(NodeState(node, newest_revision))},
      {"Subnets:", SubnetsText(holding)},
      {"Lease:", node.lease().state()},
      {"Public address:", PublicAddressText(holding)},
      {"Backend:", BackendText(holding)},
      {"VTEP MAC:", VtepMacText(holding)},
      {"Applied:", absl::StrCat("revision ", node.applied_revision(), " of ", newest_revision)},
      {"Peers:", absl::StrCat(node.peers())},
      {"Reached:", ReachText(node)},
      {"Version:", node.software_version()},
      {"Remote address:", node.remote_address()},
      {"Attached for:", AttachedText(node, now)},
      {"Last heard:", LastHeardText(node, now)}};
  view.lines = Remarks(node);
  return view;
}

}  // namespace heddle::cli
