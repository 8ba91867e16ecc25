#include "cli/backup_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::cli {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

absl::Status Ignore(const std::string&, const std::string&) { return absl::OkStatus(); }

absl::Status NotSent(const absl::Status& read) {
  if (read.ok()) return read;
  return absl::Status(read.code(), absl::StrCat("the file is ", read.message(),
                                                ". Nothing has been changed; take another file"));
}

}  // namespace

BackupPath::BackupPath(std::string path) : path_(std::move(path)), reader_(Ignore) {}

BackupPath::~BackupPath() {
  if (owns_ && fd_ >= 0) close(fd_);
  if (!draft_.empty()) unlink(draft_.c_str());
}

absl::Status BackupPath::Failed(absl::string_view what) const {
  return absl::InternalError(absl::StrCat("cannot ", what, " ", draft_.empty() ? path_ : draft_,
                                          ": ", strerror(errno),
                                          ". Name a file in a folder that has room and that you "
                                          "may write to"));
}

absl::Status BackupPath::Checked(const absl::Status& read) {
  if (read.ok()) return read;
  return absl::DataLossError(absl::StrCat("what the controller sent is ", read.message()));
}

absl::Status BackupPath::Open() {
  if (path_ == "-") {
    fd_ = STDOUT_FILENO;
    return absl::OkStatus();
  }
  std::string draft = absl::StrCat(path_, ".XXXXXX");
  fd_ = mkostemp(&draft[0], O_CLOEXEC);  // mode 0600
  if (fd_ < 0) return Failed("make a file beside");
  owns_ = true;
  draft_ = std::move(draft);
  return absl::OkStatus();
}

absl::Status BackupPath::Write(absl::string_view bytes) {
  summary_.bytes += bytes.size();
  HEDDLE_RETURN_IF_ERROR(Checked(reader_.Feed(bytes)));
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write to");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupSummary> BackupPath::Finish() {
  HEDDLE_RETURN_IF_ERROR(Checked(reader_.Finish()));
  summary_.header = *reader_.header();
  summary_.records = reader_.records();
  if (!owns_) return summary_;
  if (fsync(fd_) != 0) return Failed("write all of");
  if (rename(draft_.c_str(), path_.c_str()) != 0) return Failed("give its name to");
  draft_.clear();
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const int folder_fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return Failed("open the folder of");
  const auto close_folder = absl::MakeCleanup([folder_fd] { close(folder_fd); });
  if (fsync(folder_fd) != 0) return Failed("write the folder of");
  return summary_;
}

absl::Status ReadPieces(const std::string& path,
                        const std::function<absl::Status(absl::string_view)>& take) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  }
  const auto close_file = absl::MakeCleanup([fd] { close(fd); });
  std::vector<char> piece(kPieceBytes);
  while (true) {
    const ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": ", strerror(errno)));
    }
    if (got == 0) return absl::OkStatus();
    HEDDLE_RETURN_IF_ERROR(take({piece.data(), static_cast<std::size_t>(got)}));
  }
}

absl::StatusOr<BackupSummary> CheckBackup(const std::string& path) {
  BackupSummary summary;
  storage::BackupReader reader(Ignore);
  HEDDLE_RETURN_IF_ERROR(ReadPieces(path, [&](absl::string_view bytes) {
    summary.bytes += bytes.size();
    return NotSent(reader.Feed(bytes));
  }));
  HEDDLE_RETURN_IF_ERROR(NotSent(reader.Finish()));
  summary.header = *reader.header();
  summary.records = reader.records();
  return summary;
}

}  // namespace heddle::cli
