#include "node/dataplane/forwarder/sample_packets.h"

#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kTcp = 6, kUdp = 17;

// Big-endian, as all of this is.
void Append(std::uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

std::uint64_t NumberAt(absl::string_view bytes, std::size_t at, int size) {
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

void Put16(std::size_t at, std::uint16_t value, std::string* bytes) {
  (*bytes)[at] = static_cast<char>(value >> 8);
  (*bytes)[at + 1] = static_cast<char>(value & 0xff);
}

std::string PseudoHeader(absl::string_view addresses, int protocol, std::size_t segment_bytes) {
  std::string bytes(addresses);
  Append(segment_bytes, 4, &bytes);
  Append(protocol, 4, &bytes);
  return bytes;
}

std::string Addresses(const Sample& sample) {
  const bool v4 = sample.family == Family::kV4;
  const std::string source = !sample.source.empty() ? sample.source : v4 ? "10.4.0.2" : "fd04::2";
  const std::string destination = !sample.destination.empty() ? sample.destination
                                  : v4                        ? "10.4.0.9"
                                                              : "fd04::9";
  return Ip::Parse(source)->ToBytes() + Ip::Parse(destination)->ToBytes();
}

std::string IpHeader(const Sample& sample, std::size_t segment_bytes) {
  std::string header;
  const int protocol = sample.is_tcp ? kTcp : kUdp;
  if (sample.family == Family::kV6) {
    Append(6u << 28 | static_cast<std::uint32_t>(sample.tos) << 20 | sample.flow_label, 4, &header);
    Append(sample.extensions.size() + segment_bytes, 2, &header);
    Append(sample.extensions.empty() ? protocol : Sample::kExtensionKind, 1, &header);
    Append(sample.hop_limit, 1, &header);
    return header + Addresses(sample) + sample.extensions;
  }
  const std::size_t header_bytes = 20 + sample.extensions.size();
  Append(0x40 | header_bytes / 4, 1, &header);
  Append(sample.tos, 1, &header);
  Append(header_bytes + segment_bytes, 2, &header);
  Append(sample.id, 2, &header);
  Append(sample.dont_fragment ? 0x4000 : 0, 2, &header);
  Append(sample.hop_limit, 1, &header);
  Append(protocol, 1, &header);
  Append(0, 2, &header);
  header += Addresses(sample) + sample.extensions;
  Put16(10, PlainChecksum(header), &header);
  return header;
}

// With a checksum of 0.
std::string Segment(const Sample& sample) {
  std::string segment;
  Append(sample.source_port, 2, &segment);
  Append(sample.destination_port, 2, &segment);
  if (!sample.is_tcp) {
    Append(8 + sample.payload.size(), 2, &segment);
    Append(0, 2, &segment);
    return segment + sample.payload;
  }
  Append(sample.sequence, 4, &segment);
  Append(sample.acknowledged, 4, &segment);
  Append((20 + sample.options.size()) / 4 << 4 | sample.reserved, 1, &segment);
  Append(sample.flags, 1, &segment);
  Append(sample.window, 2, &segment);
  Append(0, 2, &segment);
  Append(sample.urgent, 2, &segment);
  return segment + sample.options + sample.payload;
}

std::size_t ChecksumOffset(const Sample& sample) { return sample.is_tcp ? 16 : 6; }

}  // namespace

std::uint16_t PlainChecksum(absl::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<std::uint8_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(~sum);
}

std::string Sample::Bytes() const {
  std::string segment = Segment(*this);
  std::uint16_t checksum =
      PlainChecksum(PseudoHeader(Addresses(*this), is_tcp ? kTcp : kUdp, segment.size()) + segment);
  if (!is_tcp && checksum == 0) checksum = 0xffff;
  Put16(ChecksumOffset(*this), checksum, &segment);
  return IpHeader(*this, segment.size()) + segment;
}

SampleFrame MakeFrame(const Sample& sample, std::size_t segment_bytes) {
  std::string segment = Segment(sample);
  const std::string pseudo_header =
      PseudoHeader(Addresses(sample), sample.is_tcp ? kTcp : kUdp, segment.size());
  Put16(ChecksumOffset(sample), ~PlainChecksum(pseudo_header), &segment);
  const std::string ip = IpHeader(sample, segment.size());
  SampleFrame frame;
  frame.offload.flags = 1;
  frame.offload.kind = !sample.is_tcp ? 5 : sample.family == Family::kV4 ? 1 : 4;
  frame.offload.header_bytes =
      static_cast<std::uint16_t>(ip.size() + segment.size() - sample.payload.size());
  frame.offload.segment_bytes = static_cast<std::uint16_t>(segment_bytes);
  frame.offload.checksum_start = static_cast<std::uint16_t>(ip.size());
  frame.offload.checksum_offset = static_cast<std::uint16_t>(ChecksumOffset(sample));
  frame.bytes = ip + segment;
  return frame;
}

std::vector<std::string> SegmentsOf(const Sample& whole, std::size_t segment_bytes) {
  constexpr std::uint8_t kFinAndPush = 0x09, kCongestionWindowReduced = 0x80;
  std::vector<std::string> packets;
  for (std::size_t at = 0; at < whole.payload.size(); at += segment_bytes) {
    Sample part = whole;
    part.payload = whole.payload.substr(at, segment_bytes);
    part.id = static_cast<std::uint16_t>(whole.id + packets.size());
    part.sequence = whole.sequence + static_cast<std::uint32_t>(at);
    if (at > 0) part.flags &= ~kCongestionWindowReduced;
    if (at + segment_bytes < whole.payload.size()) part.flags &= ~kFinAndPush;
    packets.push_back(part.Bytes());
  }
  return packets;
}

std::string WrongWith(absl::string_view packet) {
  const bool v4 = packet[0] >> 4 == 4;
  const std::size_t header_bytes = v4 ? (packet[0] & 0xf) * 4 : 40;
  const std::size_t length = v4 ? NumberAt(packet, 2, 2) : 40 + NumberAt(packet, 4, 2);
  if (length != packet.size()) return absl::StrCat("says ", length, ", is ", packet.size());
  if (v4 && PlainChecksum(packet.substr(0, header_bytes)) != 0) return "the header's checksum";
  int protocol = packet[v4 ? 9 : 6];
  absl::string_view segment = packet.substr(header_bytes);
  while (!v4 && protocol == Sample::kExtensionKind) {
    protocol = segment[0];
    segment.remove_prefix(8 + 8 * static_cast<std::uint8_t>(segment[1]));
  }
  if (protocol == kUdp && NumberAt(segment, 4, 2) != segment.size()) return "UDP's length";
  if (protocol == kUdp && NumberAt(segment, 6, 2) == 0) return "UDP's checksum is none";
  const std::string pseudo_header =
      PseudoHeader(v4 ? packet.substr(12, 8) : packet.substr(8, 32), protocol, segment.size());
  return PlainChecksum(absl::StrCat(pseudo_header, segment)) == 0 ? "" : "the checksum";
}

Packet ParseSample(std::string* bytes) {
  const auto packet = ParsePacket({reinterpret_cast<std::uint8_t*>(&(*bytes)[0]), bytes->size()});
  if (!packet) std::abort();
  return *packet;
}

std::string ToString(absl::Span<const std::uint8_t> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

std::string SamplePayload(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string payload(size, '\0');
  for (char& byte : payload) byte = static_cast<char>(random() >> 24);
  return payload;
}

}  // namespace heddle::node::forwarder
