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
#include "absl/types/span.h"
#include "node/dataplane/forwarder/descriptor.h"

namespace heddle::node::forwarder {

inline constexpr std::size_t kMaxMessageBytes = 64 << 20;  // 1 M tunnels
inline constexpr std::size_t kMaxDescriptors = 250;        // the kernel's SCM_MAX_FD is 253
// A worker has three descriptors, a queue and a socket per family, and all go in one message.
inline constexpr int kMaxWorkers = 80;

struct ControlMessage {
  std::string bytes;
  std::vector<Descriptor> descriptors;
};

class ControlChannel {
 public:
  explicit ControlChannel(Descriptor socket) : socket_(std::move(socket)) {}

  // Unavailable: nobody listens there. PermissionDenied: who listens is neither root nor this user.
  // InvalidArgument: the path is too long for a Unix socket.
  static absl::StatusOr<ControlChannel> Connect(const std::string& path);

  // DeadlineExceeded, Unavailable (the other end is gone), InvalidArgument (too long). The channel
  // is of no more use after the first two, here and below: a part of a message may have gone.
  absl::Status Send(absl::string_view bytes, absl::Span<const int> descriptors,
                    absl::Duration limit);
  // OutOfRange: the other end closed the connection between two messages. DataLoss: within one.
  // InvalidArgument: it says that the message is longer than any may be. ResourceExhausted: this
  // process may hold no more descriptors; those that came are closed.
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
