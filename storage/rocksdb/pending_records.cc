#include "storage/rocksdb/pending_records.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/rocksdb/codec.h"

namespace heddle::storage {
namespace {

const Record* AddressOf(const std::optional<Record>& record) { return record ? &*record : nullptr; }

}  // namespace

absl::StatusOr<const Record*> PendingRecords::Find(absl::string_view key) {
  auto known = known_.find(key);
  if (known == known_.end()) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<Record> read, database_->Find(key));
    known = known_.emplace(std::string(key), std::move(read)).first;
  }
  return AddressOf(known->second);
}

absl::StatusOr<const Record*> PendingRecords::FirstUnder(absl::string_view prefix) {
  auto first = known_.lower_bound(prefix);
  while (first != known_.end() && !first->second && absl::StartsWith(first->first, prefix)) ++first;
  if (first != known_.end() && !absl::StartsWith(first->first, prefix)) first = known_.end();

  const std::unique_ptr<rocksdb::Iterator> it(
      database_->raw()->NewIterator({}, database_->records()));
  it->Seek(ToSlice(prefix));
  while (it->Valid() && known_.contains(ToView(it->key()))) it->Next();
  HEDDLE_RETURN_IF_ERROR(
      FromRocksdb(it->status(), absl::StrCat("reading records under '", prefix, "'")));
  const bool is_stored = it->Valid() && it->key().starts_with(ToSlice(prefix));
  if (is_stored && (first == known_.end() || ToView(it->key()) < first->first)) {
    return Find(ToView(it->key()));
  }
  return first == known_.end() ? nullptr : AddressOf(first->second);
}

void PendingRecords::Take(const Change& change) {
  known_[change.record.key] = change.deleted ? std::nullopt : std::optional<Record>(change.record);
}

}  // namespace heddle::storage
