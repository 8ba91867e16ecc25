// The tables of NetworkState in the order in which they are made: what is stood upon first.
// Removal goes the other way. This is the one place that lists them.
#pragma once

#include <type_traits>

#include "absl/container/btree_map.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Calls f(pointer to member) for each table.
template <typename F>
void ForEachTable(F&& f) {
  // Before what leads packets to the cluster: no packet of a pod takes a route to a subnet that the
  // rules do not know to be the cluster's, and would translate. They stand upon nothing.
  f(&NetworkState::rules);
  f(&NetworkState::links);
  f(&NetworkState::sysctls);
  f(&NetworkState::features_off);
  f(&NetworkState::addresses);
  f(&NetworkState::wireguard_devices);
  f(&NetworkState::wireguard_peers);
  f(&NetworkState::udp_listeners);
  f(&NetworkState::udp_tunnels);
  f(&NetworkState::fdb);
  f(&NetworkState::neighbours);
  f(&NetworkState::nexthops);
  f(&NetworkState::routes);
  f(&NetworkState::hooks);
}

// The table of the objects with this key and value.
template <typename Key, typename Value>
auto TableOf() {
  using Table = absl::btree_map<Key, Value> NetworkState::*;
  Table found = nullptr;
  ForEachTable([&found](auto table) {
    if constexpr (std::is_same_v<decltype(table), Table>) found = table;
  });
  return found;
}

}  // namespace heddle::node
