// The kernel, as far as it is ours. node/dataplane/kernel.h is the real one; fake.h is one with
// fault knobs for tests and the simulation.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/state/diff.h"
#include "node/state/network_state.h"

namespace heddle::node {

struct Failure {
  Operation operation;
  absl::Status status;  // names the object, what the kernel said, and what to do
};

// Owned and called by one thread.
class Dataplane {
 public:
  virtual ~Dataplane() = default;

  // All that is ours: links by name pattern and kind; addresses, permanent neighbours and FDB
  // entries on our links; routes and nexthops by kRouteProtocol; our nftables table. Never partial:
  // a read that was interrupted or truncated is an error. But a forwarder that does not answer is
  // taken to hold nothing, so that all else goes on; Apply says what is wrong with it.
  virtual absl::StatusOr<NetworkState> Read() = 0;

  // Applies in order. An object that fails does not stop those that do not stand on it. The
  // returned failures are the whole truth: what is not listed is in the kernel.
  virtual std::vector<Failure> Apply(const std::vector<Operation>& operations) = 0;
};

}  // namespace heddle::node
