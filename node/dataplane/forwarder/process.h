// What heddle-forwarder does to its own process, before it has threads.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/forwarder/descriptor.h"

namespace heddle::node::forwarder {

// Gives up every capability, and the way to get any again (no_new_privs); no core files, which
// would hold pods' packets. Internal: the kernel refused.
absl::Status DropPrivileges();

// Goes on in a process that is nobody's child, in a session of its own. The calling process waits
// until Tell() is called there and exits with 0, or until it ends, and exits with its code.
class Detachment {
 public:
  // Returns in the new process alone. Internal: there cannot be one.
  static absl::StatusOr<Detachment> Detach();
  // All is well. From here on this process holds none of the standard streams open, which whoever
  // started it may be reading to their end.
  void Tell();

 private:
  explicit Detachment(Descriptor waiting) : waiting_(std::move(waiting)) {}
  Descriptor waiting_;
};

// SIGTERM and SIGINT as a readable descriptor, for this thread and those it starts.
absl::StatusOr<Descriptor> OpenStopSignals();

}  // namespace heddle::node::forwarder
