#include "storage/rocksdb/commit_group.h"

#include <utility>

#include "base/status_macros.h"

namespace heddle::storage {
namespace {

absl::StatusOr<std::optional<Record>> CopyOf(const absl::StatusOr<const Record*>& found) {
  if (!found.ok()) return found.status();
  return *found == nullptr ? std::nullopt : std::optional<Record>(**found);
}

}  // namespace

CommitGroup::CommitGroup(Database* database, Position base, std::optional<Fence> newest)
    : database_(database),
      position_(std::move(base)),
      newest_(std::move(newest)),
      records_(database),
      digest_(database->digest()) {}

absl::StatusOr<Outcome> CommitGroup::Add(const Transaction& transaction) {
  HEDDLE_ASSIGN_OR_RETURN(Verdict verdict,
                          Evaluate(transaction, newest_, position_.revision + 1, *this));
  if (!verdict.changes.empty()) {
    for (std::size_t i = 0; i < verdict.changes.size(); ++i) {
      const Record& record = verdict.changes[i].record;
      if (verdict.replaced[i] != 0) digest_.Remove(record.key, verdict.replaced[i]);
      if (!verdict.changes[i].deleted) digest_.Add(record.key, record.modified);
      records_.Take(verdict.changes[i]);
    }
    batches_.push_back({++position_.revision, std::move(verdict.changes)});
    database_->AddBatch(batches_.back(), &pending_);
  }
  return Outcome{verdict.kind, position_, std::move(verdict.current)};
}

absl::Status CommitGroup::Write() {
  database_->AddRevision(position_.revision, digest_, &pending_);
  HEDDLE_RETURN_IF_ERROR(database_->WriteSynced(&pending_));
  database_->set_digest(digest_);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Record>> CommitGroup::Find(absl::string_view key) const {
  return CopyOf(records_.Find(key));
}

absl::StatusOr<std::optional<Record>> CommitGroup::FirstUnder(absl::string_view prefix) const {
  return CopyOf(records_.FirstUnder(prefix));
}

}  // namespace heddle::storage
