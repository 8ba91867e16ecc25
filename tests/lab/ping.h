// Pings: one that must arrive, and a stream that counts what does not.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/ip.h"
#include "gtest/gtest.h"
#include "tests/lab/icmp_echo.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

// Whether a reply to one request comes within `limit`. `packet_bytes` counts the IP header; the
// packet is never fragmented.
testing::AssertionResult Pings(const NetworkNamespace& from, const Ip& to, int packet_bytes = 84,
                               absl::Duration limit = absl::Seconds(2));

// A hundred pings a second, from construction to Stop().
class PingStream {
 public:
  PingStream(const NetworkNamespace& from, const Ip& to);
  ~PingStream();
  PingStream(const PingStream&) = delete;
  PingStream& operator=(const PingStream&) = delete;

  // Ends it, gives late replies a second, and says which requests have none. Failure if any, or if
  // fewer than ten were sent.
  testing::AssertionResult StopWithoutLoss();
  int sent() const { return sent_; }

 private:
  void Loop();

  std::string label_;
  IcmpEcho echo_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> sent_{0};
  std::vector<bool> answered_;  // by sequence; the loop's until it is joined
  std::thread thread_;
};

}  // namespace heddle::lab
