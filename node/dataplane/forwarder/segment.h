// From what a TUN device gives to datagrams: one frame of up to 64 KiB, which the kernel left whole
// because we said that we can cut it (TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6), becomes
// packets with headers and checksums of their own. Pure. The frame's header is virtio's: virtio
// specification 1.2, section 5.1.6, struct virtio_net_hdr in <linux/virtio_net.h>.
#pragma once

#include <linux/virtio_net.h>

#include <array>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

// A packet in two pieces, so that payload stays where it is.
struct Pieces {
  absl::Span<const std::uint8_t> header, payload;
  std::size_t size() const { return header.size() + payload.size(); }
};

// Segments of at most one frame. Owned by one worker, and used again for each frame.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaderBytes = 120;  // IPv4 60, TCP 60
  static constexpr std::size_t kMaxSegments = 1024;

  // Cuts `packet`, which came with `offload`. The pieces are valid until the next call, and as long
  // as the packet's bytes, which may be written to: a checksum that was left to us is filled in. All
  // pieces but the last are of one size. Empty: the two contradict each other.
  absl::Span<const Pieces> Cut(const virtio_net_hdr& offload, const Packet& packet);

 private:
  std::vector<std::uint8_t> headers_;
  std::vector<Pieces> pieces_;
};

}  // namespace heddle::node::forwarder
