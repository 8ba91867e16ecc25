#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "base/status_macros.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr int kWaitsNamed = 20;

struct Usage {
  std::uint64_t total = 0, used = 0, resting = 0;
};

Usage UsageOf(const v1::GetNetworkResponse& answer, Family family) {
  if (family == Family::kV4) {
    return {answer.subnets_total_ipv4(), answer.subnets_used_ipv4(), answer.subnets_resting_ipv4()};
  }
  return {answer.subnets_total_ipv6(), answer.subnets_used_ipv6(), answer.subnets_resting_ipv6()};
}

Json OptionJson(const OptionValue& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

std::string OptionText(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return OptionJson(value).dump();
}

Json RangeJson(const Range& range, const std::optional<Range>& draining, const Usage& usage) {
  Json json;
  json["network"] = range.network.ToString();
  json["subnetLength"] = range.subnet_length;
  json["subnetMin"] = range.subnet_min.ToString();
  json["subnetMax"] = range.subnet_max.ToString();
  json["subnetsTotal"] = usage.total;
  json["subnetsUsed"] = usage.used;
  json["subnetsResting"] = usage.resting;
  json["draining"] = draining ? Json(draining->network.ToString()) : Json(nullptr);
  return json;
}

// The net-conf.json that the network was set from, as JSON when it is that.
Json SourceJson(const std::string& source) {
  Json parsed = Json::parse(source, nullptr, false);
  return parsed.is_discarded() ? Json(source) : parsed;
}

void AddRange(Family family, const Range& range, const Usage& usage, Table* table) {
  const std::string name(FamilyName(family));
  table->rows.push_back({name + " network:", range.network.ToString()});
  table->rows.push_back({name + " subnets:", absl::StrCat("/", range.subnet_length, " from ",
                                                          range.subnet_min.ToString(), " to ",
                                                          range.subnet_max.ToString())});
  table->rows.push_back(
      {name + " usage:", absl::StrCat(usage.used, " of ", usage.total, " subnets held, ",
                                      usage.resting, " resting")});
}

}  // namespace

absl::StatusOr<View> NetworkView(const v1::GetNetworkResponse& answer) {
  HEDDLE_ASSIGN_OR_RETURN(const Network network, FromProto(answer.network()));
  View view;
  view.table.columns = {{""}, {""}};
  view.json["revision"] = answer.revision();
  for (Family family : kFamilies) {
    const char* key = family == Family::kV4 ? "ipv4" : "ipv6";
    view.json[key] = nullptr;
    if (!network.ranges[family]) continue;
    const Usage usage = UsageOf(answer, family);
    const auto& draining = network.draining[family];
    view.json[key] = RangeJson(*network.ranges[family], draining, usage);
    AddRange(family, *network.ranges[family], usage, &view.table);
    if (draining) {
      view.table.rows.push_back(
          {absl::StrCat(FamilyName(family), " leaves:"), draining->network.ToString()});
    }
  }
  view.json["leasesDraining"] = answer.leases_draining();
  if (!network.draining.empty()) {
    view.table.rows.push_back({"Still to move:", absl::StrCat(answer.leases_draining(),
                                                              " leases; \"heddlectl node "
                                                              "renumber\" moves them one by one")});
  }
  view.table.rows.push_back({"Backend:", network.backend.type});
  view.json["backend"]["type"] = network.backend.type;
  view.json["backend"]["options"] = Json::object();
  for (const auto& [key, value] : network.backend.options) {
    view.table.rows.push_back({absl::StrCat("  ", key, ":"), OptionText(value)});
    view.json["backend"]["options"][key] = OptionJson(value);
  }
  view.table.rows.push_back({"Revision:", absl::StrCat(answer.revision())});
  view.lines = RolloutLines(answer, kWaitsNamed);
  view.json["rollout"] = RolloutJson(answer);
  view.json["netConf"] = SourceJson(answer.source_json());
  return view;
}

View NetworkChangeView(const v1::SetNetworkResponse& answer, bool dry_run) {
  View view;
  view.json["dryRun"] = dry_run;
  view.json["changed"] = answer.changed();
  view.json["revision"] = answer.revision();
  view.json["steps"] = StepsJson(answer);
  view.json["effects"] = Json::array();
  view.json["notices"] = Json::array();
  for (const std::string& effect : answer.effects()) {
    view.json["effects"].push_back(effect);
    view.lines.push_back(absl::StrCat("Effect: ", effect));
  }
  for (const std::string& notice : answer.notices()) {
    view.json["notices"].push_back(notice);
    view.lines.push_back(absl::StrCat("Notice: ", notice));
  }
  if (dry_run) {
    view.lines.push_back(answer.changed()
                             ? "The configuration is accepted; nothing has been changed."
                             : "The configuration is accepted; it is the one in force.");
  } else if (answer.changed()) {
    view.lines.push_back(absl::StrCat("The network is set, at revision ", answer.revision(), "."));
    if (answer.steps_size() > 1) {
      view.lines.push_back(
          absl::StrCat("What follows has ", answer.steps_size() - 1,
                       " more steps; \"heddlectl network show\" tells how far they are."));
    }
  } else {
    view.lines.push_back("The network already is as asked; nothing has been changed.");
  }
  return view;
}

}  // namespace heddle::cli
