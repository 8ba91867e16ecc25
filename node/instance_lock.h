// One heddle-node per network namespace: two would undo each other's work.
#pragma once

#include "absl/status/statusor.h"

namespace heddle::node {

// Held until destroyed, or until the process ends in whatever way: an abstract unix socket, whose
// name belongs to the network namespace and leaves no file behind.
class InstanceLock {
 public:
  // FailedPrecondition: another heddle-node runs in this network namespace.
  static absl::StatusOr<InstanceLock> Take();
  ~InstanceLock();
  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&&) = delete;

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace heddle::node
