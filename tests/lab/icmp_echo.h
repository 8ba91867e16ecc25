// An ICMP echo socket for either family: one code path for both.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "base/ip.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

// Owned by one thread at a time.
class IcmpEcho {
 public:
  // Sends from `netns`, never fragmented, however big. Throws LabError.
  IcmpEcho(const NetworkNamespace& netns, const Ip& destination);
  ~IcmpEcho();
  IcmpEcho(const IcmpEcho&) = delete;
  IcmpEcho& operator=(const IcmpEcho&) = delete;

  // Sends one request of `packet_bytes` in all, IP header included. False when the kernel refuses
  // it (no route, too big for the interface).
  bool Send(std::uint16_t sequence, int packet_bytes);
  // The sequence of the next reply to this socket's requests, or nothing after `limit`.
  std::optional<std::uint16_t> Receive(absl::Duration limit);

 private:
  Ip destination_;
  std::uint16_t id_;
  int fd_ = -1;
};

}  // namespace heddle::lab
