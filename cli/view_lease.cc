#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

struct Row {
  const v1::Lease* lease;
  Holding holding;
};

std::string ExpiryText(const v1::Lease& lease, absl::Time now) {
  if (lease.expires_unix_ms() == 0) return "never";
  return DeadlineText(absl::FromUnixMillis(lease.expires_unix_ms()), now);
}

Json LeaseJson(const Row& row) {
  Json json;
  json["nodeId"] = row.lease->node_id();
  json["state"] = row.lease->state();
  AddHolding(row.holding, &json);
  json["expires"] = TimeJson(row.lease->expires_unix_ms());
  json["modifiedRevision"] = row.lease->modified_revision();
  return json;
}

bool Before(const Row& a, const Row& b) {
  if (a.lease->node_id() != b.lease->node_id()) {
    return NaturalLess(a.lease->node_id(), b.lease->node_id());
  }
  const auto key = [](const Row& row) {
    return std::make_tuple(row.lease->state() == "resting", row.holding.subnets[Family::kV4],
                           row.holding.subnets[Family::kV6]);
  };
  return key(a) < key(b);
}

std::string ChangeText(const std::string& node_id, const Holding& holding, LeaseChange change) {
  const std::string subnets = holding.subnets.empty() ? "the lease" : SubnetsText(holding);
  switch (change) {
    case LeaseChange::kReserved:
      return absl::StrCat("Reserved ", subnets, " for node ", node_id, ".");
    case LeaseChange::kReleased:
      return absl::StrCat("Released ", subnets, " of node ", node_id, ".");
    case LeaseChange::kFinished:
      return absl::StrCat("Node ", node_id, " has ", subnets, " and nothing else.");
    case LeaseChange::kRenumbered:
      break;
  }
  if (holding.draining_subnets.empty()) {
    return absl::StrCat("Node ", node_id, " has ", subnets,
                        ", which is of no range being left; nothing has been changed.");
  }
  return absl::StrCat("Node ", node_id, " has ", subnets,
                      ". Pods keep the addresses they have; new ones get theirs of ",
                      Joined(holding.subnets),
                      ". Replace the old pods, then run \"heddlectl node "
                      "renumber ",
                      node_id, " --finish\".");
}

}  // namespace

absl::StatusOr<View> LeaseListView(const v1::ListLeasesResponse& answer, absl::Time now) {
  std::vector<Row> rows;
  for (const v1::Lease& lease : answer.leases()) {
    HEDDLE_ASSIGN_OR_RETURN(Holding holding, HoldingOf(lease));
    rows.push_back({&lease, std::move(holding)});
  }
  std::sort(rows.begin(), rows.end(), Before);

  View view;
  view.table.columns = {
      {"NODE"},    {"STATE"},         {"SUBNETS"},        {"PUBLIC ADDRESS"},
      {"EXPIRES"}, {"BACKEND", true}, {"VTEP MAC", true}, {"MODIFIED", true, true}};
  view.json["revision"] = answer.revision();
  view.json["leases"] = Json::array();
  for (const Row& row : rows) {
    const v1::Lease& lease = *row.lease;
    view.table.rows.push_back({lease.node_id(), lease.state(), SubnetsText(row.holding),
                               PublicAddressText(row.holding), ExpiryText(lease, now),
                               BackendText(row.holding), VtepMacText(row.holding),
                               absl::StrCat(lease.modified_revision())});
    view.json["leases"].push_back(LeaseJson(row));
    if (lease.state() != "resting") view.names.push_back(lease.node_id());
  }
  if (rows.empty()) view.lines.push_back("No node holds a lease.");
  return view;
}

absl::StatusOr<View> LeaseView(const v1::Lease& lease, absl::Time now) {
  HEDDLE_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(lease));
  View view;
  view.json = LeaseJson({&lease, holding});
  view.table.columns = {{""}, {""}};
  view.table.rows = {{"Node:", lease.node_id()},
                     {"State:", lease.state()},
                     {"Subnets:", SubnetsText(holding)},
                     {"Public address:", PublicAddressText(holding)},
                     {"Backend:", BackendText(holding)},
                     {"VTEP MAC:", VtepMacText(holding)},
                     {"Expires:", ExpiryText(lease, now)},
                     {"Modified:", absl::StrCat("revision ", lease.modified_revision())}};
  return view;
}

absl::StatusOr<View> LeaseChangeView(const v1::Lease& lease, LeaseChange change) {
  HEDDLE_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(lease));
  View view;
  view.json = LeaseJson({&lease, holding});
  view.lines = {ChangeText(lease.node_id(), holding, change)};
  return view;
}

}  // namespace heddle::cli
