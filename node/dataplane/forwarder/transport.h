// Where things stand in the headers of TCP (RFC 9293, section 3.1) and UDP (RFC 768), from their
// first byte on.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace heddle::node::forwarder {

namespace tcp {
inline constexpr std::size_t kMinHeaderBytes = 20;
inline constexpr std::size_t kSequence = 4, kAcknowledged = 8, kDataOffset = 12, kFlags = 13,
                             kWindow = 14, kChecksum = 16, kUrgent = 18;
inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10,
                              kUrg = 0x20, kEce = 0x40, kCwr = 0x80;
}  // namespace tcp

namespace udp {
inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kLength = 4, kChecksum = 6;
}  // namespace udp

inline std::size_t ChecksumAt(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP ? tcp::kChecksum : udp::kChecksum;
}

// Of the header that `segment` begins with, TCP's with options; 0: it does not have one.
inline std::size_t TransportHeaderBytes(std::uint8_t protocol,
                                        absl::Span<const std::uint8_t> segment) {
  if (protocol == IPPROTO_UDP) {
    return segment.size() < udp::kHeaderBytes ? 0 : udp::kHeaderBytes;
  }
  if (protocol != IPPROTO_TCP || segment.size() < tcp::kMinHeaderBytes) return 0;
  const std::size_t bytes = (segment[tcp::kDataOffset] >> 4) * std::size_t{4};
  return bytes < tcp::kMinHeaderBytes || bytes > segment.size() ? 0 : bytes;
}

}  // namespace heddle::node::forwarder
