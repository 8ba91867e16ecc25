// What a forwarder did, and what it dropped and why. One list of names, for the code, the control
// socket and the people who read them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace heddle::node::forwarder {

enum class Count {
  kSentPackets,         // IP packets sent to peers
  kSentBytes,           // of these packets
  kReceivedPackets,     // IP packets from peers, given to the kernel
  kReceivedBytes,       // of these packets
  kDroppedNoTunnel,     // to no peer's subnet; told by ICMP
  kDroppedUnknownPeer,  // from an underlay address of no peer
  kDroppedSpoofed,      // from a peer, but not from its subnet
  kDroppedNotOurs,      // from a peer, but not to a subnet of this host
  kDroppedMalformed,    // no IP packet, or one that contradicts itself
  kDroppedHopLimit,     // out of hops; told by ICMP
  kDroppedUnsent,       // the kernel took neither the whole nor the parts: no buffer, no route
  kDroppedUndelivered,  // the TUN device did not take it
  kSystemCallsSend,
  kSystemCallsReceive,
  kSystemCallsTunRead,
  kSystemCallsTunWrite,
};
inline constexpr int kCountSize = static_cast<int>(Count::kSystemCallsTunWrite) + 1;

// "sent_packets", "dropped_spoofed", ...
absl::string_view CountName(Count count);

// Written by one thread, read by any.
class alignas(64) Counters {
 public:
  void Add(Count count, std::uint64_t n = 1) {
    auto& value = values_[static_cast<int>(count)];
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t Get(Count count) const {
    return values_[static_cast<int>(count)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCountSize> values_{};
};

}  // namespace heddle::node::forwarder
