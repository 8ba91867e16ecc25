#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/views.h"

namespace heddle::cli {

std::string RolloutStepText(const v1::Rollout& rollout) {
  const std::string &from = rollout.from_backend(), &to = rollout.to_backend();
  const std::string place = absl::StrCat("Step ", rollout.step(), " of ", rollout.steps(), ": ");
  switch (rollout.step()) {
    case 1:
      return absl::StrCat(place, "every node builds ", to, " beside ", from);
    case 2:
      return absl::StrCat(place, "every node sends through ", to);
    default:
      return absl::StrCat(place, "every node removes ", from);
  }
}

std::string RolloutWaitText(const v1::Rollout& rollout, int limit) {
  std::vector<std::string> names;
  const std::uint64_t left = rollout.nodes() - std::min(rollout.done(), rollout.nodes());
  for (const v1::RolloutWait& wait : rollout.waiting_for()) {
    if (static_cast<int>(names.size()) == limit) break;
    names.push_back(absl::StrCat(wait.node_id(), " (", wait.reason(), ")"));
  }
  if (left > names.size() && !names.empty()) {
    names.push_back(absl::StrCat(left - names.size(), " more"));
  }
  return absl::StrJoin(names, ", ");
}

Json RolloutJson(const v1::GetNetworkResponse& answer) {
  if (!answer.has_rollout()) return nullptr;
  const v1::Rollout& rollout = answer.rollout();
  Json json;
  json["fromBackend"] = rollout.from_backend();
  json["toBackend"] = rollout.to_backend();
  json["step"] = rollout.step();
  json["steps"] = rollout.steps();
  json["nodes"] = rollout.nodes();
  json["done"] = rollout.done();
  json["waitingFor"] = Json::array();
  for (const v1::RolloutWait& wait : rollout.waiting_for()) {
    Json entry;
    entry["nodeId"] = wait.node_id();
    entry["reason"] = wait.reason();
    json["waitingFor"].push_back(std::move(entry));
  }
  return json;
}

std::vector<std::string> RolloutLines(const v1::GetNetworkResponse& answer, int limit) {
  if (!answer.has_rollout()) return {};
  const v1::Rollout& rollout = answer.rollout();
  std::vector<std::string> lines = {absl::StrCat(
      "The backend changes from ", rollout.from_backend(), " to ", rollout.to_backend(), ". ",
      RolloutStepText(rollout), ": ", rollout.done(), " of ", rollout.nodes(), " nodes.")};
  const std::string waits = RolloutWaitText(rollout, limit);
  if (!waits.empty()) lines.push_back(absl::StrCat("It waits for ", waits, "."));
  return lines;
}

View NetworkPlanView(const v1::SetNetworkResponse& answer) {
  View view;
  view.json["changed"] = answer.changed();
  view.json["steps"] = StepsJson(answer);
  view.json["notices"] = Json::array();
  int number = 0;
  for (const v1::Step& step : answer.steps()) {
    view.lines.push_back(
        absl::StrCat("Step ", ++number, " of ", answer.steps_size(), ": ", step.title()));
    for (const std::string& effect : step.effects()) {
      view.lines.push_back(absl::StrCat("  ", effect));
    }
    for (const std::string& command : step.commands()) {
      view.lines.push_back(absl::StrCat("  Run: ", command));
    }
  }
  for (const std::string& notice : answer.notices()) {
    view.json["notices"].push_back(notice);
    view.lines.push_back(absl::StrCat("Notice: ", notice));
  }
  view.lines.push_back(answer.changed()
                           ? "Nothing has been changed; \"heddlectl network set\" begins."
                           : "The network already is as asked; there is nothing to do.");
  return view;
}

Json StepsJson(const v1::SetNetworkResponse& answer) {
  Json steps = Json::array();
  for (const v1::Step& step : answer.steps()) {
    Json json;
    json["title"] = step.title();
    json["effects"] = Json::array();
    json["commands"] = Json::array();
    for (const std::string& effect : step.effects()) json["effects"].push_back(effect);
    for (const std::string& command : step.commands()) json["commands"].push_back(command);
    steps.push_back(std::move(json));
  }
  return steps;
}

}  // namespace heddle::cli
