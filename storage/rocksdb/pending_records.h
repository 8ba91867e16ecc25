// The records of a database as they will be once the changes that wait to be written are: one read
// of the database for each key, and what was changed since.
//
// For the one thread that writes; the database must not change meanwhile.
#pragma once

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/rocksdb/database.h"
#include "storage/store.h"

namespace heddle::storage {

class PendingRecords {
 public:
  explicit PendingRecords(const Database* database) : database_(database) {}

  // Null: there is none. Good until the next call.
  absl::StatusOr<const Record*> Find(absl::string_view key);
  // Likewise, the first in order of keys.
  absl::StatusOr<const Record*> FirstUnder(absl::string_view prefix);
  void Take(const Change& change);

 private:
  const Database* const database_;
  // What was read or taken, by key; nothing where there is no record.
  absl::btree_map<std::string, std::optional<Record>> known_;
};

}  // namespace heddle::storage
