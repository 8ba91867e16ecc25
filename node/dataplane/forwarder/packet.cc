#include "node/dataplane/forwarder/packet.h"

#include <netinet/in.h>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kMinIpv4HeaderBytes = 20;
constexpr std::size_t kIpv6HeaderBytes = 40;
// Where things stand in the IPv4 header.
constexpr std::size_t kTotalLength = 2, kFragment = 6, kTtl = 8, kProtocol = 9, kChecksum = 10;
// And in the IPv6 header.
constexpr std::size_t kPayloadLength = 4, kNextHeader = 6, kHopLimit = 7;
constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff, kOffset = 0x1fff;
// And in the IPv6 fragment header, where the offset is in the upper 13 bits.
constexpr std::size_t kFragmentOffset = 2, kMinExtensionBytes = 8;
constexpr int kFragmentOffsetShift = 3;

std::optional<Packet> ParseIpv4(absl::Span<std::uint8_t> bytes) {
  const std::uint8_t* at = bytes.data();
  if (bytes.size() < kMinIpv4HeaderBytes || Load16(at + kTotalLength) != bytes.size()) {
    return std::nullopt;
  }
  const std::size_t header_bytes = (at[0] & 0xf) * std::size_t{4};
  if (header_bytes < kMinIpv4HeaderBytes || header_bytes > bytes.size()) return std::nullopt;
  const bool is_fragment = (Load16(at + kFragment) & kMoreFragmentsOrOffset) != 0;
  return Packet{bytes, Family::kV4, header_bytes, at[kProtocol], at[kTtl], is_fragment};
}

std::optional<Packet> ParseIpv6(absl::Span<std::uint8_t> bytes) {
  const std::uint8_t* at = bytes.data();
  if (bytes.size() < kIpv6HeaderBytes ||
      Load16(at + kPayloadLength) + kIpv6HeaderBytes != bytes.size()) {
    return std::nullopt;
  }
  return Packet{bytes, Family::kV6, kIpv6HeaderBytes, at[kNextHeader], at[kHopLimit], false};
}

bool IsExtensionHeader(std::uint8_t protocol) {
  return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
         protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS;
}

Ip AddressAt(Family family, const std::uint8_t* at) {
  return family == Family::kV4 ? Ip(family, Load32(at))
                               : Ip(family, absl::MakeUint128(Load64(at), Load64(at + 8)));
}

}  // namespace

Ip Packet::source() const { return AddressAt(family, addresses().data()); }

Ip Packet::destination() const {
  return AddressAt(family, addresses().data() + addresses().size() / 2);
}

std::optional<Packet> ParsePacket(absl::Span<std::uint8_t> bytes) {
  if (bytes.empty()) return std::nullopt;
  switch (bytes[0] >> 4) {
    case 4:
      return ParseIpv4(bytes);
    case 6:
      return ParseIpv6(bytes);
    default:
      return std::nullopt;
  }
}

std::optional<UpperLayer> FindUpperLayer(const Packet& packet) {
  using Part = UpperLayer::Part;
  const absl::Span<const std::uint8_t> bytes = packet.bytes;
  UpperLayer upper{packet.protocol, packet.header_bytes, Part::kWhole};
  if (packet.is_fragment) {
    const bool is_first = (Load16(&bytes[kFragment]) & kOffset) == 0;
    upper.part = is_first ? Part::kFirstFragment : Part::kLaterFragment;
  }
  if (packet.family == Family::kV4) return upper;
  while (IsExtensionHeader(upper.protocol) && upper.part != Part::kLaterFragment) {
    if (bytes.size() - upper.at < kMinExtensionBytes) return std::nullopt;
    const std::uint8_t* at = &bytes[upper.at];
    std::size_t extension_bytes = (at[1] + std::size_t{1}) * 8;
    if (upper.protocol == IPPROTO_FRAGMENT) {
      extension_bytes = kMinExtensionBytes;
      const bool is_first = Load16(at + kFragmentOffset) >> kFragmentOffsetShift == 0;
      upper.part = is_first ? Part::kFirstFragment : Part::kLaterFragment;
    }
    if (bytes.size() - upper.at < extension_bytes) return std::nullopt;
    upper.protocol = at[0];
    upper.at += extension_bytes;
  }
  return upper;
}

void DecrementHopLimit(Packet* packet) {
  std::uint8_t* at = packet->bytes.data();
  packet->hop_limit -= 1;
  if (packet->family == Family::kV6) {
    at[kHopLimit] = packet->hop_limit;
    return;
  }
  const auto before = LoadNative<std::uint16_t>(at + kTtl);
  at[kTtl] = packet->hop_limit;
  const auto after = LoadNative<std::uint16_t>(at + kTtl);
  StoreNative(at + kChecksum,
              UpdateChecksum(LoadNative<std::uint16_t>(at + kChecksum), before, after));
}

void SetPacketBytes(Family family, std::size_t packet_bytes, absl::Span<std::uint8_t> header) {
  if (family == Family::kV6) {
    Store16(&header[kPayloadLength], packet_bytes - kIpv6HeaderBytes);
    return;
  }
  Store16(&header[kTotalLength], packet_bytes);
  Store16(&header[kChecksum], 0);
  StoreNative(&header[kChecksum], ChecksumOf(SumBytes(header)));
}

std::uint64_t SumPseudoHeader(const Packet& packet, std::uint8_t protocol,
                              std::size_t segment_bytes) {
  return SumBytes(packet.addresses()) + htobe32(static_cast<std::uint32_t>(segment_bytes)) +
         htobe16(protocol);
}

}  // namespace heddle::node::forwarder
