// A non-blocking socket that sends ICMP echo requests, never in fragments, and gives their answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ip.h"
#include "node/probe/echo_packet.h"

namespace heddle::node {

// Owned and called by one thread; of the network namespace of the thread that opened it.
class EchoSocket {
 public:
  struct Answer {
    Ip from;
    std::uint64_t token = 0;
    absl::Time at;  // when the kernel had it, by the wall clock
  };

  // A raw socket; without CAP_NET_RAW a ping socket, where net.ipv4.ping_group_range allows one.
  // PermissionDenied: neither is allowed; says what to do. Another error: the kernel's.
  static absl::StatusOr<EchoSocket> Open(Family family);
  ~EchoSocket();
  EchoSocket(EchoSocket&& other) noexcept;
  EchoSocket& operator=(EchoSocket&&) = delete;

  int fd() const { return fd_; }
  // What a request must carry for its answer to come to this socket.
  EchoTag TagOf(std::uint64_t token) const { return {id_, token}; }
  // Sends a request that makes an IP packet of `packet_bytes`, whatever the kernel has learned of
  // the path. An error has the kernel's reason as its message.
  absl::Status Send(const Ip& from, const Ip& to, std::uint64_t token, int packet_bytes);
  // The next answer to a request of this socket's; nothing when none waits.
  std::optional<Answer> Receive();

 private:
  EchoSocket(Family family, int fd, bool is_raw, std::uint16_t id)
      : family_(family), fd_(fd), is_raw_(is_raw), id_(id) {}
  absl::Status Configure();
  absl::Status TakeId();

  Family family_;
  int fd_;
  bool is_raw_;
  std::uint16_t id_;  // tells our answers from those to other programs
};

}  // namespace heddle::node
