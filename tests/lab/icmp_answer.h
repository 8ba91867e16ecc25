// What routers and hosts answer to a packet that they do not deliver.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "base/ip.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

struct IcmpAnswer {
  Ip from;
  int type = 0, code = 0;       // of ICMP or ICMPv6, as the destination's family has it
  std::uint32_t mtu_bytes = 0;  // of "fragmentation needed" and "packet too big"
};

struct Probe {
  Ip destination;
  int hop_limit = 64;
  int packet_bytes = 84;       // with the IP header; never fragmented
  std::uint16_t port = 33434;  // a pod with nobody there answers "port unreachable"
};

// Sends a UDP packet; the first ICMP error about it, or nothing within `limit`. Throws LabError
// when the kernel of `from` refuses to send it.
std::optional<IcmpAnswer> AnswerTo(const Probe& probe, const NetworkNamespace& from,
                                   absl::Duration limit = absl::Seconds(2));

}  // namespace heddle::lab
