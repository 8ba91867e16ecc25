// Datagrams on their way out, grouped into what one system call sends with UDP_SEGMENT: equal ones
// to one endpoint, of which the last may be shorter. Those of one endpoint keep their order. Pure.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "base/socket_address.h"
#include "node/dataplane/forwarder/segment.h"
#include "node/dataplane/forwarder/tunnel_table.h"

namespace heddle::node::forwarder {

struct Train {
  const Endpoint* to = nullptr;
  SocketAddress address;      // of `to`
  std::vector<iovec> pieces;  // datagram by datagram; none begins within a piece
  std::size_t datagrams = 0;
  std::size_t datagram_bytes = 0;  // of each but the last
  std::size_t bytes = 0;           // of all
  bool is_full = false;            // takes no more
};

// Owned by one worker and used again and again: its memory stays.
class Trains {
 public:
  // UDP_MAX_SEGMENTS of kernels before 6.9, and what one IPv4 datagram can carry.
  static constexpr std::size_t kMaxDatagrams = 64;
  static constexpr std::size_t kMaxBytes = 65507;

  // The bytes stay where they are, and `to` is the same for the same endpoint, until Clear.
  void Add(const Endpoint* to, const Pieces& datagram);
  absl::Span<const Train> all() const { return {trains_.data(), used_}; }
  bool empty() const { return used_ == 0; }
  void Clear() { used_ = 0; }

 private:
  // The endpoint's last train, if it takes a datagram of that size; else a new one.
  Train& TrainFor(const Endpoint* to, std::size_t bytes);

  std::vector<Train> trains_;  // the first used_ are those since Clear
  std::size_t used_ = 0;
};

}  // namespace heddle::node::forwarder
