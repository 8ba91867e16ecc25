// One datagram, and the source address that its receiver sees: the proof of every NAT rule.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ip.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

struct Datagram {
  const NetworkNamespace& from;
  std::optional<Ip> source;  // bound to it; absent: the kernel chooses
  const NetworkNamespace& to;
  Ip destination;  // multicast: the receiver joins the group on `multicast_link`
  std::uint16_t port = 9000;
  const char* multicast_link = "eth0";  // of both ends
};

// The source address as seen by the receiver, or nothing if the datagram does not arrive within a
// second. Throws LabError.
std::optional<Ip> SourceSeen(const Datagram& datagram);

// Whether the receiver's answer finds its way back to the sender's socket.
bool AnswerArrives(const Datagram& datagram);

}  // namespace heddle::lab
