// From peers to the TUN device: one batch of datagrams, each judged, put together into frames.
#pragma once

#include <cstdint>

#include "base/ip.h"
#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/icmp_errors.h"
#include "node/dataplane/forwarder/packet.h"
#include "node/dataplane/forwarder/tun_queue.h"
#include "node/dataplane/forwarder/tunnel_table.h"
#include "node/dataplane/forwarder/udp_receiver.h"

namespace heddle::node::forwarder {

// Used by one worker. What it is given outlives it.
class Inbound {
 public:
  // `senders`: sockets that errors go back through, by the family of the endpoint.
  Inbound(TunQueue* tun, const PerFamily<int>& senders, const CoalesceOptions& options,
          Counters* counters);

  // Takes what waits at the socket, up to a bound, and gives it to the device.
  void Run(const TunnelTable& table, UdpReceiver* receiver);

 private:
  void Take(const TunnelTable& table, const Ip& from, absl::Span<std::uint8_t> datagram);
  bool Accept(const TunnelTable& table, const Ip& from, const Packet& packet);
  void Deliver(const Frame& frame);
  void TellOutOfHops(const TunnelTable& table, const Packet& packet);

  TunQueue* const tun_;
  const PerFamily<int> senders_;
  Counters* const counters_;
  Coalescer coalescer_;
  ReceiveBuffers buffers_;
  IcmpErrors errors_;
  // Packets that follow one another mostly have the same addresses. Null: none was accepted yet in
  // this batch, within which the table stays and so do the bytes.
  Ip last_from_;
  const std::uint8_t* last_addresses_ = nullptr;
  Family last_family_ = Family::kV4;
};

}  // namespace heddle::node::forwarder
