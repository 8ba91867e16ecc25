// Where the audit log's lines go.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace heddle::controller {

// Used by one thread at a time. Lines are whole and in order, also when several processes append.
class AuditFile {
 public:
  // Empty: the program's log.
  explicit AuditFile(std::string path) : path_(std::move(path)) {}
  ~AuditFile() { Close(); }
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // Opens the file when it is not, or is another than the one at the path. Unavailable says why it
  // cannot be.
  absl::Status Open();
  // One line, without its end. What cannot be written to the file goes to the log.
  void Append(absl::string_view line);

 private:
  bool IsThatAtPath() const;
  absl::Status Write(absl::string_view line);
  void Close();

  const std::string path_;
  int file_ = -1;
  bool failing_ = false;  // the last line could not be written
};

}  // namespace heddle::controller
