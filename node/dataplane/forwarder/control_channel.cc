#include "node/dataplane/forwarder/control_channel.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder/unix_address.h"

namespace heddle::node::forwarder {
namespace {

using LengthPrefix = std::uint32_t;
// What is taken in one call, so that memory is taken for what came and not for what was promised.
constexpr std::size_t kChunkBytes = 1 << 20;

// Room for the descriptors of one message.
struct DescriptorBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
};

absl::Status Gone() { return absl::UnavailableError("the other end closed the connection"); }

absl::Status WaitFor(int fd, short events, absl::Time deadline) {
  while (true) {
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    pollfd waiting{fd, events, 0};
    const double milliseconds = std::ceil(absl::ToDoubleMilliseconds(left));
    const int ready = poll(&waiting, 1, static_cast<int>(std::min(milliseconds, 1e9)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "cannot wait for a socket");
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError("the other end did not answer in time");
    }
  }
}

void Attach(absl::Span<const int> descriptors, DescriptorBuffer* buffer, msghdr* message) {
  if (descriptors.empty()) return;
  const std::size_t bytes = descriptors.size() * sizeof(int);
  message->msg_control = buffer->bytes;
  message->msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* control = CMSG_FIRSTHDR(message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(bytes);
  memcpy(CMSG_DATA(control), descriptors.data(), bytes);
}

// Whatever came is owned from here on.
void Detach(msghdr* message, std::vector<Descriptor>* descriptors) {
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr;
       control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
      descriptors->emplace_back(fd);
    }
  }
}

// Up to `bytes` of what is there, and descriptors with it. Fewer than asked for is no error; none
// is the end.
absl::StatusOr<std::size_t> ReceiveSome(int fd, char* to, std::size_t bytes, absl::Time deadline,
                                        std::vector<Descriptor>* descriptors) {
  while (true) {
    DescriptorBuffer buffer;
    iovec content{to, bytes};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = buffer.bytes;
    message.msg_controllen = sizeof(buffer.bytes);
    const ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got >= 0) {
      Detach(&message, descriptors);
      if (message.msg_flags & MSG_CTRUNC) {
        return absl::ResourceExhaustedError(
            "not all descriptors of a message could be taken: raise the limit of open files");
      }
      return static_cast<std::size_t>(got);
    }
    if (errno == ECONNRESET) return 0;
    if (errno != EAGAIN && errno != EINTR) return absl::ErrnoToStatus(errno, "cannot receive");
    HEDDLE_RETURN_IF_ERROR(WaitFor(fd, POLLIN, deadline));
  }
}

}  // namespace

absl::StatusOr<ControlChannel> ControlChannel::Connect(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const sockaddr_un address, ToUnixAddress(path));
  Descriptor opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!opened.is_open() ||
      connect(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::UnavailableError(
        absl::StrCat("no forwarder answers at ", path, ": ", strerror(errno)));
  }
  ControlChannel channel(std::move(opened));
  if (!channel.IsPeerTrusted()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the program that listens at ", path,
        " runs as another user, neither root nor this one: stop it and remove the socket"));
  }
  return channel;
}

absl::Status ControlChannel::Send(absl::string_view bytes, absl::Span<const int> descriptors,
                                  absl::Duration limit) {
  if (bytes.size() > kMaxMessageBytes || descriptors.size() > kMaxDescriptors) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a message of ", bytes.size(), " bytes and ", descriptors.size(),
        " descriptors is too long: at most ", kMaxMessageBytes, " and ", kMaxDescriptors));
  }
  const absl::Time deadline = absl::Now() + limit;
  LengthPrefix length = htobe32(static_cast<LengthPrefix>(bytes.size()));
  const std::size_t all = sizeof(length) + bytes.size();
  for (std::size_t done = 0; done < all;) {
    iovec content[2] = {};
    const std::size_t of_prefix = std::min(done, sizeof(length)), of_bytes = done - of_prefix;
    content[0] = {reinterpret_cast<char*>(&length) + of_prefix, sizeof(length) - of_prefix};
    content[1] = {const_cast<char*>(bytes.data()) + of_bytes, bytes.size() - of_bytes};
    DescriptorBuffer buffer;
    msghdr message{};
    message.msg_iov = content;
    message.msg_iovlen = 2;
    Attach(done == 0 ? descriptors : absl::Span<const int>(), &buffer, &message);
    const ssize_t sent = sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return Gone();
    } else if (errno != EAGAIN && errno != EINTR) {
      return absl::ErrnoToStatus(errno, "cannot send");
    } else {
      HEDDLE_RETURN_IF_ERROR(WaitFor(fd(), POLLOUT, deadline));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ControlMessage> ControlChannel::Receive(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  ControlMessage message;
  char prefix[sizeof(LengthPrefix)];
  for (std::size_t got = 0; got < sizeof(prefix);) {
    HEDDLE_ASSIGN_OR_RETURN(
        const std::size_t n,
        ReceiveSome(fd(), prefix + got, sizeof(prefix) - got, deadline, &message.descriptors));
    if (n == 0 && got == 0) return absl::OutOfRangeError("the other end closed the connection");
    if (n == 0) return absl::DataLossError("the connection ended within a message");
    got += n;
  }
  LengthPrefix length;
  memcpy(&length, prefix, sizeof(length));
  const std::size_t size = be32toh(length);
  if (size > kMaxMessageBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", size, " bytes is too long: at most ", kMaxMessageBytes));
  }
  while (message.bytes.size() < size) {
    const std::size_t got = message.bytes.size();
    const std::size_t room = std::min(size - got, kChunkBytes);
    message.bytes.resize(got + room);
    HEDDLE_ASSIGN_OR_RETURN(const std::size_t n, ReceiveSome(fd(), &message.bytes[got], room,
                                                             deadline, &message.descriptors));
    if (n == 0) return absl::DataLossError("the connection ended within a message");
    message.bytes.resize(got + n);
  }
  return message;
}

int ControlChannel::peer_pid() const {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

bool ControlChannel::IsPeerTrusted() const {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

}  // namespace heddle::node::forwarder
