#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/socket_address.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder/descriptors.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kBufferBytes = 4 << 20;

bool Set(const Descriptor& socket, int level, int option, int value) {
  return setsockopt(socket.get(), level, option, &value, sizeof(value)) == 0;
}

absl::Status Refused(const Ip& local, std::uint16_t port) {
  const int error = errno;
  const std::string at = absl::StrCat("UDP port ", port, " at ", local.ToString(), ": ");
  switch (error) {
    case EADDRINUSE:
      return absl::FailedPreconditionError(absl::StrCat(
          at, "another program has it: stop that, or set another Port in the network's backend"));
    case EADDRNOTAVAIL:
      return absl::FailedPreconditionError(absl::StrCat(at, "the address is not on this host"));
    case EAFNOSUPPORT:
      return absl::FailedPreconditionError(
          absl::StrCat(at, FamilyName(local.family()), " is switched off on this host"));
    default:
      return absl::UnavailableError(absl::StrCat(at, strerror(error)));
  }
}

// Pods' packets are as long as the MTU of the TUN device lets them be. Where the path takes less,
// fragments are better than a hole, and nobody is believed who says that it does.
bool AllowFragments(const Descriptor& socket, Family family) {
  if (family == Family::kV4) {
    return Set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) ||
           Set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  }
  return Set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) ||
         Set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

void EnlargeBuffers(const Descriptor& socket) {
  // As root beyond the host's limit, else up to it.
  if (!Set(socket, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes)) {
    Set(socket, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  }
  if (!Set(socket, SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes)) {
    Set(socket, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  }
}

absl::StatusOr<Descriptor> OpenUdpSocket(const Ip& local, std::uint16_t port) {
  const Family family = local.family();
  Descriptor opened(socket(ToAddressFamily(family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  SocketAddress address = ToSocketAddress(local, port);
  if (!opened.is_open() || !Set(opened, SOL_SOCKET, SO_REUSEPORT, 1) ||
      (family == Family::kV6 && !Set(opened, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
      !AllowFragments(opened, family) || bind(opened.get(), address.get(), address.length) != 0) {
    return Refused(local, port);
  }
  EnlargeBuffers(opened);
  return opened;
}

}  // namespace

absl::StatusOr<std::vector<Descriptor>> OpenUdpSockets(const Ip& local, std::uint16_t port,
                                                       int count) {
  std::vector<Descriptor> sockets;
  while (static_cast<int>(sockets.size()) < count) {
    HEDDLE_ASSIGN_OR_RETURN(Descriptor next, OpenUdpSocket(local, port));
    sockets.push_back(std::move(next));
  }
  return sockets;
}

}  // namespace heddle::node::forwarder
