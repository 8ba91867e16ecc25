// Reads what the kernel has of the host's own: the facts that SelectUnderlay chooses from.
#pragma once

#include "absl/status/statusor.h"
#include "node/host/host_facts.h"

namespace heddle::node {

// Links, their addresses, and the unicast routes of the main table without ours, in the network
// namespace of the calling thread. Takes milliseconds even with 10,000 routes of ours. Unavailable
// or Aborted, with the kernel's words: try again.
absl::StatusOr<HostInventory> ReadInventory();

}  // namespace heddle::node
