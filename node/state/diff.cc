#include "node/state/diff.h"

#include <algorithm>
#include <iterator>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "node/state/dependents.h"
#include "node/state/describe.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

// What the kernel does by itself while the operations run, and what has to give way.
struct Upheaval {
  absl::flat_hash_set<std::string> remade;     // links deleted and made anew: all on them is lost
  absl::flat_hash_set<std::string> removed;    // links deleted for good
  absl::flat_hash_set<std::string> disturbed;  // MAC or address changed: part of it may be lost
  absl::btree_set<RouteKey> displaced;         // routes removed first: see Displacement
  absl::btree_map<RouteKey, Route> bridges;    // routes that are there meanwhile: likewise

  bool Remakes(absl::string_view link) const { return !link.empty() && remade.contains(link); }
  bool Removes(absl::string_view link) const { return !link.empty() && removed.contains(link); }
  bool Displaces(const RouteKey& key) const { return displaced.contains(key); }
  template <typename Key>
  bool Displaces(const Key&) const {
    return false;
  }
  bool Replans(absl::string_view link) const { return Remakes(link) || Disturbs(link); }
  bool Disturbs(absl::string_view link) const { return !link.empty() && disturbed.contains(link); }
};

// IPv6 refuses an on-link gateway while a route (the default one aside) leads to that address
// through another link, as the old one of a peer does that moves from one link to another. So that
// no packet finds itself without a route, a bridge goes in first: a route to the gateway alone,
// through the link that is to be. Where that cannot be (the gateway is wanted on two links, or the
// key is taken) the old route goes first.
class Displacement {
 public:
  Displacement(const NetworkState& actual, const NetworkState& desired, Upheaval* upheaval)
      : actual_(actual), desired_(desired), upheaval_(upheaval) {
    for (const auto& [key, route] : actual.routes) {
      if (key.destination.family() == Family::kV6) lengths_.insert(key.destination.length());
    }
  }

  // A gateway that is about to be set.
  void Add(const std::string& link, const Ip& gateway, bool onlink) {
    if (onlink && gateway.family() == Family::kV6) links_[gateway].insert(link);
  }

  // Once all have been added.
  void Resolve() {
    for (const auto& [gateway, links] : links_) {
      for (const std::string& link : links) {
        for (const RouteKey& route : Barring(gateway, link)) {
          GiveWay(route, gateway, link, /*bridged=*/links.size() == 1);
        }
      }
    }
  }

 private:
  std::vector<RouteKey> Barring(const Ip& gateway, const std::string& link) const {
    std::vector<RouteKey> barring;
    for (int length : lengths_) {
      const Prefix destination(gateway, length);
      for (auto it = actual_.routes.lower_bound({destination, 0});
           it != actual_.routes.end() && it->first.destination == destination; ++it) {
        if (LeadsElsewhere(it->first, it->second, link)) barring.push_back(it->first);
      }
    }
    return barring;
  }

  void GiveWay(const RouteKey& route, const Ip& gateway, const std::string& link, bool bridged) {
    const RouteKey bridge{Prefix(gateway, BitsOf(Family::kV6)), 0};
    if (!bridged || route.destination == bridge.destination || desired_.routes.contains(bridge)) {
      upheaval_->displaced.insert(route);
    } else {
      upheaval_->bridges[bridge] = Route{RouteVia{link, Ip(Family::kV6, 0), /*onlink=*/false}};
    }
  }

  // Now, or once its nexthop has been changed.
  bool LeadsElsewhere(const RouteKey& key, const Route& route, absl::string_view link) const {
    const absl::string_view later = LinkOf(desired_, key, route);
    return LinkOf(actual_, key, route) != link || (!later.empty() && later != link);
  }

  const NetworkState& actual_;
  const NetworkState& desired_;
  Upheaval* upheaval_;
  absl::btree_set<int> lengths_;
  absl::btree_map<Ip, absl::btree_set<std::string>> links_;  // by gateway
};

void Displace(const NetworkState& actual, const NetworkState& desired, Upheaval* upheaval) {
  Displacement displacement(actual, desired, upheaval);
  for (const auto& [id, nexthop] : desired.nexthops) {
    const auto have = actual.nexthops.find(id);
    const bool stays = !upheaval->Replans(nexthop.link);
    if (stays && have != actual.nexthops.end() && have->second == nexthop) continue;
    displacement.Add(nexthop.link, nexthop.gateway, nexthop.onlink);
  }
  for (const auto& [key, route] : desired.routes) {
    const auto* via = std::get_if<RouteVia>(&route.via);
    if (via == nullptr) continue;
    const auto have = actual.routes.find(key);
    const bool stays = !upheaval->Replans(via->link);
    if (stays && have != actual.routes.end() && have->second == route) continue;
    displacement.Add(via->link, via->gateway, via->onlink);
  }
  displacement.Resolve();
}

Upheaval Foresee(const NetworkState& actual, const NetworkState& desired) {
  Upheaval upheaval;
  for (const auto& [name, link] : actual.links) {
    const auto wanted = desired.links.find(name);
    if (wanted == desired.links.end()) {
      upheaval.removed.insert(name);
    } else if (wanted->second.kind != link.kind) {
      upheaval.remade.insert(name);
    } else if (wanted->second.mac != link.mac) {
      upheaval.disturbed.insert(name);
    }
  }
  for (const auto& [key, address] : actual.addresses) {
    const auto wanted = desired.addresses.find(key);
    if (wanted != desired.addresses.end() && wanted->second != address) {
      upheaval.disturbed.insert(key.link);
    }
  }
  if (!actual.routes.empty()) Displace(actual, desired, &upheaval);
  return upheaval;
}

// Which tables lose entries when their link is disturbed, and which are so slow to lose with their
// link that they are removed one by one before it.
template <typename Value>
constexpr bool kSuffersDisturbance = std::is_same_v<Value, Neighbour> ||
                                     std::is_same_v<Value, Nexthop> || std::is_same_v<Value, Route>;
template <typename Value>
constexpr bool kRemovedBeforeLink = std::is_same_v<Value, Nexthop> || std::is_same_v<Value, Route>;
// An address cannot be given another length: it is removed and added.
template <typename Value>
constexpr bool kUnchangeable = std::is_same_v<Value, Address>;
// A setting has no absence; it goes with its link.
template <typename Value>
constexpr bool kPermanent = std::is_same_v<Value, std::string>;

// Compares one table. Removals are collected apart, to be run in reverse at the end.
class TableDiff {
 public:
  TableDiff(const NetworkState& actual, const Upheaval& upheaval, std::vector<Operation>* makes,
            std::vector<Operation>* removals)
      : actual_(actual), upheaval_(upheaval), makes_(makes), removals_(removals) {}

  template <typename Map>
  void Run(const Map& actual, const Map& desired) {
    auto have = actual.begin();
    auto want = desired.begin();
    while (have != actual.end() || want != desired.end()) {
      if (want == desired.end() || (have != actual.end() && have->first < want->first)) {
        Unwanted(have->first, have->second);
        ++have;
      } else if (have == actual.end() || want->first < have->first) {
        Make(Kind::kAdd, want->first, want->second);
        ++want;
      } else {
        Both(want->first, have->second, want->second);
        ++have, ++want;
      }
    }
  }

 private:
  template <typename Key, typename Value>
  void Unwanted(const Key& key, const Value& value) {
    const absl::string_view link = LinkOf(actual_, key, value);
    if (upheaval_.Remakes(link) || upheaval_.Displaces(key) || kPermanent<Value>) return;
    constexpr bool kIsLink = std::is_same_v<Value, Link>;
    if (!kIsLink && !kRemovedBeforeLink<Value> && upheaval_.Removes(link)) return;
    removals_->push_back({Kind::kRemove, std::make_pair(key, value)});
  }

  template <typename Key, typename Value>
  void Both(const Key& key, const Value& have, const Value& want) {
    const absl::string_view link = LinkOf(actual_, key, have);
    if (upheaval_.Remakes(link) || upheaval_.Displaces(key)) {
      Make(Kind::kAdd, key, want);
    } else if (have != want && kUnchangeable<Value>) {
      Make(Kind::kRemove, key, have);
      Make(Kind::kAdd, key, want);
    } else if (have != want || (kSuffersDisturbance<Value> && upheaval_.Disturbs(link))) {
      Make(Kind::kChange, key, want);
    }
  }

  template <typename Key, typename Value>
  void Make(Kind kind, const Key& key, const Value& value) {
    makes_->push_back({kind, std::make_pair(key, value)});
  }

  const NetworkState& actual_;
  const Upheaval& upheaval_;
  std::vector<Operation>* makes_;
  std::vector<Operation>* removals_;
};

// Removes the routes that are displaced, and the links that are to be made anew after what the
// kernel is slow to drop with them.
std::vector<Operation> TearDown(const NetworkState& actual, const Upheaval& upheaval) {
  std::vector<Operation> operations;
  if (upheaval.remade.empty() && upheaval.displaced.empty()) return operations;
  ForEachTable([&](auto table) {
    for (const auto& [key, value] : actual.*table) {
      using Value = std::decay_t<decltype(value)>;
      constexpr bool kExplicit = std::is_same_v<Value, Link> || kRemovedBeforeLink<Value>;
      if (upheaval.Displaces(key) || (kExplicit && upheaval.Remakes(LinkOf(actual, key, value)))) {
        operations.push_back({Kind::kRemove, std::make_pair(key, value)});
      }
    }
  });
  std::reverse(operations.begin(), operations.end());
  return operations;
}

// The bridges go in before the nexthops, and out before anything that is removed. One that an
// earlier run left is like any other route that nothing asks for.
void BridgeOver(const NetworkState& actual, const Upheaval& upheaval, std::vector<Operation>* makes,
                std::vector<Operation>* removals) {
  for (const auto& [key, route] : upheaval.bridges) {
    const bool is_left = actual.routes.contains(key) && !upheaval.Displaces(key);
    makes->push_back({is_left ? Kind::kChange : Kind::kAdd, std::make_pair(key, route)});
    if (!is_left) removals->push_back({Kind::kRemove, std::make_pair(key, route)});
  }
}

template <typename T>
void Append(std::vector<T> from, std::vector<T>* to) {
  to->insert(to->end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void Remove(NetworkState* state, const std::string& name, const Link&) {
  DropWithLink(state, name);
}
void Remove(NetworkState* state, std::uint32_t id, const Nexthop&) {
  DropWithNexthop(state, id);
  state->nexthops.erase(id);
}
template <typename Key, typename Value>
void Remove(NetworkState* state, const Key& key, const Value&) {
  (state->*TableOf<Key, Value>()).erase(key);
}

template <typename Key, typename Value>
void Put(NetworkState* state, const Key& key, const Value& value) {
  if constexpr (std::is_same_v<Value, Link>) {
    const auto before = state->links.find(key);
    if (before != state->links.end()) {
      if (before->second.mac != value.mac) DropWithMac(state, key);
      if (before->second.up && !value.up) DropWithLinkDown(state, key);
    }
  }
  (state->*TableOf<Key, Value>())[key] = value;
}

}  // namespace

std::vector<Operation> Diff(const NetworkState& actual, const NetworkState& desired) {
  const Upheaval upheaval = Foresee(actual, desired);
  std::vector<Operation> operations = TearDown(actual, upheaval);
  std::vector<Operation> removals;
  TableDiff diff(actual, upheaval, &operations, &removals);
  ForEachTable([&](auto table) {
    if constexpr (std::is_same_v<decltype(table), decltype(&NetworkState::nexthops)>) {
      if (table == &NetworkState::nexthops) BridgeOver(actual, upheaval, &operations, &removals);
    }
    diff.Run(actual.*table, desired.*table);
  });
  std::reverse(removals.begin(), removals.end());
  Append(std::move(removals), &operations);
  return operations;
}

void ApplyTo(NetworkState* state, const std::vector<Operation>& operations) {
  for (const Operation& operation : operations) {
    std::visit(
        [&](const auto& object) {
          const auto& [key, value] = object;
          if (operation.kind == Kind::kRemove) {
            Remove(state, key, value);
          } else {
            Put(state, key, value);
          }
        },
        operation.object);
  }
}

std::string Operation::ToString() const {
  const char* verb = kind == Kind::kAdd ? "add " : kind == Kind::kChange ? "change " : "remove ";
  return absl::StrCat(
      verb,
      std::visit([](const auto& object) { return Describe(object.first, object.second); }, object));
}

}  // namespace heddle::node
