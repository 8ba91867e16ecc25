#include "node/instance_lock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

constexpr char kName[] = "heddle-node";

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Take() {
  InstanceLock lock(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (lock.fd_ < 0) {
    return absl::UnavailableError(absl::StrCat("cannot make a unix socket: ", strerror(errno)));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A leading zero byte makes the name abstract.
  memcpy(address.sun_path + 1, kName, sizeof(kName) - 1);
  const socklen_t length = offsetof(sockaddr_un, sun_path) + sizeof(kName);
  if (bind(lock.fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0) return lock;
  if (errno == EADDRINUSE) {
    return absl::FailedPreconditionError(
        "another heddle-node runs in this network namespace; stop it first (systemctl stop "
        "heddle-node)");
  }
  return absl::UnavailableError(
      absl::StrCat("cannot take the lock of heddle-node: ", strerror(errno)));
}

InstanceLock::~InstanceLock() {
  if (fd_ >= 0) close(fd_);
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace heddle::node
