// The real kernel: rtnetlink, generic netlink, /proc/sys and nftables, in the network namespace of
// the thread that opened them; the commands of the extension backend, and the udp backend's
// forwarder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "node/dataplane/dataplane.h"
#include "node/dataplane/forwarder_process.h"
#include "node/dataplane/hooks.h"
#include "node/dataplane/wireguard_secret.h"

namespace heddle::node {

struct KernelOptions {
  WireguardSecret wireguard;   // zero: no wireguard link gets a key
  HooksOptions hooks;          // by default none are run
  ForwarderOptions forwarder;  // by default there is none
};

class KernelDataplane : public Dataplane {
 public:
  // The sender's number that the kernel puts on notifications of this dataplane's own changes; for
  // kernel_watch.h.
  virtual std::uint32_t netlink_port() const = 0;
  // Readable when what no kernel tells may have changed: the forwarder has ended. For poll(2).
  virtual int fd() const = 0;
  // Whether it has, since the last call.
  virtual bool TakeHint() = 0;
};

// To be called and used by one thread. Unavailable or PermissionDenied, with the kernel's reason.
// Needs CAP_NET_ADMIN, and the program nft when rules are to be written.
absl::StatusOr<std::unique_ptr<KernelDataplane>> OpenKernelDataplane(KernelOptions options = {});

}  // namespace heddle::node
