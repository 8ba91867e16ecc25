// Receives datagrams from a UDP socket, many in one system call if the kernel can.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/ip.h"
#include "base/socket_address.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/features.h"

namespace heddle::node::forwarder {

// What one receive gave: datagrams of one sender, one behind the other.
struct Bundle {
  Ip from;
  absl::Span<std::uint8_t> bytes;
  std::size_t datagram_bytes = 0;  // of each but the last, which may be shorter
};

// Where a worker's sockets receive to; its memory is touched as far as it is needed.
class ReceiveBuffers {
 public:
  static constexpr std::size_t kCount = 64;
  static constexpr std::size_t kBytes = 64 << 10;

  ReceiveBuffers();
  std::uint8_t* at(std::size_t i) { return &memory_[i * kBytes]; }
  mmsghdr* headers() { return headers_.data(); }
  // Makes the first `count` ready to receive.
  void Prepare(std::size_t count);
  Bundle Read(std::size_t i);

 private:
  struct alignas(cmsghdr) Control {
    char bytes[CMSG_SPACE(sizeof(int))];
  };
  const std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> pieces_;
  std::vector<SocketAddress> senders_;
  std::vector<Control> controls_;
};

// Used by one worker. Borrows the descriptor, which is non-blocking.
class UdpReceiver {
 public:
  UdpReceiver(int fd, const Features& features, Counters* counters)
      : fd_(fd), uses_mmsg_(features.mmsg), counters_(counters) {}

  int fd() const { return fd_; }
  // Some of what waits, in `buffers`; none: nothing does, or there was an error to be told, such as
  // what an earlier datagram met with on its way, and that is behind us now.
  absl::Span<const Bundle> Receive(ReceiveBuffers* buffers);

 private:
  const int fd_;
  const bool uses_mmsg_;
  Counters* const counters_;
  std::size_t room_ = 8;  // how many are asked for
  std::vector<Bundle> bundles_;
};

}  // namespace heddle::node::forwarder
