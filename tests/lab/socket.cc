#include "tests/lab/socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/lab/error.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {

Socket::Socket(const NetworkNamespace& netns, int domain, int type, int protocol) {
  netns.Enter([&] {
    fd_ = socket(domain, type | SOCK_CLOEXEC, protocol);
    if (fd_ < 0) ThrowErrno("a socket in " + netns.name());
  });
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

void Socket::Set(int level, int option, int value) const {
  if (setsockopt(fd_, level, option, &value, sizeof value) != 0) {
    ThrowErrno(absl::StrCat("socket option ", option, " of level ", level));
  }
}

void Socket::Bind(const Ip& ip, std::uint16_t port) const {
  const SocketAddress address = ToSocketAddress(ip, port);
  if (bind(fd_, address.get(), address.length) != 0) {
    ThrowErrno(absl::StrCat("bind ", ip.ToString(), " port ", port));
  }
}

void Socket::SetTimeLimit(absl::Duration limit) const {
  const timeval value = absl::ToTimeval(Scaled(limit));
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (setsockopt(fd_, SOL_SOCKET, option, &value, sizeof value) != 0) ThrowErrno("a time limit");
  }
}

SocketAddress Socket::local() const {
  SocketAddress address;
  if (getsockname(fd_, address.get(), &address.length) != 0) ThrowErrno("getsockname");
  return address;
}

}  // namespace heddle::lab
