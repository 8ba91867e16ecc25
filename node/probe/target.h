// What to probe of a peer: from which address to which, and how large. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/mac.h"
#include "node/backend/backend.h"

namespace heddle::node {

// A peer in one address family of the pods.
struct ProbeTarget {
  struct Way {
    Ip from, to;
    int full_bytes = 0;  // MTU of the interface
  };
  // The VXLAN device that the overlay leads through.
  struct Vxlan {
    Ip local, remote;
    std::uint16_t port = 0;
    std::uint32_t vni = 0;
    Mac mac;
  };
  std::string node_id;
  Family family = Family::kV4;
  std::string backend_type;  // the plane that carries the way there
  Way underlay;
  // From our own subnet's base address to the peer's. Absent where the hosts have no address of
  // their own in the pod network: with host-gw pods' packets take the underlay's way.
  std::optional<Way> overlay;
  std::optional<Vxlan> vxlan;
};

// One for each family in which the plan has a path to `peer`; none for this node itself.
std::vector<ProbeTarget> PlanTargets(const PlanInput& input, const Peer& peer);

}  // namespace heddle::node
