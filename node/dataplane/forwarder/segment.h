// From what a TUN device gives to datagrams: one frame of up to 64 KiB, which the kernel left whole
// because we said that we can cut it (TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6), becomes
// packets with headers and checksums of their own. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/offload.h"
#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

// A packet in two pieces, so that payload stays where it is. That of a packet that was not cut is
// empty: all of it is header.
struct Pieces {
  absl::Span<const std::uint8_t> header, payload;
  std::size_t size() const { return header.size() + payload.size(); }
};

// Segments of at most one frame. Owned by one worker, and used again for each frame: it allocates
// for the largest frame so far.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaderBytes = 1024;  // IP with extension headers, TCP or UDP
  // A stream with a tiny MSS fills a frame with that many (the kernel's TCP_MIN_GSO_SIZE is 8).
  static constexpr std::size_t kMaxSegments = 65535 / 8;

  // Cuts `packet`, which came with `offload`. The pieces are valid until the next call, and as long
  // as the packet's bytes, which are written to where a checksum was left to us. All pieces but the
  // last are of one size. Empty: the two contradict each other; the bytes are as they were.
  absl::Span<const Pieces> Cut(const Offload& offload, const Packet& packet);

 private:
  std::vector<std::uint8_t> headers_;
  std::vector<Pieces> pieces_;
};

}  // namespace heddle::node::forwarder
