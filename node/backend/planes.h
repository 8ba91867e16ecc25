// The planes that a network asks of a host, and what they say before there is a lease.
#pragma once

#include "node/backend/backend.h"

namespace heddle::node {

struct Plane {
  const Backend* row;
  const BackendConfig* config;
};

// The network's own first, then the standby; those that this release lacks are left out. Valid as
// long as `network`.
std::vector<Plane> PlanesOf(const Network& network);

// The families that the network has ranges of.
std::vector<Family> FamiliesOf(const Network& network);

}  // namespace heddle::node
