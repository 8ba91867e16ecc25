// A small file beside the database with the newest revision that was acknowledged.
//
// It finds the one kind of damage that RocksDB cannot tell from a crash: a log whose end is missing
// looks like a write that was under way. The mark is written after each synced group and not synced
// itself, so it is never ahead of what is durable; after a power cut it may be behind, which only
// makes the check weaker.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"

namespace heddle::storage {

class AcknowledgedMark {
 public:
  explicit AcknowledgedMark(std::string path) : path_(std::move(path)) {}
  ~AcknowledgedMark();
  AcknowledgedMark(const AcknowledgedMark&) = delete;
  AcknowledgedMark& operator=(const AcknowledgedMark&) = delete;

  // Nothing when there is no file (a database copied without it). DataLoss when it is damaged.
  absl::StatusOr<std::optional<Position>> Read() const;

  // Makes or replaces the file, durably. Call it before Write.
  absl::Status Make(const Position& position);
  // Overwrites the file in place.
  absl::Status Write(const Position& position);

 private:
  const std::string path_;
  int fd_ = -1;
};

}  // namespace heddle::storage
