// ICMP echo as bytes, for either family: one code path. Pure. What comes in is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ip.h"
#include "base/mac.h"

namespace heddle::node {

// Of the IP packet, with its header of 20 or 40 bytes.
inline constexpr int kSmallPacketBytes = 100;

// What ties an answer to its question. The token is drawn for each packet, so that only who has
// seen it can answer.
struct EchoTag {
  std::uint16_t id = 0;  // of the socket; a ping socket sets its own
  std::uint64_t token = 0;
};

// The ICMP message of an IP packet of `packet_bytes` (at least kSmallPacketBytes) in all. The
// checksum is set for IPv4 only: the kernel sets that of ICMPv6.
std::string EchoRequest(Family family, const EchoTag& tag, int packet_bytes);

// The tag of an answer; nothing when the bytes are anything else. `with_ip_header`: as raw IPv4
// sockets give it.
std::optional<EchoTag> ParseEchoReply(Family family, bool with_ip_header, absl::string_view bytes);

// A small echo request as a VXLAN packet's UDP payload, in a frame for every MAC: the device it
// comes to answers it whatever MAC it has. `source_mac` is our own device's.
std::string VxlanEchoForAnyMac(std::uint32_t vni, const Mac& source_mac, const Ip& from,
                               const Ip& to, const EchoTag& tag);

// The question for `to`'s MAC (ARP, or a neighbour solicitation), in such a frame, too: from it the
// peer learns ours, should it have lost what it knew of us together with its MAC. A permanent entry
// there is not touched.
std::string VxlanIntroduction(std::uint32_t vni, const Mac& source_mac, const Ip& from,
                              const Ip& to);

}  // namespace heddle::node
