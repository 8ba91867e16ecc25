// The commands of the extension backend: run when they are wanted and not yet run, undone when they
// are not wanted any more. What was run is kept in a record file, so that a restart neither runs it
// again nor forgets to undo it; the file lies where a reboot empties it, as it empties the kernel.
//
// A command is split on white space and started without a shell. It has a time limit, its output is
// bounded, and so is the time that one pass spends on commands: what is left over fails with
// Unavailable and is tried at the next pass.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "node/dataplane/dataplane.h"

namespace heddle::node {

// Owned and called by the dataplane's thread.
class Hooks {
 public:
  // An empty path: nothing is run, and Write fails.
  explicit Hooks(std::string record_file) : record_file_(std::move(record_file)) {}

  // Begins a pass over operations.
  void Start();
  // Adds what was run and not undone. DataLoss: the record file makes no sense; it is left alone.
  absl::Status Read(NetworkState* state);
  absl::Status Write(Operation::Kind kind, const HookKey& key, const Hook& hook);

 private:
  const std::string record_file_;
};

}  // namespace heddle::node
