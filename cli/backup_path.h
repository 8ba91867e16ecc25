// The file of a backup on this host: written whole or not at all, read twice.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/backup/backup_file.h"

namespace heddle::cli {

struct BackupSummary {
  storage::BackupHeader header;
  std::uint64_t records = 0, bytes = 0;
};

// Writes a file as its bytes come: under another name, mode 0600, renamed once it is whole, checked
// and on the disk. Gone without Finish, it leaves nothing behind.
class BackupPath {
 public:
  // "-": standard output, where nothing is checked before it is written.
  explicit BackupPath(std::string path);
  ~BackupPath();
  BackupPath(const BackupPath&) = delete;
  BackupPath& operator=(const BackupPath&) = delete;

  // Internal names the file and the system's reason. DataLoss: what came is not a whole backup.
  absl::Status Open();
  absl::Status Write(absl::string_view bytes);
  absl::StatusOr<BackupSummary> Finish();

 private:
  absl::Status Failed(absl::string_view what) const;
  static absl::Status Checked(const absl::Status& read);

  const std::string path_;
  std::string draft_;
  int fd_ = -1;
  bool owns_ = false;
  storage::BackupReader reader_;
  BackupSummary summary_;
};

// Hands out the bytes of the file in pieces; an error of `take` ends it and is returned.
absl::Status ReadPieces(const std::string& path,
                        const std::function<absl::Status(absl::string_view)>& take);
// Reads all of it. InvalidArgument: it is not a whole backup.
absl::StatusOr<BackupSummary> CheckBackup(const std::string& path);

}  // namespace heddle::cli
