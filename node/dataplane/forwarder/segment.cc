#include "node/dataplane/forwarder/segment.h"

#include <algorithm>
#include <cstring>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"
#include "node/dataplane/forwarder/transport.h"

namespace heddle::node::forwarder {
namespace {

// Of an IPv4 header.
constexpr std::size_t kId = 4;

// A frame that can be cut.
struct Layout {
  std::uint8_t protocol;
  std::size_t transport_at;
  std::size_t header_bytes;  // up to the payload
  std::size_t segment_bytes;
  std::size_t segments;
};

// The protocol that a frame of this kind has; 0: there is no such kind in this family.
std::uint8_t ProtocolOf(std::uint8_t kind, Family family) {
  switch (kind) {
    case Offload::kTcpV4:
    case Offload::kTcpV4 | Offload::kEcn:
      return family == Family::kV4 ? IPPROTO_TCP : 0;
    case Offload::kTcpV6:
    case Offload::kTcpV6 | Offload::kEcn:
      return family == Family::kV6 ? IPPROTO_TCP : 0;
    case Offload::kUdp:
      return IPPROTO_UDP;
    default:
      return 0;
  }
}

// Nothing: what the offload says is not so.
std::optional<Layout> Examine(const Offload& offload, const Packet& packet) {
  const std::uint8_t protocol = ProtocolOf(offload.kind, packet.family);
  const auto upper = FindUpperLayer(packet);
  if (protocol == 0 || !upper || upper->protocol != protocol ||
      upper->part != UpperLayer::Part::kWhole || (offload.flags & Offload::kNeedsChecksum) == 0 ||
      offload.checksum_start != upper->at || offload.checksum_offset != ChecksumAt(protocol)) {
    return std::nullopt;
  }
  const absl::Span<const std::uint8_t> transport = packet.bytes.subspan(upper->at);
  const std::size_t transport_header = TransportHeaderBytes(protocol, transport);
  if (transport_header == 0 || transport_header == transport.size() ||
      (protocol == IPPROTO_UDP && Load16(&transport[udp::kLength]) != transport.size())) {
    return std::nullopt;
  }
  const std::size_t payload_bytes = transport.size() - transport_header;
  const Layout layout{protocol, upper->at, upper->at + transport_header, offload.segment_bytes,
                      payload_bytes / std::max<std::size_t>(offload.segment_bytes, 1) + 1};
  if (layout.segment_bytes == 0 || layout.segments > Segmenter::kMaxSegments ||
      layout.header_bytes > Segmenter::kMaxHeaderBytes) {
    return std::nullopt;
  }
  return layout;
}

// Makes the frame's header one of its segments'.
class HeaderWriter {
 public:
  HeaderWriter(const Packet& packet, const Layout& layout)
      : packet_(packet), layout_(layout), transport_(&packet.bytes[layout.transport_at]) {
    const std::size_t transport_bytes = packet.bytes.size() - layout.transport_at;
    // The frame has the sum of its pseudo-header where its checksum should stand. So that the
    // addresses may be others than those in the IP header (a routing header's), it is taken from
    // there, less the length.
    pseudo_header_ = LoadNative<std::uint16_t>(transport_ + ChecksumAt(layout.protocol)) +
                     static_cast<std::uint16_t>(~htobe16(transport_bytes));
  }

  // `header` is a copy of the frame's; `offset` is that of the payload in the frame's.
  void Write(std::size_t offset, absl::Span<const std::uint8_t> payload,
             absl::Span<std::uint8_t> header) const {
    WriteIpHeader(offset, payload.size(), header);
    const bool is_last = layout_.header_bytes + offset + payload.size() == packet_.bytes.size();
    const absl::Span<std::uint8_t> transport = header.subspan(layout_.transport_at);
    const std::size_t transport_bytes = transport.size() + payload.size();
    if (layout_.protocol == IPPROTO_TCP) {
      WriteTcpHeader(offset, is_last, transport.data());
    } else {
      Store16(&transport[udp::kLength], transport_bytes);
    }
    std::uint8_t* checksum = &transport[ChecksumAt(layout_.protocol)];
    Store16(checksum, 0);
    const std::uint64_t sum =
        pseudo_header_ + htobe16(transport_bytes) + SumBytes(transport) + SumBytes(payload);
    StoreNative(checksum,
                layout_.protocol == IPPROTO_TCP ? ChecksumOf(sum) : NonzeroChecksumOf(sum));
  }

 private:
  void WriteIpHeader(std::size_t offset, std::size_t payload_bytes,
                     absl::Span<std::uint8_t> header) const {
    if (packet_.family == Family::kV4) {
      Store16(&header[kId], Load16(&packet_.bytes[kId]) + offset / layout_.segment_bytes);
    }
    SetPacketBytes(packet_.family, header.size() + payload_bytes,
                   header.first(packet_.header_bytes));
  }

  void WriteTcpHeader(std::size_t offset, bool is_last, std::uint8_t* header) const {
    Store32(header + tcp::kSequence,
            Load32(transport_ + tcp::kSequence) + static_cast<std::uint32_t>(offset));
    if (offset > 0) header[tcp::kFlags] &= ~tcp::kCwr;
    if (!is_last) header[tcp::kFlags] &= ~(tcp::kFin | tcp::kPsh);
  }

  const Packet& packet_;
  const Layout& layout_;
  const std::uint8_t* const transport_;
  std::uint64_t pseudo_header_;
};

// Puts the checksum where the sum of the pseudo-header stands. False: that is not in the packet.
bool FillChecksum(const Offload& offload, const Packet& packet) {
  const std::size_t at = std::size_t{offload.checksum_start} + offload.checksum_offset;
  if (offload.checksum_start < packet.header_bytes || at + 2 > packet.bytes.size()) return false;
  // 0 would be none in UDP, and 0xffff is as good in all other protocols.
  StoreNative(&packet.bytes[at],
              NonzeroChecksumOf(SumBytes(packet.bytes.subspan(offload.checksum_start))));
  return true;
}

}  // namespace

absl::Span<const Pieces> Segmenter::Cut(const Offload& offload, const Packet& packet) {
  pieces_.clear();
  if (offload.kind == Offload::kNone) {
    const bool needs_checksum = (offload.flags & Offload::kNeedsChecksum) != 0;
    if (needs_checksum && !FillChecksum(offload, packet)) return {};
    pieces_.push_back({packet.bytes, {}});
    return pieces_;
  }
  const auto layout = Examine(offload, packet);
  if (!layout) return {};
  headers_.resize(std::max(headers_.size(), layout->segments * layout->header_bytes));
  const HeaderWriter writer(packet, *layout);
  const absl::Span<const std::uint8_t> header = packet.bytes.first(layout->header_bytes);
  const absl::Span<const std::uint8_t> payload = packet.bytes.subspan(layout->header_bytes);
  std::uint8_t* next = headers_.data();
  for (std::size_t offset = 0; offset < payload.size(); offset += layout->segment_bytes) {
    const auto part = payload.subspan(offset, layout->segment_bytes);
    std::memcpy(next, header.data(), header.size());
    writer.Write(offset, part, {next, header.size()});
    pieces_.push_back({{next, header.size()}, part});
    next += header.size();
  }
  return pieces_;
}

}  // namespace heddle::node::forwarder
