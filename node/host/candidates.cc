#include "node/host/candidates.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "node/host/addresses.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using HostLink = HostInventory::Link;
using HostRoute = HostInventory::Route;

}  // namespace

bool MayBeUnderlay(const HostLink& link) { return !link.loopback && !IsOurLinkName(link.name); }

bool CandidateSearch::Wants(Family family) const {
  return std::find(wanted_.begin(), wanted_.end(), family) != wanted_.end();
}

const HostLink* CandidateSearch::LinkOf(int index) const {
  for (const HostLink& link : inventory_.links) {
    if (link.index == index) return MayBeUnderlay(link) ? &link : nullptr;
  }
  return nullptr;
}

std::vector<Candidate> CandidateSearch::ByIface(const std::string& entry) {
  const auto address = Ip::Parse(entry);
  std::vector<Candidate> candidates;
  for (const HostLink& link : inventory_.links) {
    if (IsOurLinkName(link.name)) continue;
    if (address.ok() && HasAddress(link, *address)) candidates.push_back({&link, {*address}});
    if (!address.ok() && link.name == entry) candidates.push_back({&link, {}});
  }
  if (candidates.empty()) {
    in_vain_.push_back(absl::StrCat("--iface ", entry, ": no interface has this ",
                                    address.ok() ? "address" : "name"));
  }
  return candidates;
}

absl::StatusOr<std::vector<Candidate>> CandidateSearch::ByRegex(const std::string& text) {
  // RE2 has the syntax of Go's regexp, which flannel's users wrote theirs for.
  RE2::Options quiet;
  quiet.set_log_errors(false);
  const RE2 regex(text, quiet);
  if (!regex.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--iface-regex '", text, "' is not a regular expression: ", regex.error()));
  }
  std::vector<Candidate> by_address, by_name;
  for (const HostLink& link : inventory_.links) {
    if (!MayBeUnderlay(link)) continue;
    Candidate matched{&link, {}};
    for (const HostInventory::Address& a : link.addresses) {
      if (Wants(a.address.family()) && IsUsable(link, a) &&
          RE2::PartialMatch(a.address.ToString(), regex)) {
        matched.addresses.push_back(a.address);
      }
    }
    if (!matched.addresses.empty()) by_address.push_back(std::move(matched));
    if (RE2::PartialMatch(link.name, regex)) by_name.push_back({&link, {}});
  }
  if (by_address.empty() && by_name.empty()) {
    in_vain_.push_back(
        absl::StrCat("--iface-regex ", text, ": matches no interface's address or name"));
  }
  by_address.insert(by_address.end(), by_name.begin(), by_name.end());
  return by_address;
}

std::vector<Candidate> CandidateSearch::ByReach(const Ip& target) {
  for (const HostLink& link : inventory_.links) {
    if (HasAddress(link, target)) return {{&link, {}}};  // the host's own
  }
  const HostRoute* best = nullptr;
  for (const HostRoute& route : inventory_.routes) {
    if (!route.destination.Contains(target) || LinkOf(route.link_index) == nullptr) continue;
    const int length = route.destination.length();
    if (best == nullptr || length > best->destination.length() ||
        (length == best->destination.length() && route.metric < best->metric)) {
      best = &route;
    }
  }
  if (best == nullptr) {
    in_vain_.push_back(absl::StrCat("--iface-can-reach ", target.ToString(), ": no route to it"));
    return {};
  }
  Candidate candidate{LinkOf(best->link_index), {}};
  if (best->source) candidate.addresses.push_back(*best->source);
  return {candidate};
}

std::vector<Candidate> CandidateSearch::ByPublicAddress() {
  std::vector<Candidate> candidates;
  for (Family family : wanted_) {
    const auto& address = options_.public_address[family];
    if (!address) continue;
    for (const HostLink& link : inventory_.links) {
      if (!IsOurLinkName(link.name) && HasAddress(link, *address))
        candidates.push_back({&link, {}});
    }
  }
  return candidates;
}

std::optional<std::uint32_t> CandidateSearch::DefaultMetric(const HostLink& link,
                                                            Family family) const {
  std::optional<std::uint32_t> best;
  for (const HostRoute& route : inventory_.routes) {
    if (route.link_index != link.index || route.destination.length() != 0 ||
        route.destination.family() != family) {
      continue;
    }
    best = best ? std::min(*best, route.metric) : route.metric;
  }
  return best;
}

std::vector<Candidate> CandidateSearch::ByDefaultRoute() {
  std::vector<std::pair<std::vector<std::uint32_t>, Candidate>> ranked;
  for (const HostLink& link : inventory_.links) {
    if (!MayBeUnderlay(link)) continue;
    std::vector<std::uint32_t> metrics;
    std::vector<absl::string_view> found;
    for (Family family : wanted_) {
      const auto metric = DefaultMetric(link, family);
      if (!metric) continue;
      metrics.push_back(*metric);
      found.push_back(FamilyName(family));
    }
    if (metrics.size() == wanted_.size()) {
      ranked.push_back({metrics, {&link, {}}});
    } else if (!found.empty()) {
      in_vain_.push_back(absl::StrCat(link.name, " has the default route of ",
                                      absl::StrJoin(found, " and "),
                                      " only; with two families one interface must serve both"));
    }
  }
  if (ranked.empty() && in_vain_.empty()) in_vain_.push_back("there is no default route");
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Candidate> candidates;
  for (auto& [metrics, candidate] : ranked) candidates.push_back(std::move(candidate));
  return candidates;
}

absl::StatusOr<std::vector<Candidate>> CandidateSearch::ByOptions() {
  std::vector<Candidate> candidates;
  const auto append = [&](std::vector<Candidate> more) {
    candidates.insert(candidates.end(), more.begin(), more.end());
  };
  for (const std::string& entry : options_.iface) append(ByIface(entry));
  for (const std::string& text : options_.iface_regex) {
    HEDDLE_ASSIGN_OR_RETURN(auto matched, ByRegex(text));
    append(std::move(matched));
  }
  if (options_.iface_can_reach) append(ByReach(*options_.iface_can_reach));
  return candidates;
}

absl::StatusOr<std::vector<Candidate>> CandidateSearch::Find() {
  if (!options_.iface.empty() || !options_.iface_regex.empty() || options_.iface_can_reach) {
    return ByOptions();
  }
  auto candidates = ByPublicAddress();
  // A public address that is not local (address translation) leaves the choice to the routes.
  return candidates.empty() ? ByDefaultRoute() : candidates;
}

}  // namespace heddle::node
