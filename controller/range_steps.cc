#include "controller/range_steps.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::controller {
namespace {

bool Grows(const Network& from, const Network& to, Family family) {
  const auto &before = from.ranges[family], &after = to.ranges[family];
  return before && after && before->network != after->network &&
         after->network.Contains(before->network);
}

void AddGrowth(const Network& from, const Network& to, std::vector<NetworkStep>* steps) {
  const bool grows = std::any_of(kFamilies.begin(), kFamilies.end(),
                                 [&](Family family) { return Grows(from, to, family); });
  if (!grows) return;
  steps->push_back(
      {"Every node takes the wider range into its rules and into subnet.env.",
       {"Subnets of the new part may be given at once: a node changes its rules before it makes a "
        "route there, so none takes traffic inside the cluster for traffic that leaves it.",
        "Pods that run keep the routes they have. That matters only to pods without a default "
        "route, which cannot reach the new part until they are replaced."},
       {}});
}

std::string RangesOf(const PerFamily<Range>& ranges, const PerFamily<Range>& only) {
  std::vector<std::string> texts;
  for (Family family : kFamilies) {
    if (ranges[family] && only[family]) texts.push_back(ranges[family]->network.ToString());
  }
  return absl::StrJoin(texts, " and ");
}

// One command for each node of which some subnet, of those that `subnets_of` gives, is being left.
template <typename SubnetsOf>
std::vector<std::string> Commands(const LeaseBook& book, const Network& next,
                                  absl::string_view options, SubnetsOf subnets_of) {
  std::vector<std::string> commands;
  for (const auto& [node_id, lease] : book.leases()) {
    const std::vector<Prefix> subnets = subnets_of(lease);
    if (std::any_of(subnets.begin(), subnets.end(),
                    [&](const Prefix& subnet) { return next.IsDraining(subnet); })) {
      commands.push_back(absl::StrCat("heddlectl node renumber ", node_id, options));
    }
  }
  return commands;
}

std::vector<Prefix> PresentSubnets(const Lease& lease) {
  std::vector<Prefix> subnets;
  lease.subnets.ForEach([&](Family, const Prefix& subnet) { subnets.push_back(subnet); });
  return subnets;
}

void AddMove(const LeaseBook& book, const Network& next, std::vector<NetworkStep>* steps) {
  if (next.draining.empty()) return;
  const std::string from = RangesOf(next.draining, next.draining);
  const std::string to = RangesOf(next.ranges, next.draining);
  std::vector<std::string> renumber = Commands(book, next, " --wait", PresentSubnets);
  if (!renumber.empty()) {
    steps->push_back(
        {absl::StrCat("Renumber each node: it gets a subnet of ", to, " for new pods."),
         {absl::StrCat("The node keeps its subnet of ", from,
                       ", and every node routes both: pods that run keep their addresses and "
                       "connections."),
          "subnet.env names the new subnet. The CNI bridge plugin does not give a bridge a second "
          "IPv4 address: name another bridge in the plugin's configuration on that node first, or "
          "move its pods away and delete the bridge."},
         std::move(renumber)});
  }
  steps->push_back(
      {"Replace the pods that have old addresses.",
       {absl::StrCat("Pods keep their address until they end; those made since their node was "
                     "renumbered have one of ",
                     to, ". Old and new ones reach each other.")},
       {}});
  steps->push_back(
      {absl::StrCat("Take the subnets of ", from, " away, node by node."),
       {"The subnet rests, and the routes to it go. Pods that still have an address of it are cut "
        "off."},
       Commands(book, next, " --finish --wait",
                [](const Lease& lease) { return lease.AllSubnets(); })});
  steps->push_back({absl::StrCat("The controller forgets ", from, "."),
                    {"It does so within seconds after the last node was finished."},
                    {}});
}

}  // namespace

void AddRangeSteps(const LeaseBook& book, const Network& next, std::vector<NetworkStep>* steps) {
  if (!book.network()) return;
  AddGrowth(*book.network(), next, steps);
  AddMove(book, next, steps);
}

}  // namespace heddle::controller
