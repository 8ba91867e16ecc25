// A socket of a namespace, closed with its owner.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "base/ip.h"
#include "tests/lab/netns.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {

class Socket {
 public:
  // As socket(2); throws LabError.
  Socket(const NetworkNamespace& netns, int domain, int type, int protocol = 0);
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket();

  int fd() const { return fd_; }
  // Each throws LabError when the kernel refuses.
  void Set(int level, int option, int value) const;
  void Bind(const Ip& ip, std::uint16_t port = 0) const;
  // Of every later call that would wait.
  void SetTimeLimit(absl::Duration limit) const;
  SocketAddress local() const;

 private:
  int fd_ = -1;
};

}  // namespace heddle::lab
