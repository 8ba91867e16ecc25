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
  std::size_t header_bytes = 0;  // IPv4 with options; IPv6 without extension headers: 40
  std::uint8_t protocol = 0;     // of what follows the header (IPv6: the first next header)
  std::uint8_t hop_limit = 0;    // or TTL
  bool is_fragment = false;      // IPv4 only: of several; IPv6 says so in `protocol` (44)

  Ip source() const;
  Ip destination() const;
  // Source and destination as they stand there, one behind the other.
  absl::Span<const std::uint8_t> addresses() const {
    return family == Family::kV4 ? bytes.subspan(12, 8) : bytes.subspan(8, 32);
  }
};

// Nothing: not an IP packet, or its header says another length than it has. The IPv4 header's
// checksum is not looked at.
std::optional<Packet> ParsePacket(absl::Span<std::uint8_t> bytes);

// What an IP packet carries, behind IPv6 extension headers (hop-by-hop, routing, fragment and
// destination options).
struct UpperLayer {
  enum class Part { kWhole, kFirstFragment, kLaterFragment };
  std::uint8_t protocol = 0;
  std::size_t at =
      0;  // of the packet's bytes, up to their end; a later fragment has no header there
  Part part = Part::kWhole;
};
// Nothing: an extension header goes beyond the end.
std::optional<UpperLayer> FindUpperLayer(const Packet& packet);

// One less, with the IPv4 header's checksum kept right (RFC 1624). The hop limit must not be 0.
void DecrementHopLimit(Packet* packet);

// Writes the length of a packet into its IP header, and after it the IPv4 header's checksum.
// `header` is all of it: IPv4 with options, IPv6 without extension headers.
void SetPacketBytes(Family family, std::size_t packet_bytes, absl::Span<std::uint8_t> header);

// The sum (checksum.h) of what TCP and UDP checksums cover besides the segment (RFC 9293 section
// 3.1, RFC 8200 section 8.1).
std::uint64_t SumPseudoHeader(const Packet& packet, std::uint8_t protocol,
                              std::size_t segment_bytes);

}  // namespace heddle::node::forwarder
