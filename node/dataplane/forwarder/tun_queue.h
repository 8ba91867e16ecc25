// One queue of a TUN device, frame by frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/offload.h"

namespace heddle::node::forwarder {

// Used by one worker. Borrows the descriptor, which is non-blocking.
class TunQueue {
 public:
  // The longest packet that a frame may hold, and what must be free in front of it.
  static constexpr std::size_t kMaxPacketBytes = 65535;
  static constexpr std::size_t kHeadroomBytes = sizeof(Offload);

  TunQueue(int fd, bool vnet_header, Counters* counters)
      : fd_(fd), header_bytes_(vnet_header ? sizeof(Offload) : 0), counters_(counters) {}

  int fd() const { return fd_; }
  // The device was removed: the queue is of no more use.
  bool is_gone() const { return is_gone_; }

  // Reads one packet to `at`, in front of which kHeadroomBytes are written to as well, and of which
  // kMaxPacketBytes may be. Empty: there is none now.
  absl::Span<std::uint8_t> Read(std::uint8_t* at, Offload* offload);

  // False: the device did not take it, as when it is down.
  bool Write(const Frame& frame);
  // The same, of a packet that is as it should be.
  bool Write(absl::Span<const std::uint8_t> packet);

 private:
  bool Write(absl::Span<const iovec> pieces);

  const int fd_;
  const std::size_t header_bytes_;
  Counters* const counters_;
  bool is_gone_ = false;
};

}  // namespace heddle::node::forwarder
