// An IP packet as it travels in a tunnel: checked once, read without further checks afterwards.
// Pure. IPv4: RFC 791; IPv6: RFC 8200.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "base/ip.h"

namespace heddle::node::forwarder {

// A view: valid as long as the bytes it was parsed from.
struct Packet {
  absl::Span<std::uint8_t> bytes;  // the whole packet, and nothing beyond it
  Family family = Family::kV4;
  std::size_t header_bytes = 0;   // IPv4 with options; IPv6 without extension headers: 40
  std::uint8_t protocol = 0;      // of what follows the header (IPv6: the first next header)
  std::uint8_t hop_limit = 0;     // or TTL
  bool is_fragment = false;       // IPv4 only: of several; IPv6 says so in `protocol` (44)

  Ip source() const;
  Ip destination() const;
};

// Nothing: not an IP packet, or its header says another length than it has.
std::optional<Packet> ParsePacket(absl::Span<std::uint8_t> bytes);

// One less, with the IPv4 header's checksum kept right (RFC 1624). The hop limit must not be 0.
void DecrementHopLimit(Packet* packet);

}  // namespace heddle::node::forwarder
