// From the TUN device to peers: one batch of frames, cut into packets, each to the endpoint behind
// which its destination is.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/icmp_errors.h"
#include "node/dataplane/forwarder/segment.h"
#include "node/dataplane/forwarder/trains.h"
#include "node/dataplane/forwarder/tun_queue.h"
#include "node/dataplane/forwarder/tunnel_table.h"
#include "node/dataplane/forwarder/udp_sender.h"

namespace heddle::node::forwarder {

// Used by one worker. What it is given outlives it.
class Outbound {
 public:
  // A family without a sender: its packets are dropped and counted as unsent.
  Outbound(TunQueue* tun, const PerFamily<UdpSender*>& senders, Counters* counters);

  // Takes what waits in the queue, up to a bound, and sends it. Only while not blocked.
  void Run(const TunnelTable& table);

  // A socket's buffer is full: what is left of the batch waits for Resume(), and more in the
  // queue, where the kernel sees to it that those who send too much are slowed down.
  bool is_blocked() const { return is_blocked_; }
  void Resume();
  // The last of it: what does not go now is dropped and counted.
  void GiveUp();

 private:
  static constexpr std::size_t kMaxFrames = 64;
  // Some frames of 64 KiB, and what fits into a core's cache.
  static constexpr std::size_t kArenaBytes = 384 << 10;

  // True: there may be more.
  bool TakeFrame(const TunnelTable& table, std::size_t number);
  void Route(const TunnelTable& table, const Packet& packet, const Offload& offload,
             std::size_t number);
  Trains& TrainsTo(const Endpoint& to) { return trains_[static_cast<int>(to.address.family())]; }

  TunQueue* const tun_;
  const PerFamily<UdpSender*> senders_;
  Counters* const counters_;
  IcmpErrors errors_;
  const std::unique_ptr<std::uint8_t[]> arena_;
  std::size_t used_ = 0;               // of the arena
  std::vector<Segmenter> segmenters_;  // one per frame: segments stay until they are sent
  std::array<Trains, kFamilies.size()> trains_;
  bool is_blocked_ = false;
};

}  // namespace heddle::node::forwarder
