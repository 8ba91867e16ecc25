// Packets for tests, put together byte by byte with a checksum of their own making, so that nothing
// under test is what it is tested with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "node/dataplane/forwarder/offload.h"
#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

// One packet of TCP or UDP.
struct Sample {
  Family family = Family::kV4;
  bool is_tcp = true;
  std::string source, destination;  // empty: the hosts 2 and 9 of 10.4.0.0/16 or fd04::/64
  std::uint16_t source_port = 40000, destination_port = 5201;
  std::string payload;
  // IP.
  std::uint8_t tos = 0, hop_limit = 63;
  std::uint16_t id = 7;          // IPv4
  bool dont_fragment = true;     // IPv4
  std::uint32_t flow_label = 9;  // IPv6
  std::string extensions;        // IPv4: options; IPv6: extension headers, of kExtensionKind
  // TCP.
  std::uint32_t sequence = 1000, acknowledged = 77;
  std::uint8_t flags = 0x10, reserved = 0;
  std::uint16_t window = 512, urgent = 0;
  std::string options;  // a multiple of four bytes

  std::string Bytes() const;

  static constexpr std::uint8_t kExtensionKind = 60;  // destination options
};

// A frame as the kernel gives or takes it: one packet with the sum of the pseudo-header where its
// checksum should stand.
struct SampleFrame {
  Offload offload;
  std::string bytes;
};
SampleFrame MakeFrame(const Sample& sample, std::size_t segment_bytes);

// What the sender would have made of it without offload: packets with up to `segment_bytes` of
// payload each.
std::vector<std::string> SegmentsOf(const Sample& whole, std::size_t segment_bytes);

// RFC 1071, two bytes at a time. 0: of something with its own right checksum in it.
std::uint16_t PlainChecksum(absl::string_view bytes);

// What is wrong with the lengths and checksums of a packet of TCP or UDP, whose headers are all
// there; empty: nothing.
std::string WrongWith(absl::string_view packet);

// The packet that `bytes` are, which must be one.
Packet ParseSample(std::string* bytes);

std::string ToString(absl::Span<const std::uint8_t> bytes);
// `size` bytes that do not repeat soon and depend on `seed`.
std::string SamplePayload(std::size_t size, std::uint32_t seed = 1);

}  // namespace heddle::node::forwarder
