// Bulk transfers between two namespaces, of which every byte is compared where it arrives.
#pragma once

#include <cstddef>

#include "absl/time/time.h"
#include "base/ip.h"
#include "gtest/gtest.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

struct Route {
  const NetworkNamespace& from;
  const NetworkNamespace& to;
  Ip destination;  // of `to`
};

// Over one TCP connection. Failure: a byte is not what was sent, or nothing moves for `patience`.
testing::AssertionResult TcpArrives(const Route& route, std::size_t bytes,
                                    absl::Duration patience = absl::Seconds(10));

struct UdpLoad {
  int bursts = 200;
  int datagrams = 32;        // of a burst; the next one begins when all of this one are there
  int payload_bytes = 1400;  // the last of a burst is shorter
  bool segmented = false;    // a burst is one system call, which the kernel cuts (UDP_SEGMENT)
  int most_lost = 0;         // of all; each costs a tenth of a second
};

// Failure: a datagram is not what was sent, comes twice, or more are lost than may be.
testing::AssertionResult UdpArrives(const Route& route, const UdpLoad& load);

}  // namespace heddle::lab
