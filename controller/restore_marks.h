// What the store itself says of restores: the records under `meta/`, fed like a LeaseBook. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace heddle::controller {

struct RestoreMark {
  std::string history;  // that it replaces
  absl::Time began = absl::UnixEpoch();
  storage::Position backup;                  // where the backup is from
  std::vector<std::string> former_node_ids;  // with a lease when it began
  bool more_former_nodes = false;            // and others
  storage::Revision modified = 0;            // of the record
};

std::string EncodeRestoreMark(const RestoreMark& mark);
std::string EncodeSettled(absl::string_view history);

// Not thread-safe.
class RestoreMarks {
 public:
  // A record that cannot be read counts as a restore that was interrupted, or as nothing settled;
  // the answer says so, one sentence each.
  std::vector<std::string> Apply(const std::vector<storage::Change>& changes);

  const std::optional<RestoreMark>& restore() const { return restore_; }
  // A restore of this history runs, or was interrupted: its records are neither the former ones nor
  // the backup's.
  bool is_torn(absl::string_view history) const;
  const std::string& settled_history() const { return settled_; }

 private:
  std::optional<RestoreMark> restore_;
  bool unreadable_ = false;
  std::string settled_;
};

}  // namespace heddle::controller
