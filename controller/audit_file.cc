#include "controller/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr mode_t kOwnerOnly = 0600;

absl::Status Failure(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("the audit log ", path, " ", what, ": ",
                                             std::strerror(errno),
                                             ". Check its folder, or name another --audit-log"));
}

}  // namespace

void AuditFile::Close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

bool AuditFile::IsThatAtPath() const {
  struct stat open_file, at_path;
  return ::fstat(file_, &open_file) == 0 && ::stat(path_.c_str(), &at_path) == 0 &&
         open_file.st_dev == at_path.st_dev && open_file.st_ino == at_path.st_ino;
}

absl::Status AuditFile::Open() {
  if (path_.empty()) return absl::OkStatus();
  if (file_ >= 0 && IsThatAtPath()) return absl::OkStatus();
  Close();
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kOwnerOnly);
  return file_ >= 0 ? absl::OkStatus() : Failure("cannot be opened", path_);
}

absl::Status AuditFile::Write(absl::string_view line) {
  HEDDLE_RETURN_IF_ERROR(Open());
  // One write for the line and its end, so that no other's line gets between.
  const std::string whole = absl::StrCat(line, "\n");
  const ssize_t written = ::write(file_, whole.data(), whole.size());
  if (written == static_cast<ssize_t>(whole.size())) return absl::OkStatus();
  if (written >= 0) errno = ENOSPC;
  return Failure("cannot be written", path_);
}

void AuditFile::Append(absl::string_view line) {
  if (path_.empty()) {
    spdlog::info("audit {}", std::string(line));
    return;
  }
  const absl::Status status = Write(line);
  const bool was_failing = std::exchange(failing_, !status.ok());
  if (failing_ && !was_failing) {
    spdlog::error("{}; until that is well, its lines are here", std::string(status.message()));
  }
  if (failing_) spdlog::info("audit {}", std::string(line));
}

}  // namespace heddle::controller
