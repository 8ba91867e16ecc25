// Transactions that are committed by one synced write: each is judged against the database and what
// the ones before it in the group will change, and gets its own revision.
//
// Used by the one thread that writes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/write_batch.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/pending_records.h"
#include "storage/rocksdb/records_digest.h"
#include "storage/transaction.h"

namespace heddle::storage {

class CommitGroup final : private RecordView {
 public:
  // `database` must outlive the group, and nothing else may write to it meanwhile.
  CommitGroup(Database* database, Position base, std::optional<Fence> newest);

  // The answer to give once Write has succeeded. An error: the transaction could not be judged and
  // is not in the group.
  absl::StatusOr<Outcome> Add(const Transaction& transaction);

  // Makes all of it durable; call once, when there are batches.
  absl::Status Write();

  const std::vector<Batch>& batches() const { return batches_; }
  const Position& position() const { return position_; }  // after the last batch
  std::size_t bytes() const { return pending_.GetDataSize(); }

 private:
  absl::StatusOr<std::optional<Record>> Find(absl::string_view key) const override;
  absl::StatusOr<std::optional<Record>> FirstUnder(absl::string_view prefix) const override;

  Database* const database_;
  Position position_;
  const std::optional<Fence> newest_;
  mutable PendingRecords records_;  // remembers what it was asked for
  rocksdb::WriteBatch pending_;
  std::vector<Batch> batches_;
  RecordsDigest digest_;
};

}  // namespace heddle::storage
