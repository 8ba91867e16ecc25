#include "node/dataplane/netlink_endpoint.h"

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

namespace heddle::node {

void NetlinkSocketDeleter::operator()(nl_sock* socket) const { nl_socket_free(socket); }

int FdOf(const NetlinkEndpoint& endpoint) { return nl_socket_get_fd(endpoint.get()); }

std::uint32_t PortOf(const NetlinkEndpoint& endpoint) {
  return nl_socket_get_local_port(endpoint.get());
}

absl::StatusOr<NetlinkEndpoint> OpenNetlink(int protocol, int buffer_bytes,
                                            std::initializer_list<int> groups) {
  NetlinkEndpoint endpoint(nl_socket_alloc());
  const int error = endpoint == nullptr ? -NLE_NOMEM : nl_connect(endpoint.get(), protocol);
  if (error < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot open a netlink socket: ", nl_geterror(error)));
  }
  const int fd = FdOf(endpoint);
  const int on = 1;
  // An older kernel refuses some of these, and dumps more, or says less; the codecs filter anyhow.
  for (int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on));
  }
  // libnl asks within the machine's limit; this, as root, goes beyond it.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0) {
    nl_socket_set_buffer_size(endpoint.get(), buffer_bytes, 0);
  }
  for (int group : groups) {
    const int joined = nl_socket_add_membership(endpoint.get(), group);
    if (joined < 0 && joined != -NLE_INVAL) {
      return absl::UnavailableError(
          absl::StrCat("cannot subscribe to the kernel's notifications: ", nl_geterror(joined)));
    }
  }
  return endpoint;
}

}  // namespace heddle::node
