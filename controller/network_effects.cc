#include "controller/network_effects.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "controller/network_secrets.h"
#include "controller/rollout.h"

namespace heddle::controller {
namespace {

std::string Describe(const Range& range) {
  return absl::StrCat(range.network.ToString(), ", /", range.subnet_length, " subnets from ",
                      range.subnet_min.ToString(), " to ", range.subnet_max.ToString(), " (",
                      range.subnet_count(), ")");
}

std::string Describe(const OptionValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return absl::StrCat(*number);
  return absl::StrCat("\"", std::get<std::string>(value), "\"");
}

void DescribeRange(Family family, const std::optional<Range>& old, const std::optional<Range>& next,
                   std::vector<std::string>* effects) {
  if (old == next) return;
  const absl::string_view name = FamilyName(family);
  if (!old) {
    effects->push_back(absl::StrCat(name, " is switched on: ", Describe(*next),
                                    ". Every attached node gets a subnet of it if it announces an ",
                                    name, " address."));
  } else if (!next) {
    effects->push_back(absl::StrCat(name, " is switched off (was ", Describe(*old), ")."));
  } else {
    effects->push_back(absl::StrCat(name, " changes from ", Describe(*old), " to ", Describe(*next),
                                    ". Leases keep their subnets."));
  }
}

void DescribeDraining(Family family, const LeaseBook& book, const Network& next,
                      std::vector<std::string>* effects) {
  const auto& before = book.network()->draining[family];
  const auto& left = next.draining[family];
  if (before == left) return;
  if (!left) {
    effects->push_back(absl::StrCat(before->network.ToString(),
                                    " is no longer being left: no lease has a subnet of it that "
                                    "the new network has no room for."));
    return;
  }
  std::size_t leases = 0;
  for (const auto& [node_id, lease] : book.leases()) {
    for (const Prefix& subnet : lease.AllSubnets()) leases += left->network.Contains(subnet);
  }
  effects->push_back(absl::StrCat(
      left->network.ToString(), " is left: its ", leases,
      " subnets stay with their nodes and are routed as before, and none is given any more. Each "
      "node moves when `heddlectl node renumber NODE` says so. Until then its pods get addresses "
      "of ",
      left->network.ToString(), "."));
}

void DescribeOptions(const BackendConfig& old, const BackendConfig& next,
                     std::vector<std::string>* effects) {
  for (const auto& [key, value] : next.options) {
    const auto before = old.options.find(key);
    if (before != old.options.end() && before->second == value) continue;
    if (IsSecret(next.type, key)) {
      effects->push_back(absl::StrCat("Backend option ", key,
                                      " changes, on every node at once and without stages. Nodes "
                                      "that have it and nodes that do not yet lose packets between "
                                      "them meanwhile."));
      continue;
    }
    effects->push_back(
        absl::StrCat("Backend option ", key, " changes from ",
                     before == old.options.end() ? "its default" : Describe(before->second), " to ",
                     Describe(value),
                     ", on every node at once and without stages. Nodes that have it and nodes "
                     "that do not yet may lose packets between them meanwhile."));
  }
}

void DescribeBackend(const LeaseBook& book, const BackendConfig& next,
                     std::vector<std::string>* effects) {
  const StagedNetwork staged = book.staged_network();
  const std::string& active = staged.network.backend.type;
  const BackendConfig target = TargetOf(staged).backend;
  if (next.type == target.type) {
    DescribeOptions(target, next, effects);
  } else if (staged.stage == RolloutStage::kSettled) {
    effects->push_back(absl::StrCat("The backend changes from ", active, " to ", next.type,
                                    ", in stages: nodes have both until all of them send through ",
                                    next.type, ", so that no packet is lost."));
  } else if (staged.stage == RolloutStage::kRetiring || staged.turned_round) {
    effects->push_back(absl::StrCat("The change from ", next.type, " to ", target.type,
                                    " is turned round: nodes go back to ", next.type,
                                    " in the same stages, without losing packets."));
  } else if (next.type == active) {
    effects->push_back(absl::StrCat("The change from ", active, " to ", target.type,
                                    " is taken back. Nothing was sent through ", target.type,
                                    " yet, so nothing is interrupted."));
    DescribeOptions(staged.network.backend, next, effects);
  } else {
    effects->push_back(absl::StrCat("The change from ", active, " to ", target.type,
                                    " becomes one to ", next.type, ". Nothing was sent through ",
                                    target.type, " yet, so nothing is interrupted."));
  }
}

}  // namespace

std::vector<std::string> DescribeNetworkChange(const LeaseBook& book, const Network& next) {
  std::vector<std::string> effects;
  if (!book.network()) {
    next.ranges.ForEach([&](Family family, const Range& range) {
      effects.push_back(absl::StrCat(FamilyName(family), ": ", Describe(range), "."));
    });
    effects.push_back(absl::StrCat("The backend is ", next.backend.type, "."));
    return effects;
  }
  for (Family family : kFamilies) {
    DescribeRange(family, book.network()->ranges[family], next.ranges[family], &effects);
    DescribeDraining(family, book, next, &effects);
  }
  DescribeBackend(book, next.backend, &effects);
  return effects;
}

}  // namespace heddle::controller
