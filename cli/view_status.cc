#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr int kWaitsNamed = 5;

absl::StatusOr<View> NetworkEventView(const v1::WatchEvent& event, View view) {
  HEDDLE_ASSIGN_OR_RETURN(const Network network, FromProto(event.network()));
  std::vector<std::string> ranges;
  network.ranges.ForEach([&](Family family, const Range& range) {
    ranges.push_back(absl::StrCat(range.network.ToString(), " in /", range.subnet_length, " from ",
                                  range.subnet_min.ToString(), " to ",
                                  range.subnet_max.ToString()));
    view.json[family == Family::kV4 ? "ipv4Network" : "ipv6Network"] = range.network.ToString();
  });
  network.draining.ForEach([&](Family family, const Range& range) {
    ranges.push_back(absl::StrCat("leaving ", range.network.ToString()));
    view.json[family == Family::kV4 ? "drainingIpv4Network" : "drainingIpv6Network"] =
        range.network.ToString();
  });
  view.json["backendType"] = network.backend.type;
  view.json["standbyType"] = network.standby ? Json(network.standby->type) : Json(nullptr);
  view.lines = {absl::StrCat("revision ", event.revision(), ": network ",
                             absl::StrJoin(ranges, " and "), ", backend ", network.backend.type,
                             network.standby ? " beside " : "",
                             network.standby ? network.standby->type : "")};
  return view;
}

}  // namespace

View StatusView(const v1::GetStatusResponse& answer, const v1::GetNetworkResponse& network,
                absl::string_view controller, absl::Time now) {
  View view;
  view.json["controller"] = std::string(controller);
  view.table.columns = {{""}, {""}};
  view.table.rows = {
      {"Controller:", answer.controller_id().empty()
                          ? std::string(controller)
                          : absl::StrCat(answer.controller_id(), " at ", controller)}};
  AddStatus(answer, now, &view);
  view.json["rollout"] = RolloutJson(network);
  view.lines = StatusRemarks(answer, now);
  for (std::string& line : RolloutLines(network, kWaitsNamed)) view.lines.push_back(line);
  return view;
}

absl::StatusOr<View> WatchEventView(const v1::WatchEvent& event) {
  View view;
  view.json["revision"] = event.revision();
  view.json["kind"] = event.kind();
  if (event.kind() == "network") return NetworkEventView(event, std::move(view));
  view.json["nodeId"] = event.peer().node_id();
  if (event.kind() == "removed") {
    view.lines = {
        absl::StrCat("revision ", event.revision(), ": node ", event.peer().node_id(), " removed")};
    return view;
  }
  HEDDLE_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(event.peer()));
  AddHolding(holding, &view.json);
  const std::string mac = VtepMacText(holding);
  view.lines = {absl::StrCat("revision ", event.revision(), ": node ", event.peer().node_id(),
                             " has ", SubnetsText(holding), " at ", PublicAddressText(holding),
                             " (", BackendText(holding), mac.empty() ? "" : ", VTEP MAC ", mac,
                             ")")};
  return view;
}

View RevisionView(std::string sentence, std::uint64_t revision) {
  View view;
  view.json["revision"] = revision;
  view.lines = {std::move(sentence)};
  return view;
}

void AddWait(const v1::WaitAppliedResponse& answer, Json* wait) {
  Json& json = *wait;
  json["revision"] = answer.revision();
  json["laggards"] = Json::array();
  for (const v1::Laggard& laggard : answer.laggards()) {
    Json entry;
    entry["nodeId"] = laggard.node_id();
    entry["attached"] = laggard.attached();
    entry["appliedRevision"] = laggard.applied_revision();
    json["laggards"].push_back(std::move(entry));
  }
}

std::string LaggardNames(const v1::WaitAppliedResponse& answer, int limit) {
  std::vector<v1::Laggard> laggards(answer.laggards().begin(), answer.laggards().end());
  std::sort(laggards.begin(), laggards.end(), [](const v1::Laggard& a, const v1::Laggard& b) {
    return NaturalLess(a.node_id(), b.node_id());
  });
  std::vector<std::string> names;
  for (const v1::Laggard& laggard : laggards) {
    if (static_cast<int>(names.size()) == limit) {
      names.push_back(absl::StrCat(laggards.size() - names.size(), " more"));
      break;
    }
    names.push_back(absl::StrCat(laggard.node_id(), " (", laggard.attached() ? "" : "detached, ",
                                 "at revision ", laggard.applied_revision(), ")"));
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace heddle::cli
