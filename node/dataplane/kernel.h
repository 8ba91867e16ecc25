// The real kernel: rtnetlink, /proc/sys and nftables of the network namespace of the thread that
// opened it.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "node/dataplane/dataplane.h"

namespace heddle::node {

class KernelDataplane : public Dataplane {
 public:
  // The sender's number that the kernel puts on notifications of this dataplane's own changes; for
  // kernel_watch.h.
  virtual std::uint32_t netlink_port() const = 0;
};

// To be called and used by one thread. Unavailable or PermissionDenied, with the kernel's reason.
// Needs CAP_NET_ADMIN, and the program nft when rules are to be written.
absl::StatusOr<std::unique_ptr<KernelDataplane>> OpenKernelDataplane();

}  // namespace heddle::node
