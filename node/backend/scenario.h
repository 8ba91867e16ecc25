// For tests: a network, a host and its peers, to plan for.
#pragma once

#include <string>

#include "absl/container/btree_map.h"
#include "node/backend/backend.h"

namespace heddle::node {

// A plain value: take one, change what the test is about, and plan from input().
struct Scenario {
  Network network;
  Peer self;
  HostFacts host;
  PlanOptions options;
  absl::btree_map<std::string, Peer> peers;

  // What this node is, with the key that it has announced.
  Identity identity() const;

  PlanInput input() const { return {network, self, host, options}; }

  void SetRange(const Prefix& network_prefix, int subnet_length);
  // Gives this node the second subnet of each range and `count` peers the ones that follow, each
  // with what it would announce: on the host's own link, addresses of 192.0.2.0/24 and so on.
  void Lease(int count);
};

// 10.3.0.0/16 and fd00:3::/48, with the defaults of the backend; three peers, the last of which is
// behind a router.
Scenario Ipv4Scenario(const std::string& backend);
Scenario Ipv6Scenario(const std::string& backend);
Scenario DualStackScenario(const std::string& backend);

}  // namespace heddle::node
