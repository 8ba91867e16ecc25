#include "node/dataplane/forwarder/far_side.h"

#include "absl/strings/string_view.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kIpv4Id = 4, kIpv4Flags = 6, kIpv4Protocol = 9, kIpv4Checksum = 10;
constexpr std::size_t kIpv6NextHeader = 6, kTcpChecksum = 16;
constexpr char kDontFragment = 0x40, kTcp = 6;

bool IsIpv4(absl::string_view packet) { return packet[0] >> 4 == 4; }

// Addresses and ports stand behind each other, unless there are options between them.
std::string FlowOf(absl::string_view packet) {
  const bool v4 = IsIpv4(packet);
  return std::string(1, packet[v4 ? kIpv4Protocol : kIpv6NextHeader]) +
         std::string(v4 ? packet.substr(12, 12) : packet.substr(8, 36));
}

void SpellZeroAsZero(std::size_t at, std::string* packet) {
  if (at + 2 <= packet->size() && packet->compare(at, 2, "\xff\xff") == 0) {
    packet->replace(at, 2, 2, '\0');
  }
}

std::string Normal(std::string packet) {
  const bool v4 = IsIpv4(packet);
  if (v4 && (packet[kIpv4Flags] & kDontFragment) != 0) {
    packet.replace(kIpv4Id, 2, 2, '\0');
    packet.replace(kIpv4Checksum, 2, 2, '\0');  // which covers it
  }
  if (v4) SpellZeroAsZero(kIpv4Checksum, &packet);
  if (packet[v4 ? kIpv4Protocol : kIpv6NextHeader] == kTcp) {
    SpellZeroAsZero((v4 ? 20 : 40) + kTcpChecksum, &packet);
  }
  return packet;
}

}  // namespace

std::vector<Written> WrittenOf(absl::Span<const Frame> frames) {
  std::vector<Written> all;
  for (const Frame& frame : frames) {
    Written written{frame.offload, "", frame.packets};
    for (const iovec& piece : frame.without_offload()) {
      written.bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    all.push_back(std::move(written));
  }
  return all;
}

std::vector<std::string> PacketsOf(absl::Span<const Pieces> pieces) {
  std::vector<std::string> packets;
  for (const Pieces& p : pieces) packets.push_back(ToString(p.header) + ToString(p.payload));
  return packets;
}

std::vector<std::string> CutAgain(const std::vector<Written>& frames) {
  Segmenter segmenter;
  std::vector<std::string> packets;
  for (const Written& frame : frames) {
    std::string bytes = frame.bytes;
    for (std::string& packet : PacketsOf(segmenter.Cut(frame.offload, ParseSample(&bytes)))) {
      packets.push_back(std::move(packet));
    }
  }
  return packets;
}

Streams ByFlow(const std::vector<std::string>& packets) {
  Streams streams;
  for (const std::string& packet : packets) streams[FlowOf(packet)].push_back(Normal(packet));
  return streams;
}

}  // namespace heddle::node::forwarder
