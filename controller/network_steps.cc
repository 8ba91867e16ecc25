#include "controller/network_steps.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/network_effects.h"
#include "controller/range_steps.h"
#include "controller/rollout.h"

namespace heddle::controller {
namespace {

std::size_t AnnouncedNodes(const LeaseBook& book) {
  return static_cast<std::size_t>(
      std::count_if(book.leases().begin(), book.leases().end(),
                    [](const auto& entry) { return entry.second.advertisement.has_value(); }));
}

// What is so with the first commit, whatever follows.
NetworkStep AtOnce(const LeaseBook& book, const Network& next) {
  return {"The controller stores the configuration and tells every node.",
          DescribeNetworkChange(book, next),
          {}};
}

// A change of the backend that goes in stages: what every node does in each.
void AddBackendSteps(const LeaseBook& book, const Network& next, std::vector<NetworkStep>* steps) {
  const std::size_t nodes = AnnouncedNodes(book);
  if (!book.network() || nodes == 0) return;
  const std::string& from = book.network()->backend.type;
  const std::string& to = next.backend.type;
  if (from == to) return;
  const absl::Duration agreement = KeyAgreement(next.backend);
  steps->push_back(
      {absl::StrCat("Every node builds ", to, " beside ", from, "."),
       {absl::StrCat("Packets keep going through ", from, "; nothing is interrupted."),
        "New pods get the smaller MTU of the two.",
        absl::StrCat(
            "It ends when all of the ", nodes,
            " nodes that are attached have it up and know each other's. A node that "
            "cannot have it holds the change here; `heddlectl network show` names it and "
            "its reason.",
            agreement == absl::ZeroDuration()
                ? ""
                : absl::StrCat(" Before packets go through ", to, " there are ",
                               absl::FormatDuration(agreement), " for it to agree on keys.")),
        absl::StrCat("Setting ", from, " again takes the change back.")},
       {}});
  steps->push_back(
      {absl::StrCat("Every node sends through ", to, "."),
       {absl::StrCat("Each route is changed in place. Packets are still received through ", from,
                     ", so none is lost."),
        "A node that is away longer than the controller's --rollout-grace is left behind; it comes "
        "into the new backend when it is back."},
       {}});
  steps->push_back({absl::StrCat("Every node removes ", from, "."),
                    {absl::StrCat("It begins ", absl::FormatDuration(kInFlight),
                                  " after the last node has changed its routes, for packets that "
                                  "are under way.")},
                    {}});
}

}  // namespace

std::vector<NetworkStep> PlanNetworkChange(const LeaseBook& book, const Network& next) {
  std::vector<NetworkStep> steps;
  if (book.target_network() != next) {
    steps.push_back(AtOnce(book, next));
    AddBackendSteps(book, next, &steps);
  }
  AddRangeSteps(book, next, &steps);
  return steps;
}

}  // namespace heddle::controller
