#include "node/state/kernel_model.h"

#include "absl/strings/str_cat.h"
#include "node/state/dependents.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

using HostLinks = absl::btree_set<std::string>;

// Tables in which a foreigner may hold our key.
template <typename Value>
constexpr bool kGuarded =
    std::is_same_v<Value, Link> || std::is_same_v<Value, Nexthop> || std::is_same_v<Value, Route>;
// Tables whose entries a link must be up to be given.
template <typename Value>
constexpr bool kNeedsLinkUp = std::is_same_v<Value, Nexthop> || std::is_same_v<Value, Route>;

absl::Status CheckFooting(const NetworkState& state, const HostLinks& host_links,
                          absl::string_view link, bool needs_up) {
  if (link.empty()) return absl::NotFoundError("its nexthop does not exist");
  const std::string name(link);
  if (host_links.contains(name)) return absl::OkStatus();
  const auto ours = state.links.find(name);
  if (ours == state.links.end()) {
    return absl::NotFoundError(absl::StrCat("link ", name, " does not exist"));
  }
  if (needs_up && !ours->second.up) {
    return absl::NotFoundError(absl::StrCat("link ", name, " is down"));
  }
  return absl::OkStatus();
}

absl::Status CheckGateway(const NetworkState& state, const std::string& link, const Ip& gateway,
                          bool onlink) {
  if (!onlink || gateway.family() == Family::kV4) return absl::OkStatus();
  int longest = -1;
  absl::string_view leads_to;
  for (const auto& [key, route] : state.routes) {
    if (!key.destination.Contains(gateway) || key.destination.length() <= longest) continue;
    longest = key.destination.length();
    leads_to = LinkOf(state, key, route);
  }
  if (longest < 0 || leads_to == link) return absl::OkStatus();
  return absl::FailedPreconditionError("a route through another link leads to its gateway");
}

absl::Status CheckGateway(const NetworkState& state, const Nexthop& nexthop) {
  return CheckGateway(state, nexthop.link, nexthop.gateway, nexthop.onlink);
}
absl::Status CheckGateway(const NetworkState& state, const Route& route) {
  const auto* via = std::get_if<RouteVia>(&route.via);
  if (via == nullptr) return absl::OkStatus();
  return CheckGateway(state, via->link, via->gateway, via->onlink);
}
template <typename Value>
absl::Status CheckGateway(const NetworkState&, const Value&) {
  return absl::OkStatus();
}

template <typename Key, typename Value>
absl::Status Check(const NetworkState& state, const HostLinks& host_links, Operation::Kind kind,
                   const Key& key, const Value& value) {
  if (kind == Operation::Kind::kRemove) return absl::OkStatus();
  if (kind == Operation::Kind::kAdd && kGuarded<Value> &&
      (state.*TableOf<Key, Value>()).contains(key)) {
    return absl::AlreadyExistsError("it exists");
  }
  if constexpr (std::is_same_v<Value, RuleSet> || std::is_same_v<Value, Hook>) {
    return absl::OkStatus();
  } else if constexpr (std::is_same_v<Value, Link>) {
    const absl::string_view lower = LowerOf(value);
    return lower.empty() ? absl::OkStatus() : CheckFooting(state, host_links, lower, false);
  } else {
    const absl::Status footing =
        CheckFooting(state, host_links, LinkOf(state, key, value), kNeedsLinkUp<Value>);
    return footing.ok() ? CheckGateway(state, value) : footing;
  }
}

}  // namespace

absl::Status Admit(const NetworkState& state, const HostLinks& host_links,
                   const Operation& operation) {
  return std::visit(
      [&](const auto& o) { return Check(state, host_links, operation.kind, o.first, o.second); },
      operation.object);
}

}  // namespace heddle::node
