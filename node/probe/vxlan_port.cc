#include "node/probe/vxlan_port.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/socket_address.h"

namespace heddle::node {

absl::StatusOr<VxlanPort> VxlanPort::Send(const ProbeTarget::Vxlan& tunnel, const Ip& from,
                                          const Ip& to, const EchoTag& tag) {
  VxlanPort port(socket(ToAddressFamily(tunnel.remote.family()),
                        SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  SocketAddress local = ToSocketAddress(tunnel.local, 0);
  SocketAddress remote = ToSocketAddress(tunnel.remote, tunnel.port);
  if (port.fd_ < 0 || bind(port.fd_, local.get(), local.length) != 0 ||
      connect(port.fd_, remote.get(), remote.length) != 0) {
    return absl::UnavailableError(strerror(errno));
  }
  for (const std::string& payload : {VxlanIntroduction(tunnel.vni, tunnel.mac, from, to),
                                     VxlanEchoForAnyMac(tunnel.vni, tunnel.mac, from, to, tag)}) {
    if (send(port.fd_, payload.data(), payload.size(), 0) < 0) {
      return absl::UnavailableError(strerror(errno));
    }
  }
  return port;
}

VxlanPort::VxlanPort(VxlanPort&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

VxlanPort& VxlanPort::operator=(VxlanPort&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

VxlanPort::~VxlanPort() {
  if (fd_ >= 0) close(fd_);
}

absl::Status VxlanPort::Refusal() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != ECONNREFUSED) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(strerror(error));
}

}  // namespace heddle::node
