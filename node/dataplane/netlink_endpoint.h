// An open netlink socket of libnl's, with the options that all of ours want.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>

#include "absl/status/statusor.h"

struct nl_sock;

namespace heddle::node {

struct NetlinkSocketDeleter {
  void operator()(nl_sock* socket) const;
};
// Closes the socket when it goes.
using NetlinkEndpoint = std::unique_ptr<nl_sock, NetlinkSocketDeleter>;

// Opens a socket of `protocol` (NETLINK_ROUTE and so on) in the calling thread's network namespace,
// with extended acknowledgements, strict dump filters and a receive buffer of `buffer_bytes`, and
// joins `groups`; a group that this kernel has not is passed over. Unavailable, with the reason,
// when the kernel refuses.
absl::StatusOr<NetlinkEndpoint> OpenNetlink(int protocol, int buffer_bytes,
                                            std::initializer_list<int> groups = {});

int FdOf(const NetlinkEndpoint& endpoint);
// The sender's number that notifications of this socket's own changes carry.
std::uint32_t PortOf(const NetlinkEndpoint& endpoint);

}  // namespace heddle::node
