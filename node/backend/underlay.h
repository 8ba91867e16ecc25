// What every backend asks of the host's underlay: addresses to announce, and who is near.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"
#include "api/peer.h"
#include "node/host/host_facts.h"

namespace heddle::node {

// An advertisement of `type` with a public address for each family of the network.
// FailedPrecondition: a family has no public or no source address; names the flag that mends it.
absl::StatusOr<Advertisement> AdvertiseAddresses(absl::string_view type, const Network& network,
                                                 const HostFacts& host);

// Whether the host reaches `address` at layer 2 through its underlay link.
bool IsOnlink(const HostFacts& host, const Ip& address);

// `mtu_bytes` when pods of the network's families can live with it: at least 68 bytes for IPv4 and
// 1280 for IPv6 (below that Linux switches IPv6 off on a link). InvalidArgument otherwise.
absl::StatusOr<int> CheckPodMtu(int mtu_bytes, const Network& network, const HostFacts& host);

}  // namespace heddle::node
