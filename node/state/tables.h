// The tables of NetworkState in the order in which they are made: what is stood upon first.
// Removal goes the other way. This is the one place that lists them.
#pragma once

#include "node/state/network_state.h"

namespace heddle::node {

// Calls f(pointer to member) for each table.
template <typename F>
void ForEachTable(F&& f) {
  f(&NetworkState::links);
  f(&NetworkState::sysctls);
  f(&NetworkState::addresses);
  f(&NetworkState::fdb);
  f(&NetworkState::neighbours);
  f(&NetworkState::nexthops);
  f(&NetworkState::routes);
  f(&NetworkState::rules);
}

}  // namespace heddle::node
