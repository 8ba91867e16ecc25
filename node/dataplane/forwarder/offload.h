// What comes before each packet that is read from or written to a TUN device with IFF_VNET_HDR: the
// virtio_net_hdr of <linux/virtio_net.h>, which is no C++ (virtio specification 1.2, section
// 5.1.6). Numbers are in the host's order, as TUN has them unless told otherwise. All zero: nothing
// is left to do for the packet.
#pragma once

#include <cstdint>

namespace heddle::node::forwarder {

struct Offload {
  // Of `flags`: the sum of the pseudo-header stands where the checksum should, which is of all
  // bytes from checksum_start on.
  static constexpr std::uint8_t kNeedsChecksum = 1;
  enum Kind : std::uint8_t { kNone = 0, kTcpV4 = 1, kTcpV6 = 4, kUdp = 5 };
  // Beside the kind: CWR is set, and belongs to the first segment alone (RFC 3168).
  static constexpr std::uint8_t kEcn = 0x80;

  std::uint8_t flags = 0;
  std::uint8_t kind = kNone;          // gso_type
  std::uint16_t header_bytes = 0;     // hdr_len; a hint: what is read may say more
  std::uint16_t segment_bytes = 0;    // gso_size, of payload
  std::uint16_t checksum_start = 0;   // csum_start
  std::uint16_t checksum_offset = 0;  // csum_offset, from there
};
static_assert(sizeof(Offload) == 10, "as the kernel has it");

}  // namespace heddle::node::forwarder
