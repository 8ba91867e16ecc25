// What a forwarder needs from somebody with CAP_NET_ADMIN: the queues of a TUN device, and UDP
// sockets bound to one address. Opened in the caller's network namespace and of use in any process;
// heddle-node opens them and passes them on (control.proto).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/descriptor.h"

namespace heddle::node::forwarder {

struct TunQueues {
  std::vector<Descriptor> queues;  // as many as were asked for, or one without IFF_MULTI_QUEUE
  bool vnet_header = false;        // IFF_VNET_HDR: each frame has a virtio_net_hdr in front
};

// Opens queues of the TUN device `name`, non-blocking. The kernel makes the device if there is
// none; it goes with its last queue unless KeepTunDevice was called. A persistent device that was
// made with other flags is opened with those: it says which.
//
// Unimplemented: the kernel has no TUN, or /dev/net/tun is not in this container.
// PermissionDenied: no CAP_NET_ADMIN. FailedPrecondition: the name is another kind of device's, or
// another process holds its queues. Unavailable: anything else.
absl::StatusOr<TunQueues> OpenTunQueues(const std::string& name, int count);

// The device stays when all its queues are closed (TUNSETPERSIST), and is removed as any link is.
absl::Status KeepTunDevice(const Descriptor& queue);

// Opens `count` sockets at the same address and port, non-blocking, among which the kernel shares
// the peers (SO_REUSEPORT). What they send may be fragmented on its way, whatever was heard of the
// path's MTU, and they hold 4 MiB each way, or as much as the caller may have.
//
// FailedPrecondition: the address is not on this host, or another program has the port; the message
// says which. Unavailable: anything else.
absl::StatusOr<std::vector<Descriptor>> OpenUdpSockets(const Ip& local, std::uint16_t port,
                                                       int count);

}  // namespace heddle::node::forwarder
