#include "storage/rocksdb/codec.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "storage/rocksdb/stored.pb.h"

namespace heddle::storage {

std::string EncodeNumber(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  return bytes;
}

absl::StatusOr<std::uint64_t> DecodeNumber(absl::string_view bytes) {
  if (bytes.size() != 8) {
    return absl::DataLossError(absl::StrCat("a number of ", bytes.size(), " bytes instead of 8"));
  }
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string EncodeRecord(const Record& record) {
  stored::StoredRecord stored;
  stored.set_created(record.created);
  stored.set_modified(record.modified);
  stored.set_value(record.value);
  return stored.SerializeAsString();
}

absl::StatusOr<Record> DecodeRecord(absl::string_view key, absl::string_view bytes) {
  stored::StoredRecord stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        absl::StrCat("the record of key '", absl::CHexEscape(key), "' is unreadable"));
  }
  return Record{std::string(key), stored.value(), stored.created(), stored.modified()};
}

std::string EncodeBatch(const Batch& batch) {
  stored::StoredBatch stored;
  for (const Change& change : batch.changes) {
    stored::StoredBatch::Change* out = stored.add_changes();
    out->set_key(change.record.key);
    out->set_value(change.record.value);
    out->set_created(change.record.created);
    out->set_deleted(change.deleted);
    if (change.record.modified != batch.revision) out->set_modified(change.record.modified);
  }
  return stored.SerializeAsString();
}

absl::StatusOr<Batch> DecodeBatch(Revision revision, absl::string_view bytes) {
  stored::StoredBatch stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        absl::StrCat("the changes of revision ", revision, " are unreadable"));
  }
  Batch batch{revision, {}};
  batch.changes.reserve(stored.changes_size());
  for (const auto& change : stored.changes()) {
    const Revision modified = change.modified() != 0 ? change.modified() : revision;
    batch.changes.push_back(
        {Record{change.key(), change.value(), change.created(), modified}, change.deleted()});
  }
  return batch;
}

}  // namespace heddle::storage
