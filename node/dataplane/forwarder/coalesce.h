// From datagrams to what a TUN device takes: consecutive segments of one TCP stream, or equal UDP
// datagrams of one flow, become one frame of up to 64 KiB with an Offload before it, so that the
// kernel does its work once for all of them. Pure.
//
// Only what the kernel could have sent whole is put together: same addresses, ports, TOS, hop
// limit, flags and options, sequence numbers without a gap, equal sizes but for the last, IPv4 ids
// that count up or stay with DF set, and right checksums, which are all checked, because a frame
// says that they are. Whatever else goes through as it came. Packets of one flow keep their order.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/candidate.h"
#include "node/dataplane/forwarder/offload.h"
#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

// What one write to a TUN device takes.
struct Frame {
  Offload offload;
  // For writev: `offload`, then the first packet, then payloads. At most kMaxPieces.
  absl::Span<const iovec> pieces;
  std::size_t packets = 0;  // that it was made of
  std::size_t bytes = 0;    // of the packet, without `offload`

  static constexpr std::size_t kMaxPieces = 1024;  // the kernel's UIO_MAXIOV
  // For a device that was opened without IFF_VNET_HDR.
  absl::Span<const iovec> without_offload() const { return pieces.subspan(1); }
};

struct CoalesceOptions {
  bool tcp = true;   // TUN_F_TSO4 and TUN_F_TSO6 were accepted
  bool udp = false;  // TUN_F_USO4 and TUN_F_USO6 were accepted, so frames of UDP are, too
};

// Owned and used by one worker. It allocates for the largest batch so far.
class Coalescer {
 public:
  explicit Coalescer(const CoalesceOptions& options) : options_(options) {}
  Coalescer(const Coalescer&) = delete;
  Coalescer& operator=(const Coalescer&) = delete;

  // Takes a packet whose bytes stay where they are until Clear, and may be written to.
  void Add(const Packet& packet);
  // What came of the packets since Clear, in an order that no flow can tell from theirs. Headers of
  // frames are completed by this; call it once. Valid until the next Add or Clear.
  absl::Span<const Frame> Finish();
  void Clear();

 private:
  // Packets that become one frame.
  struct Run {
    Candidate first;
    std::size_t packets = 1;
    std::size_t bytes = 0;  // of the frame
    bool pushes = false;    // the last packet does
  };
  // A run that may still grow.
  struct Open {
    std::uint64_t tag = 0;
    std::size_t run = kNone;
  };
  // Of a packet, what goes into the frame of its run.
  struct Share {
    std::size_t run;
    iovec piece;
  };
  static constexpr std::size_t kNone = -1;
  static constexpr std::size_t kMaxOpen = 16;

  // Of the candidate's flow; null: there is none.
  Open* FindOpen(const Candidate& candidate, std::uint64_t tag);
  void CloseAllBetween(const Packet& packet);
  // False: the segment does not fit, and is of no run.
  bool Append(const Candidate& segment, Open* open);
  // The run's number.
  std::size_t Begin(const Candidate& first);
  void OfferToFollowers(std::size_t run, std::uint64_t tag);

  const CoalesceOptions options_;
  std::vector<Run> runs_;
  std::vector<Share> shares_;
  std::array<Open, kMaxOpen> open_;  // a ring: the oldest makes room
  std::size_t oldest_open_ = 0;
  std::vector<Frame> frames_;
  std::vector<iovec> pieces_;
  std::vector<std::size_t> next_piece_;  // by run, while pieces are laid out
};

}  // namespace heddle::node::forwarder
