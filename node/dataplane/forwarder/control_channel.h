// Messages of control.proto over a Unix stream socket, with descriptors beside them. Blocking, with
// a time limit. A message is a length of four bytes in network order, then the bytes; descriptors
// come with the first byte, at most kMaxDescriptors.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::node::forwarder {

inline constexpr std::size_t kMaxMessageBytes = 64 << 20;  // 1 M tunnels
inline constexpr std::size_t kMaxDescriptors = 250;        // the kernel's SCM_MAX_FD is 253

// A descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct ControlMessage {
  std::string bytes;
  std::vector<Descriptor> descriptors;
};

class ControlChannel {
 public:
  explicit ControlChannel(Descriptor socket) : socket_(std::move(socket)) {}

  // Unavailable: nobody listens there. PermissionDenied: who listens is neither root nor this user.
  static absl::StatusOr<ControlChannel> Connect(const std::string& path);

  // DeadlineExceeded, Unavailable (the other end is gone), InvalidArgument (too long).
  absl::Status Send(absl::string_view bytes, absl::Span<const int> descriptors,
                    absl::Duration limit);
  // OutOfRange: the other end closed the connection between two messages. DataLoss: within one.
  absl::StatusOr<ControlMessage> Receive(absl::Duration limit);

  int fd() const { return socket_.get(); }
  // The process at the other end, for messages; 0: not known.
  int peer_pid() const;
  // Whether the other end is root or this process's own user.
  bool IsPeerTrusted() const;

 private:
  Descriptor socket_;
};

}  // namespace heddle::node::forwarder
