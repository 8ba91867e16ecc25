#include "storage/rocksdb/commit_group.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/rocksdb/codec.h"

namespace heddle::storage {

CommitGroup::CommitGroup(Database* database, Position base, std::optional<Fence> newest)
    : database_(database),
      position_(std::move(base)),
      newest_(std::move(newest)),
      pending_(rocksdb::BytewiseComparator(), /*reserved_bytes=*/0, /*overwrite_key=*/true),
      digest_(database->digest()) {}

absl::StatusOr<Outcome> CommitGroup::Add(const Transaction& transaction) {
  HEDDLE_ASSIGN_OR_RETURN(Verdict verdict,
                          Evaluate(transaction, newest_, position_.revision + 1, *this));
  if (!verdict.changes.empty()) {
    for (std::size_t i = 0; i < verdict.changes.size(); ++i) {
      const Record& record = verdict.changes[i].record;
      if (verdict.replaced[i] != 0) digest_.Remove(record.key, verdict.replaced[i]);
      if (!verdict.changes[i].deleted) digest_.Add(record.key, record.modified);
    }
    batches_.push_back({++position_.revision, std::move(verdict.changes)});
    database_->AddBatch(batches_.back(), digest_, &pending_);
  }
  return Outcome{verdict.kind, position_, std::move(verdict.current)};
}

absl::Status CommitGroup::Write() {
  HEDDLE_RETURN_IF_ERROR(database_->WriteSynced(pending_.GetWriteBatch()));
  database_->set_digest(digest_);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Record>> CommitGroup::Find(absl::string_view key) const {
  std::string value;
  const rocksdb::Status read =
      pending_.GetFromBatchAndDB(database_->raw(), {}, database_->records(), ToSlice(key), &value);
  if (read.IsNotFound()) return std::optional<Record>();
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(read, absl::StrCat("reading key '", key, "'")));
  HEDDLE_ASSIGN_OR_RETURN(Record record, DecodeRecord(key, value));
  return std::optional<Record>(std::move(record));
}

absl::StatusOr<std::optional<Record>> CommitGroup::FirstUnder(absl::string_view prefix) const {
  rocksdb::Iterator* const below = database_->raw()->NewIterator({}, database_->records());
  const std::unique_ptr<rocksdb::Iterator> it(
      pending_.NewIteratorWithBase(database_->records(), below));
  it->Seek(ToSlice(prefix));
  HEDDLE_RETURN_IF_ERROR(
      FromRocksdb(it->status(), absl::StrCat("reading records under '", prefix, "'")));
  if (!it->Valid() || !it->key().starts_with(ToSlice(prefix))) return std::optional<Record>();
  HEDDLE_ASSIGN_OR_RETURN(Record record, DecodeRecord(ToView(it->key()), ToView(it->value())));
  return std::optional<Record>(std::move(record));
}

}  // namespace heddle::storage
