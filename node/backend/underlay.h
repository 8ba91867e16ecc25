// What every backend asks of the host's underlay: addresses to announce, and who is near.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"
#include "api/peer.h"
#include "node/backend/backend.h"
#include "node/host/host_facts.h"

namespace heddle::node {

// Adds to `advertisement` a public address for each family of the network. FailedPrecondition: a
// family has no public or no source address; names the flag that mends it.
absl::Status AdvertiseAddresses(const PlaneFacts& facts, Advertisement* advertisement);

// The same for one family. `why` says who needs it, `otherwise` how to do without: parts of the
// message.
absl::Status AdvertiseAddress(const PlaneFacts& facts, Family family, absl::string_view why,
                              absl::string_view otherwise, Advertisement* advertisement);

// The address of `peer` for packets on the underlay of `family`. FailedPrecondition: it announces
// none; says what to do there.
absl::StatusOr<Ip> PublicAddressOf(const Peer& peer, Family family);

// Gives `link` the base address of every subnet of this node's of `family`, as host prefixes: they
// bring no connected route, and are the source of host-to-pod packets.
void PlanOwnAddresses(const PlaneInput& input, const std::string& link, Family family,
                      NetworkState* state);

// What the underlay carries of this plane, headers included: its MTU, or the MTU option, which
// cannot raise it.
int CarriedMtuBytes(const PlaneFacts& facts);

// Whether any host of the Internet could send to `address`, as far as its range tells: not private
// (RFC 1918, 4193, 6598), nor of one link.
bool IsPublic(const Ip& address);

// Whether the host reaches `address` at layer 2 through its underlay link.
bool IsOnlink(const HostFacts& host, const Ip& address);

// The way to `remote` without encapsulation, where the DirectRouting option asks for it and the
// host reaches it at layer 2.
std::optional<PeerPath> DirectPath(const PlaneInput& input, const Ip& remote);

// `mtu_bytes` when pods of the network's families can live with it: at least 68 bytes for IPv4 and
// 1280 for IPv6 (below that Linux switches IPv6 off on a link). InvalidArgument otherwise.
absl::StatusOr<int> CheckPodMtu(int mtu_bytes, const PlaneFacts& facts);

}  // namespace heddle::node
