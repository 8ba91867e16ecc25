#include "node/dataplane/forwarder/candidate.h"

#include <cstring>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"
#include "node/dataplane/forwarder/transport.h"

namespace heddle::node::forwarder {
namespace {

// Of an IPv4 header.
constexpr std::size_t kId = 4, kFragment = 6, kTtl = 8;
constexpr std::size_t kPlainHeaderBytes = 20;
constexpr std::uint16_t kDontFragment = 0x4000;

bool BytesMatch(const Candidate& a, const Candidate& b, std::size_t at, std::size_t bytes) {
  return std::memcmp(&a.packet.bytes[at], &b.packet.bytes[at], bytes) == 0;
}

bool IsTcpSegment(const Candidate& candidate) {
  const std::uint8_t flags = candidate.transport()[tcp::kFlags];
  return (flags & ~(tcp::kPsh | tcp::kEce)) == tcp::kAck;
}

bool IsUdpSegment(const Candidate& candidate) {
  const absl::Span<const std::uint8_t> datagram = candidate.transport();
  return Load16(&datagram[udp::kLength]) == datagram.size() &&
         Load16(&datagram[udp::kChecksum]) != 0;
}

bool IsSegment(const Candidate& candidate) {
  return candidate.payload_bytes() > 0 &&
         (candidate.packet.protocol == IPPROTO_TCP ? IsTcpSegment(candidate)
                                                   : IsUdpSegment(candidate));
}

// Of what an IP header says, apart from addresses and length.
bool IpContinues(const Candidate& first, std::size_t packets, const Candidate& next) {
  if (first.packet.family == Family::kV6) {
    // Version, traffic class and flow label.
    return first.packet.hop_limit == next.packet.hop_limit && BytesMatch(first, next, 0, 4);
  }
  const std::uint8_t *a = first.packet.bytes.data(), *b = next.packet.bytes.data();
  const auto id = Load16(a + kId), next_id = Load16(b + kId);
  const bool id_fits = next_id == static_cast<std::uint16_t>(id + packets) ||
                       ((Load16(a + kFragment) & kDontFragment) != 0 && next_id == id);
  // Version, header length and TOS.
  return id_fits && BytesMatch(first, next, 0, 2) && BytesMatch(first, next, kFragment, 2) &&
         a[kTtl] == b[kTtl];
}

bool TcpContinues(const Candidate& first, std::size_t packets, const Candidate& next) {
  const std::size_t at = first.packet.header_bytes;
  const std::uint8_t *a = first.transport().data(), *b = next.transport().data();
  return Load32(b + tcp::kSequence) ==
             static_cast<std::uint32_t>(Load32(a + tcp::kSequence) +
                                        packets * first.payload_bytes()) &&
         ((a[tcp::kFlags] ^ b[tcp::kFlags]) & ~tcp::kPsh) == 0 &&
         // Acknowledged and the header's length; window; urgent pointer and options.
         BytesMatch(first, next, at + tcp::kAcknowledged, tcp::kFlags - tcp::kAcknowledged) &&
         BytesMatch(first, next, at + tcp::kWindow, tcp::kChecksum - tcp::kWindow) &&
         BytesMatch(first, next, at + tcp::kUrgent, first.header_bytes - at - tcp::kUrgent);
}

}  // namespace

bool Candidate::pushes() const {
  return packet.protocol == IPPROTO_TCP && (transport()[tcp::kFlags] & tcp::kPsh) != 0;
}

Candidate Examine(const Packet& packet) {
  using Kind = Candidate::Kind;
  if (packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6) return {packet};
  const bool has_options = packet.family == Family::kV4 && packet.header_bytes != kPlainHeaderBytes;
  if (packet.is_fragment || has_options) return {packet, Kind::kOpaque};
  Candidate candidate{packet, Kind::kAlone};
  const std::size_t transport_header = TransportHeaderBytes(packet.protocol, candidate.transport());
  if (transport_header == 0) return {packet, Kind::kOpaque};
  candidate.header_bytes = packet.header_bytes + transport_header;
  if (IsSegment(candidate)) candidate.kind = Kind::kSegment;
  return candidate;
}

bool HaveSameAddresses(const Packet& a, const Packet& b) { return a.addresses() == b.addresses(); }

bool AreOfOneFlow(const Candidate& a, const Candidate& b) {
  return a.packet.family == b.packet.family && a.packet.protocol == b.packet.protocol &&
         BytesMatch(a, b, a.packet.header_bytes, 4) && HaveSameAddresses(a.packet, b.packet);
}

std::uint64_t FlowTag(const Candidate& candidate) {
  // Any odd number whose bits look like chance.
  constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  const absl::Span<const std::uint8_t> addresses = candidate.packet.addresses();
  std::uint64_t tag = LoadNative<std::uint32_t>(candidate.transport().data());
  for (std::size_t at = 0; at < addresses.size(); at += sizeof(tag)) {
    tag = (tag ^ LoadNative<std::uint64_t>(&addresses[at])) * kMultiplier;
  }
  return tag ^ candidate.packet.protocol;
}

bool Continues(const Candidate& first, std::size_t packets, const Candidate& next) {
  // That their headers are of one length is seen where these say how long they are.
  return next.payload_bytes() <= first.payload_bytes() && IpContinues(first, packets, next) &&
         (first.packet.protocol == IPPROTO_UDP || TcpContinues(first, packets, next));
}

bool HasRightChecksums(const Candidate& segment) {
  constexpr std::uint16_t kRight = 0xffff;
  const Packet& packet = segment.packet;
  if (packet.family == Family::kV4 &&
      FoldSum(SumBytes(packet.bytes.first(packet.header_bytes))) != kRight) {
    return false;
  }
  const absl::Span<const std::uint8_t> transport = segment.transport();
  return FoldSum(SumPseudoHeader(packet, packet.protocol, transport.size()) +
                 SumBytes(transport)) == kRight;
}

}  // namespace heddle::node::forwarder
