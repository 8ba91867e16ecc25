// The commands of the extension backend: run when they are wanted and not yet run, undone when they
// are not wanted any more. What was run is kept in a record file, so that a restart neither runs it
// again nor forgets to undo it. The record says which boot of the machine it is of: a reboot
// empties it, as it empties the kernel.
//
// The record is written after each command that ended well, so a crash between the two at worst
// runs that command once more. An undo that failed stays in the record and is tried until it ends
// well. What was run may always be undone; running anything new needs `run_commands`.
//
// A command is split on white space and started without a shell. It has a time limit, its output is
// bounded, and so is the time that one pass spends on commands: what is left over fails with
// Unavailable and is tried at the next pass. There, commands that failed before let those go first
// that have not been tried.
#pragma once

#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "node/dataplane/dataplane.h"

namespace heddle::node {

struct HooksOptions {
  std::string record_file;                        // empty: nothing is run, and Write fails
  bool run_commands = false;                      // --allow-extension-commands
  absl::Duration time_limit = absl::Seconds(10);  // of one command
  absl::Duration budget = absl::Seconds(5);       // of a pass: beyond it no command is begun
};

// Owned and called by the dataplane's thread, which it blocks while a command runs.
class Hooks {
 public:
  explicit Hooks(HooksOptions options) : options_(std::move(options)) {}

  // Begins a pass over operations.
  void Start();
  // Adds what was run and not undone. While the record file makes no sense or cannot be written, it
  // adds instead, or besides, an object that nobody wants: to remove it is to try the file again,
  // and the failure is the administrator's news. The file itself is left alone, and nothing is run
  // or undone until it can be read, or is gone.
  void Read(NetworkState* state);
  // DataLoss or what reading failed with: see Read. PermissionDenied: `run_commands` is not set.
  // Unavailable: no time is left in this pass. Internal, NotFound, DeadlineExceeded: the command
  // failed, with what it printed. Others: it ran, but the record cannot be written.
  absl::Status Write(Operation::Kind kind, const HookKey& key, const Hook& hook);

 private:
  using Done = absl::btree_map<HookKey, Hook>;

  absl::Status Load();
  absl::Status Save();
  absl::Status Run(const HookKey& key, const std::string& command, const Hook& hook);
  absl::Status Undo(Done::iterator done);

  const HooksOptions options_;
  bool is_loaded_ = false, is_unsaved_ = false;
  Done done_;  // once loaded, what the record holds or should hold
  absl::Duration spent_;
  absl::btree_set<HookKey> failed_;  // when last tried
  bool others_wait_ = false, is_over_budget_ = false;
};

}  // namespace heddle::node
