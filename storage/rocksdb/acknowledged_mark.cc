#include "storage/rocksdb/acknowledged_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "xxhash.h"

namespace heddle::storage {
namespace {

// One line of fixed length for one history: "<history> <revision> <checksum>\n".
std::string ToLine(const Position& position) {
  const std::string body = absl::StrFormat("%s %020d", position.history, position.revision);
  return absl::StrFormat("%s %016x\n", body, XXH3_64bits(body.data(), body.size()));
}

}  // namespace

AcknowledgedMark::~AcknowledgedMark() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::optional<Position>> AcknowledgedMark::Read() const {
  absl::StatusOr<std::string> line = ReadFile(path_, /*limit_bytes=*/4096);
  if (absl::IsNotFound(line.status())) return std::optional<Position>();
  if (!line.ok()) return std::move(line).status();
  const std::vector<std::string> fields = absl::StrSplit(*line, ' ');
  Position position;
  if (fields.size() == 3 && absl::SimpleAtoi(fields[1], &position.revision)) {
    position.history = fields[0];
    if (ToLine(position) == *line) return std::optional<Position>(std::move(position));
  }
  return absl::DataLossError(
      absl::StrCat("the file ", path_, " (newest acknowledged revision) is unreadable"));
}

absl::Status AcknowledgedMark::Make(const Position& position) {
  if (fd_ >= 0) close(fd_);
  HEDDLE_RETURN_IF_ERROR(WriteFileAtomically(path_, ToLine(position), 0600));
  fd_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd_ >= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot open ", path_, ": ", strerror(errno)));
}

absl::Status AcknowledgedMark::Write(const Position& position) {
  const std::string line = ToLine(position);
  const ssize_t written = pwrite(fd_, line.data(), line.size(), 0);
  if (written == static_cast<ssize_t>(line.size())) return absl::OkStatus();
  const char* why = written < 0 ? strerror(errno) : "only a part was written";
  return absl::UnavailableError(absl::StrCat("cannot write ", path_, ": ", why));
}

}  // namespace heddle::storage
