// The ICMP errors that a router owes to the sender of a packet (RFC 792, RFC 4443, RFC 1812
// section 4.3.2). Pure. How often one is sent is the caller's to limit.
#pragma once

#include <cstdint>
#include <vector>

#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

enum class IcmpError { kNoRoute, kHopLimitExceeded };

// The whole packet from `own`, of the same family, to the sender of `packet`, quoting as much of it
// as may be: 576 bytes (IPv4) or 1280 (IPv6) in all. Empty: no error may be sent about it (an ICMP
// error itself, a fragment but the first, to or from a group, broadcast, link-local, loopback or
// unspecified address).
std::vector<std::uint8_t> MakeIcmpError(IcmpError error, const Packet& packet, const Ip& own);

}  // namespace heddle::node::forwarder
