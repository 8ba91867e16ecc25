// The storage directory as a whole: `<path>/rocksdb` is the database and `<path>/acknowledged` the
// mark. The database is made under another name and renamed when it is complete, so what stands
// under its name was complete once, and anything missing from it is damage.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/rocksdb/acknowledged_mark.h"
#include "storage/rocksdb/database.h"

namespace heddle::storage {

std::string DatabaseFolder(const std::string& path);
std::string MarkFile(const std::string& path);
// A history with a random id.
History NewHistory(bool restored);

struct OpenedDirectory {
  std::unique_ptr<Database> database;
  Meta meta;
};

// Opens, making a new store when there is none at all. DataLoss: damaged; FailedPrecondition: in
// use by another process, or from a newer version; ResourceExhausted: the disk is full. Every
// message names the directory and what to do. Nothing is repaired or removed.
absl::StatusOr<OpenedDirectory> OpenDirectory(const std::string& path, rocksdb::Env* env,
                                              AcknowledgedMark* mark);

// Opens the database again after a write failed. DataLoss when it has lost what `acknowledged` says
// it must have.
absl::StatusOr<OpenedDirectory> ReopenDirectory(const std::string& path, rocksdb::Env* env,
                                                const Position& acknowledged);

// Whether an opening of a database failed since another process has it open.
bool IsHeldByAnother(const absl::Status& status);

// Whether enough can be written and synced there to go on; else an error with the system's reason.
absl::Status ProbeWritable(const std::string& path);

}  // namespace heddle::storage
