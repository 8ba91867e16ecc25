// Checks the checksums of packets as a link delivers them.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "tests/lab/netns.h"
#include "tests/lab/socket.h"

namespace heddle::lab {

// Takes the offloads of a link away, so that the kernel sends through it only whole packets with
// checksums in them, none larger than the MTU.
void SwitchOffloadsOff(const NetworkNamespace& netns, const std::string& link);

// Looks at all TCP and UDP packets that arrive through a link, from construction to Stop().
class ChecksumWatch {
 public:
  struct Seen {
    int right = 0, wrong = 0;
    int unfinished = 0;     // the kernel has left the checksum to the receiver: offloads are on
    int largest_bytes = 0;  // of a packet
    int missed = 0;         // packets that came faster than they were looked at
    std::string first_wrong;
  };

  // With `tunnel_port`: not those packets, but the IP packets in their UDP datagrams to this port.
  ChecksumWatch(const NetworkNamespace& netns, const std::string& link,
                std::optional<std::uint16_t> tunnel_port = {});
  ~ChecksumWatch();
  ChecksumWatch(const ChecksumWatch&) = delete;
  ChecksumWatch& operator=(const ChecksumWatch&) = delete;

  Seen Stop();

 private:
  void Loop();
  void Look(absl::string_view packet, bool unfinished);

  const std::optional<std::uint16_t> tunnel_port_;
  Socket socket_;
  Seen seen_;  // the thread's until it is joined
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace heddle::lab
