// Whether a backup can be restored: read as it comes, held in bounded memory, and judged as a
// LeaseBook would judge it, before anything of the store is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/backup/backup_file.h"

namespace heddle::controller {

struct CheckedBackup {
  storage::BackupHeader header;
  std::map<std::string, std::string> records;  // key -> value
  std::uint64_t leases = 0;
};

// Not thread-safe.
class BackupCheck {
 public:
  // Of keys and values together: those of a million leases fit.
  static constexpr std::size_t kMaxBytes = 512 << 20;

  explicit BackupCheck(std::size_t max_bytes = kMaxBytes);

  // InvalidArgument: not a backup, or damaged, or a key that this release does not know, which is
  // named. ResourceExhausted: too large.
  absl::Status Feed(absl::string_view bytes) { return reader_.Feed(bytes); }
  // Once, at the end. InvalidArgument: also when a record cannot be read, or records contradict
  // each other, as two leases that overlap.
  absl::StatusOr<CheckedBackup> Finish();

 private:
  absl::Status Keep(std::string key, std::string value);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  CheckedBackup backup_;
  storage::BackupReader reader_;
};

}  // namespace heddle::controller
