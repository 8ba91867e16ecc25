#include "node/host/onlink.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace heddle::node {
namespace {

// destination -> whether its best route is on-link. Ordered by base and length, so that what lies
// inside a prefix follows it directly.
using Reach = std::map<Prefix, bool>;

Reach BestRoutes(const std::vector<HostInventory::Route>& routes, int link_index) {
  std::map<Prefix, std::pair<std::uint32_t, bool>> best;
  for (const HostInventory::Route& route : routes) {
    const bool onlink = route.link_index == link_index && !route.gateway;
    const auto [at, is_new] = best.emplace(route.destination, std::make_pair(route.metric, onlink));
    if (is_new || route.metric > at->second.first) continue;
    // Every link has fe80::/64 with one metric: a tie is on-link if one of the routes is.
    const bool tie = route.metric == at->second.first;
    at->second = {route.metric, onlink || (tie && at->second.second)};
  }
  Reach reach;
  for (const auto& [destination, route] : best) reach[destination] = route.second;
  return reach;
}

// Appends the parts of `prefix` whose longest match in `reach` is on-link; `onlink` is the answer
// for what nothing in `reach` says more about.
void Append(const Reach& reach, const Prefix& prefix, bool onlink, std::vector<Prefix>* out) {
  auto inside = reach.lower_bound(prefix);
  if (inside != reach.end() && inside->first == prefix) {
    onlink = inside->second;
    ++inside;
  }
  if (inside == reach.end() || !prefix.Contains(inside->first)) {
    if (onlink) out->push_back(prefix);
    return;
  }
  const Prefix lower(prefix.base(), prefix.length() + 1);
  const absl::uint128 half = absl::uint128(1) << (BitsOf(prefix.family()) - lower.length());
  const Prefix upper(prefix.at(half), lower.length());
  const std::size_t before = out->size();
  Append(reach, lower, onlink, out);
  Append(reach, upper, onlink, out);
  const bool whole = out->size() == before + 2 && (*out)[before] == lower && out->back() == upper;
  if (whole) {
    out->resize(before);
    out->push_back(prefix);
  }
}

}  // namespace

std::vector<Prefix> OnlinkPrefixes(const std::vector<HostInventory::Route>& routes,
                                   int link_index) {
  const Reach reach = BestRoutes(routes, link_index);
  std::vector<Prefix> prefixes;
  std::optional<Prefix> done;  // Append answers for all that lies inside
  for (const auto& [destination, onlink] : reach) {
    if (!onlink || destination.length() == 0) continue;
    if (done && done->Contains(destination)) continue;
    Append(reach, destination, onlink, &prefixes);
    done = destination;
  }
  return prefixes;
}

}  // namespace heddle::node
