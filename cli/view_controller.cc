#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

absl::Duration Since(std::int64_t unix_ms, absl::Time now) {
  return now - absl::FromUnixMillis(unix_ms);
}

Json StateJson(const v1::ControllerState& controller, absl::Time now) {
  View own;
  if (controller.has_status()) AddStatus(controller.status(), now, &own);
  Json json;
  json["id"] = controller.id();
  json["state"] = std::string(ControllerStateText(controller));
  json["leader"] = controller.leader();
  json["address"] = controller.address();
  json["version"] = controller.version();
  json["error"] = controller.error().empty() ? Json(nullptr) : Json(controller.error());
  json["status"] = controller.has_status() ? own.json : Json(nullptr);
  return json;
}

std::vector<std::string> Remarks(const v1::ControllerState& controller, absl::Time now) {
  if (!controller.serving()) {
    return {absl::StrCat(controller.id(), " does not answer: ", controller.error())};
  }
  std::vector<std::string> remarks;
  for (const std::string& remark : StatusRemarks(controller.status(), now)) {
    remarks.push_back(absl::StrCat(controller.id(), ": ", remark));
  }
  return remarks;
}

}  // namespace

absl::string_view ControllerStateText(const v1::ControllerState& controller) {
  if (!controller.serving()) return "silent";
  const v1::GetStatusResponse& status = controller.status();
  if (status.store_unreachable_since_unix_ms() != 0) return "stale";
  if (status.leader_id().empty()) return "leaderless";
  return status.leader_id() == controller.id() ? "leader" : "follower";
}

std::vector<std::string> StatusRemarks(const v1::GetStatusResponse& status, absl::Time now) {
  std::vector<std::string> remarks;
  if (status.store_unreachable_since_unix_ms() != 0) {
    remarks.push_back(absl::StrCat(
        "THE STORE IS NOT REACHED, for ",
        AgeText(Since(status.store_unreachable_since_unix_ms(), now)),
        " now: what this controller shows and tells nodes is as old as that. Check that the "
        "store's members run and can be reached from its host."));
  }
  if (status.leader_id().empty()) {
    remarks.push_back(
        "NO LEADER IS KNOWN: nothing can be changed, and nodes that are new get no subnet. Nodes "
        "keep what they have. See \"heddlectl controller list\".");
  }
  const absl::Time settling = absl::FromUnixMillis(status.settling_until_unix_ms());
  if (settling > now) {
    const std::uint64_t missing = status.known_nodes_missing();
    remarks.push_back(absl::StrCat(
        "A restored store settles for another ", AgeText(settling - now), " at most",
        missing == 0 ? "" : absl::StrCat("; ", missing, " nodes that had a lease are still away"),
        ". Until then no fresh subnet is given."));
  }
  const absl::Time held_until = absl::FromUnixMillis(status.expiry_held_until_unix_ms());
  if (held_until > now) {
    remarks.push_back(absl::StrCat("No lease expires for another ", AgeText(held_until - now),
                                   ": nodes are given time to come back."));
  }
  return remarks;
}

void AddStatus(const v1::GetStatusResponse& status, absl::Time now, View* view) {
  Json& json = view->json;
  json["id"] = status.controller_id();
  json["leader"] = status.leader_id().empty() ? Json(nullptr) : Json(status.leader_id());
  json["version"] = status.version();
  json["engine"] = status.engine();
  json["writable"] = status.writable();
  json["storeDetail"] = status.store_detail();
  json["storeBytes"] = status.store_bytes();
  json["storeUnreachableSince"] = TimeJson(status.store_unreachable_since_unix_ms());
  json["history"] = status.position().history();
  json["revision"] = status.position().revision();
  json["oldestDeltaRevision"] = status.oldest_delta_revision();
  json["leases"] = status.leases();
  json["attachedNodes"] = status.attached_nodes();
  json["started"] = TimeJson(status.started_unix_ms());
  json["expiryHeldUntil"] = TimeJson(status.expiry_held_until_unix_ms());
  json["settlingUntil"] = TimeJson(status.settling_until_unix_ms());
  json["knownNodesMissing"] = status.known_nodes_missing();

  const bool stale = status.store_unreachable_since_unix_ms() != 0;
  const std::vector<std::vector<std::string>> rows = {
      {"Leader:", status.leader_id().empty() ? "NONE" : status.leader_id()},
      {"Version:", status.version()},
      {"Up for:", AgeText(Since(status.started_unix_ms(), now))},
      {"Store:", absl::StrCat(status.engine(), ", ", SizeText(status.store_bytes()),
                              stale ? ", NOT REACHED" : "")},
      {"Accepts changes:", status.writable() ? "yes" : "no"},
      {"Store detail:", status.store_detail()},
      {"Revision:",
       absl::StrCat(status.position().revision(), " of history ", status.position().history())},
      {"Deltas held from:", absl::StrCat("revision ", status.oldest_delta_revision())},
      {"Leases:", absl::StrCat(status.leases())},
      {"Attached nodes:", absl::StrCat(status.attached_nodes())}};
  view->table.rows.insert(view->table.rows.end(), rows.begin(), rows.end());
}

View ControllerListView(const v1::ListControllersResponse& answer, absl::Time now) {
  std::vector<const v1::ControllerState*> controllers;
  for (const v1::ControllerState& entry : answer.controllers()) controllers.push_back(&entry);
  std::sort(controllers.begin(), controllers.end(),
            [](const v1::ControllerState* a, const v1::ControllerState* b) {
              return NaturalLess(a->id(), b->id());
            });
  View view;
  view.table.columns = {
      {"CONTROLLER"},         {"STATE"}, {"ADDRESS"},       {"REVISION", false, true},
      {"NODES", false, true}, {"UP"},    {"VERSION", true}, {"STORE", true},
      {"STORE DETAIL", true}};
  view.json["answeredBy"] = answer.answered_by();
  view.json["controllers"] = Json::array();
  for (const v1::ControllerState* entry : controllers) {
    const v1::GetStatusResponse& status = entry->status();
    std::vector<std::string> row = {entry->id(), std::string(ControllerStateText(*entry)),
                                    entry->address()};
    if (entry->serving()) {
      row.insert(row.end(),
                 {absl::StrCat(status.position().revision()), absl::StrCat(status.attached_nodes()),
                  AgeText(Since(status.started_unix_ms(), now))});
    } else {
      row.insert(row.end(), {"", "", ""});
    }
    row.insert(row.end(), {entry->version(), status.engine(), status.store_detail()});
    view.table.rows.push_back(std::move(row));
    view.json["controllers"].push_back(StateJson(*entry, now));
    view.names.push_back(entry->id());
    for (std::string& remark : Remarks(*entry, now)) view.lines.push_back(std::move(remark));
  }
  return view;
}

View ControllerView(const v1::ControllerState& controller, absl::Time now) {
  View view;
  view.table.columns = {{""}, {""}};
  view.table.rows = {{"Controller:", controller.id()},
                     {"State:", std::string(ControllerStateText(controller))},
                     {"Address:", controller.address()}};
  if (controller.has_status()) {
    AddStatus(controller.status(), now, &view);
  } else {
    view.table.rows.push_back({"Version:", controller.version()});
  }
  view.json = StateJson(controller, now);
  view.names = {controller.id()};
  view.lines = Remarks(controller, now);
  return view;
}

View StepDownView(const v1::StepDownResponse& answer) {
  View view;
  view.json["formerLeader"] = answer.former_leader();
  view.json["leader"] = answer.leader();
  view.lines = {
      absl::StrCat(answer.former_leader(), " has stepped down; ", answer.leader(), " leads now.")};
  return view;
}

}  // namespace heddle::cli
