#include "storage/rocksdb/database.h"

#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database_options.h"

namespace heddle::storage {
namespace {

constexpr char kHistoryKey[] = "history";
constexpr char kSchemaKey[] = "schema";
constexpr char kRevisionKey[] = "revision";
constexpr char kTermKey[] = "term";
constexpr char kDigestKey[] = "digest";
constexpr char kOldestKey[] = "oldest";        // the log is whole from there; where it has gaps
constexpr char kBeganKey[] = "history-began";  // Unix time in ms
constexpr char kRestoredKey[] = "history-restored";  // 1: see History::restored
constexpr std::uint64_t kSchema = 1;

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilies() {
  return {{rocksdb::kDefaultColumnFamilyName, TableOptions()},
          {"records", TableOptions()},
          {"changes", TableOptions()}};
}

rocksdb::WriteOptions Synced() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

rocksdb::ReadOptions At(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  return options;
}

void PutHistory(const History& history, rocksdb::ColumnFamilyHandle* meta,
                rocksdb::WriteBatch* to) {
  const auto began = static_cast<std::uint64_t>(absl::ToUnixMillis(history.began));
  to->Put(meta, kHistoryKey, history.id).PermitUncheckedError();
  to->Put(meta, kBeganKey, EncodeNumber(began)).PermitUncheckedError();
  to->Put(meta, kRestoredKey, EncodeNumber(history.restored ? 1 : 0)).PermitUncheckedError();
}

}  // namespace

absl::Status FromRocksdb(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat(what, ": ", status.ToString());
  // Besides what RocksDB calls corruption: a file, an entry or a column family that must be there.
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
      status.IsInvalidArgument() || absl::StrContains(text, "No such file")) {
    return absl::DataLossError(text);
  }
  if (status.subcode() == rocksdb::Status::SubCode::kNoSpace ||
      absl::StrContains(text, "No space left")) {
    return absl::ResourceExhaustedError(text);
  }
  return absl::UnavailableError(text);
}

Database::Database(std::string directory, Revisions revisions, std::unique_ptr<rocksdb::DB> db,
                   std::vector<rocksdb::ColumnFamilyHandle*> handles)
    : directory_(std::move(directory)),
      revisions_(revisions),
      db_(std::move(db)),
      handles_(std::move(handles)) {}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  // Every acknowledged write is synced already; a failing close loses none.
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& directory, Mode mode,
                                                         rocksdb::Env* env, Revisions revisions) {
  const rocksdb::DBOptions options = DatabaseOptions(env);
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status opened =
      mode == Mode::kReadWrite
          ? rocksdb::DB::Open(options, directory, ColumnFamilies(), &handles, &raw)
          : rocksdb::DB::OpenForReadOnly(options, directory, ColumnFamilies(), &handles, &raw);
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(opened, "RocksDB says"));
  std::unique_ptr<Database> database(
      new Database(directory, revisions, std::unique_ptr<rocksdb::DB>(raw), std::move(handles)));
  HEDDLE_RETURN_IF_ERROR(database->ReadState());
  return database;
}

absl::Status Database::Create(const std::string& directory, const History& history,
                              rocksdb::Env* env) {
  rocksdb::DBOptions options = DatabaseOptions(env);
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(
      rocksdb::DB::Open(options, directory, ColumnFamilies(), &handles, &raw), "RocksDB says"));
  Database database(directory, Revisions::kAll, std::unique_ptr<rocksdb::DB>(raw),
                    std::move(handles));
  rocksdb::WriteBatch batch;
  PutHistory(history, database.meta(), &batch);
  batch.Put(database.meta(), kSchemaKey, EncodeNumber(kSchema));
  batch.Put(database.meta(), kRevisionKey, EncodeNumber(0));
  batch.Put(database.meta(), kTermKey, EncodeNumber(0));
  batch.Put(database.meta(), kDigestKey, EncodeNumber(RecordsDigest().value()));
  return database.WriteSynced(&batch);
}

absl::Status Database::ReadState() {
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta, ReadMeta());
  digest_ = meta.digest;
  if (revisions_ == Revisions::kSome) {
    HEDDLE_ASSIGN_OR_RETURN(oldest_, ReadLaterNumber(kOldestKey, nullptr));
    return absl::OkStatus();
  }
  oldest_ = meta.revision + 1;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, changes()));
  it->SeekToFirst();
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(it->status(), "reading the change log"));
  if (!it->Valid()) return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(oldest_, DecodeNumber(ToView(it->key())));
  return absl::OkStatus();
}

// A function with a name, for tsan_suppressions.cc.
void ReleaseSnapshot(rocksdb::DB* db, const rocksdb::Snapshot* snapshot) {
  db->ReleaseSnapshot(snapshot);
}

Snapshot Database::TakeSnapshot() const {
  rocksdb::DB* db = db_.get();
  return Snapshot(db->GetSnapshot(), [db](const rocksdb::Snapshot* s) { ReleaseSnapshot(db, s); });
}

absl::StatusOr<std::string> Database::FindEntry(absl::string_view key,
                                                const rocksdb::Snapshot* snapshot) const {
  std::string value;
  const rocksdb::Status read = db_->Get(At(snapshot), meta(), ToSlice(key), &value);
  if (read.IsNotFound()) {
    return absl::DataLossError(absl::StrCat("the database has no entry '", key, "'"));
  }
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(read, absl::StrCat("reading entry '", key, "'")));
  return value;
}

absl::StatusOr<std::uint64_t> Database::ReadLaterNumber(absl::string_view key,
                                                        const rocksdb::Snapshot* snapshot) const {
  std::string value;
  const rocksdb::Status read = db_->Get(At(snapshot), meta(), ToSlice(key), &value);
  if (read.IsNotFound()) return 0;
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(read, absl::StrCat("reading entry '", key, "'")));
  return DecodeNumber(value);
}

absl::StatusOr<Meta> Database::ReadMeta(const rocksdb::Snapshot* snapshot) const {
  Meta meta;
  std::uint64_t digest = 0;
  HEDDLE_ASSIGN_OR_RETURN(meta.history.id, FindEntry(kHistoryKey, snapshot));
  HEDDLE_ASSIGN_OR_RETURN(const std::uint64_t began, ReadLaterNumber(kBeganKey, snapshot));
  HEDDLE_ASSIGN_OR_RETURN(const std::uint64_t restored, ReadLaterNumber(kRestoredKey, snapshot));
  meta.history.began = absl::FromUnixMillis(static_cast<std::int64_t>(began));
  meta.history.restored = restored != 0;
  for (const auto& [key, number] :
       {std::make_pair(kSchemaKey, &meta.schema), std::make_pair(kRevisionKey, &meta.revision),
        std::make_pair(kTermKey, &meta.term), std::make_pair(kDigestKey, &digest)}) {
    HEDDLE_ASSIGN_OR_RETURN(const std::string value, FindEntry(key, snapshot));
    HEDDLE_ASSIGN_OR_RETURN(*number, DecodeNumber(value));
  }
  meta.digest = RecordsDigest(digest);
  if (meta.schema > kSchema) {
    return absl::FailedPreconditionError(
        absl::StrCat("it was written by a newer version of Heddle (schema ", meta.schema,
                     ", this version knows up to ", kSchema, "): run that version or a newer one"));
  }
  return meta;
}

absl::StatusOr<std::optional<Record>> Database::Find(absl::string_view key) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status read = db_->Get({}, records(), ToSlice(key), &value);
  if (read.IsNotFound()) return std::optional<Record>();
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(read, absl::StrCat("reading key '", key, "'")));
  HEDDLE_ASSIGN_OR_RETURN(Record record, DecodeRecord(key, ToView(value)));
  return std::optional<Record>(std::move(record));
}

absl::StatusOr<std::vector<Record>> Database::Scan(const rocksdb::Snapshot* snapshot,
                                                   absl::string_view prefix,
                                                   absl::string_view after, std::size_t limit,
                                                   bool* more) const {
  std::vector<Record> found;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(At(snapshot), records()));
  it->Seek(ToSlice(after.empty() ? prefix : after));
  if (!after.empty() && it->Valid() && it->key() == ToSlice(after)) it->Next();
  const auto matches = [&] { return it->Valid() && it->key().starts_with(ToSlice(prefix)); };
  for (; matches() && found.size() < limit; it->Next()) {
    HEDDLE_ASSIGN_OR_RETURN(Record record, DecodeRecord(ToView(it->key()), ToView(it->value())));
    found.push_back(std::move(record));
  }
  *more = matches();
  HEDDLE_RETURN_IF_ERROR(
      FromRocksdb(it->status(), absl::StrCat("reading records under '", prefix, "'")));
  return found;
}

void Database::AddBatch(const Batch& batch, rocksdb::WriteBatch* to) const {
  to->Put(changes(), EncodeNumber(batch.revision), EncodeBatch(batch)).PermitUncheckedError();
  AddRecords(batch.changes, to);
}

void Database::AddRecords(const std::vector<Change>& changes, rocksdb::WriteBatch* to) const {
  // None of these fails in memory: the batch has no size limit and the families exist.
  for (const Change& change : changes) {
    if (change.deleted) {
      to->Delete(records(), change.record.key).PermitUncheckedError();
    } else {
      to->Put(records(), change.record.key, EncodeRecord(change.record)).PermitUncheckedError();
    }
  }
}

void Database::AddRevision(Revision revision, const RecordsDigest& digest,
                           rocksdb::WriteBatch* to) const {
  to->Put(meta(), kRevisionKey, EncodeNumber(revision)).PermitUncheckedError();
  to->Put(meta(), kDigestKey, EncodeNumber(digest.value())).PermitUncheckedError();
}

// The new revision may be below those of the log, when the history is of a restored state.
void Database::AddHistory(const History& history, Revision revision,
                          rocksdb::WriteBatch* to) const {
  constexpr Revision kEnd = std::numeric_limits<Revision>::max();
  PutHistory(history, meta(), to);
  to->DeleteRange(changes(), EncodeNumber(0), EncodeNumber(kEnd)).PermitUncheckedError();
  AddOldest(revision + 1, to);
}

void Database::AddOldest(Revision oldest, rocksdb::WriteBatch* to) const {
  if (revisions_ == Revisions::kAll) return;
  to->Put(meta(), kOldestKey, EncodeNumber(oldest)).PermitUncheckedError();
}

void Database::AddEntry(absl::string_view key, absl::string_view value,
                        rocksdb::WriteBatch* to) const {
  to->Put(meta(), ToSlice(key), ToSlice(value)).PermitUncheckedError();
}

absl::Status Database::WriteUnsynced(rocksdb::WriteBatch* batch) {
  return FromRocksdb(db_->Write({}, batch), absl::StrCat("writing to ", directory_));
}

absl::Status Database::WriteSynced(rocksdb::WriteBatch* batch) {
  return FromRocksdb(db_->Write(Synced(), batch), absl::StrCat("writing to ", directory_));
}

absl::Status Database::WriteTerm(std::uint64_t term) {
  rocksdb::WriteBatch batch;
  batch.Put(meta(), kTermKey, EncodeNumber(term)).PermitUncheckedError();
  return WriteSynced(&batch);
}

absl::Status Database::WriteHistory(const History& history, std::uint64_t term) {
  HEDDLE_ASSIGN_OR_RETURN(const Meta now, ReadMeta());
  rocksdb::WriteBatch batch;
  AddHistory(history, now.revision, &batch);
  batch.Put(meta(), kTermKey, EncodeNumber(term)).PermitUncheckedError();
  HEDDLE_RETURN_IF_ERROR(WriteSynced(&batch));
  oldest_ = now.revision + 1;
  return absl::OkStatus();
}

absl::Status Database::TrimLog(Revision keep_from) {
  if (keep_from <= oldest_) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  batch.DeleteRange(changes(), EncodeNumber(oldest_), EncodeNumber(keep_from))
      .PermitUncheckedError();
  AddOldest(keep_from, &batch);
  HEDDLE_RETURN_IF_ERROR(WriteUnsynced(&batch));
  oldest_ = keep_from;
  return absl::OkStatus();
}

absl::Status Database::Read(Revision first, Revision last,
                            const std::function<void(const Batch&)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, changes()));
  it->Seek(EncodeNumber(first));
  for (Revision revision = first; revision <= last; ++revision, it->Next()) {
    if (!it->Valid()) {
      HEDDLE_RETURN_IF_ERROR(FromRocksdb(it->status(), "reading the change log"));
      if (revisions_ == Revisions::kSome) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat("the change log ends before revision ", revision));
    }
    HEDDLE_ASSIGN_OR_RETURN(const Revision found, DecodeNumber(ToView(it->key())));
    if (revisions_ == Revisions::kSome) {
      if (found > last) return absl::OkStatus();
      revision = found;
    }
    if (found != revision) {
      return absl::DataLossError(
          absl::StrCat("the change log has revision ", found, " where ", revision, " belongs"));
    }
    HEDDLE_ASSIGN_OR_RETURN(const Batch batch, DecodeBatch(revision, ToView(it->value())));
    visit(batch);
  }
  return absl::OkStatus();
}

absl::Status Database::VerifyContents() const {
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(db_->VerifyChecksum(), "verifying the checksums"));
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta, ReadMeta());
  HEDDLE_RETURN_IF_ERROR(VerifyRecords(meta.digest));
  return VerifyLog(meta.revision);
}

absl::Status Database::VerifyRecords(const RecordsDigest& expected) const {
  RecordsDigest found;
  std::uint64_t count = 0;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, records()));
  for (it->SeekToFirst(); it->Valid(); it->Next(), ++count) {
    HEDDLE_ASSIGN_OR_RETURN(const Record record,
                            DecodeRecord(ToView(it->key()), ToView(it->value())));
    found.Add(record.key, record.modified);
  }
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(it->status(), "reading all records"));
  if (found.value() == expected.value()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the ", count, " records found are not those that were committed"));
}

absl::Status Database::VerifyLog(Revision newest) const {
  Revision expected = oldest_;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, changes()));
  for (it->SeekToFirst(); it->Valid(); it->Next(), ++expected) {
    HEDDLE_ASSIGN_OR_RETURN(const Revision found, DecodeNumber(ToView(it->key())));
    // Where some are missing, those that are there must at least be of the time that is logged.
    if (revisions_ == Revisions::kSome && found >= expected && found <= newest) expected = found;
    if (found != expected) break;
  }
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(it->status(), "reading the change log"));
  if (!it->Valid() && revisions_ == Revisions::kSome) return absl::OkStatus();
  if (expected == newest + 1) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the change log has no revision ", expected, "; it goes up to ", newest));
}

std::uint64_t Database::SizeBytes() const {
  std::uint64_t total = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    for (const auto& property : {rocksdb::DB::Properties::kTotalSstFilesSize,
                                 rocksdb::DB::Properties::kSizeAllMemTables}) {
      std::uint64_t bytes = 0;
      if (db_->GetIntProperty(handle, property, &bytes)) total += bytes;
    }
  }
  return total;
}

}  // namespace heddle::storage
