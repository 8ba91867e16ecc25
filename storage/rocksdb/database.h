// One opened RocksDB database with our three column families, as records, batches and numbers.
//
// Thread-safe for reading; one thread writes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/feed.h"
#include "storage/rocksdb/records_digest.h"
#include "storage/store.h"

namespace heddle::storage {

// What a RocksDB error means to us. `what` says what was being done to which object.
absl::Status FromRocksdb(const rocksdb::Status& status, absl::string_view what);

inline rocksdb::Slice ToSlice(absl::string_view s) { return {s.data(), s.size()}; }
inline absl::string_view ToView(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

struct Meta {
  History history;
  std::uint64_t schema = 0;
  Revision revision = 0;
  std::uint64_t term = 0;
  RecordsDigest digest;

  Position position() const { return {history.id, revision}; }
};

// A consistent view that later writes do not change. Must not outlive its database.
using Snapshot = std::shared_ptr<const rocksdb::Snapshot>;

class Database final : public ChangeLog {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // How revisions follow each other in the change log: every one, or only those that changed a
  // record, as in the copy of a store that has revisions for other things, too.
  enum class Revisions { kAll, kSome };

  // `directory` must hold a database that Create made. For writing, the log is replayed into new
  // files and then removed, also when something is found wrong later.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& directory, Mode mode,
                                                        rocksdb::Env* env,
                                                        Revisions revisions = Revisions::kAll);
  // Makes the database, with `history` and nothing else in it, and closes it.
  static absl::Status Create(const std::string& directory, const History& history,
                             rocksdb::Env* env);
  ~Database() override;

  rocksdb::DB* raw() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* records() const { return handles_[1]; }
  const std::string& directory() const { return directory_; }

  Snapshot TakeSnapshot() const;
  absl::StatusOr<Meta> ReadMeta(const rocksdb::Snapshot* snapshot = nullptr) const;
  absl::StatusOr<std::optional<Record>> Find(absl::string_view key) const;
  // At most `limit` records under `prefix` and above `after` (exclusive; "" = from the start).
  // `more` says whether others follow.
  absl::StatusOr<std::vector<Record>> Scan(const rocksdb::Snapshot* snapshot,
                                           absl::string_view prefix, absl::string_view after,
                                           std::size_t limit, bool* more) const;

  // Adds to `to` what makes `batch` committed: its records and its place in the log. Besides, a
  // write needs AddRevision, once.
  void AddBatch(const Batch& batch, rocksdb::WriteBatch* to) const;
  // The same without a place in the log.
  void AddRecords(const std::vector<Change>& changes, rocksdb::WriteBatch* to) const;
  // The newest revision, and the digest of all records after it.
  void AddRevision(Revision revision, const RecordsDigest& digest, rocksdb::WriteBatch* to) const;
  // Another history, of which the log has what follows `revision`; once it is written,
  // set_oldest(revision + 1) must be called.
  void AddHistory(const History& history, Revision revision, rocksdb::WriteBatch* to) const;
  void set_oldest(Revision oldest) { oldest_ = oldest; }
  // Something of the user's own beside the records.
  void AddEntry(absl::string_view key, absl::string_view value, rocksdb::WriteBatch* to) const;
  // DataLoss when there is none.
  absl::StatusOr<std::string> FindEntry(absl::string_view key,
                                        const rocksdb::Snapshot* snapshot = nullptr) const;
  // Durable when it returns OK. On an error the write may or may not be found after a reopen.
  absl::Status WriteSynced(rocksdb::WriteBatch* batch);
  // Survives the end of the process, but not of the machine.
  absl::Status WriteUnsynced(rocksdb::WriteBatch* batch);
  absl::Status WriteTerm(std::uint64_t term);
  // From `history` on there are only the records: the change log is emptied.
  absl::Status WriteHistory(const History& history, std::uint64_t term);
  // Forgets the batches before `keep_from`.
  absl::Status TrimLog(Revision keep_from);

  Revision Oldest() const override { return oldest_; }
  absl::Status Read(Revision first, Revision last,
                    const std::function<void(const Batch&)>& visit) const override;

  // Of all records as last committed; for the writing thread.
  const RecordsDigest& digest() const { return digest_; }
  void set_digest(const RecordsDigest& digest) { digest_ = digest; }

  // Reads everything: DataLoss when a checksum is wrong, a record missing or one too many, or the
  // change log has a gap.
  absl::Status VerifyContents() const;
  std::uint64_t SizeBytes() const;

 private:
  Database(std::string directory, Revisions revisions, std::unique_ptr<rocksdb::DB> db,
           std::vector<rocksdb::ColumnFamilyHandle*> handles);
  rocksdb::ColumnFamilyHandle* meta() const { return handles_[0]; }
  rocksdb::ColumnFamilyHandle* changes() const { return handles_[2]; }
  // 0 when there is none.
  absl::StatusOr<std::uint64_t> ReadLaterNumber(absl::string_view key,
                                                const rocksdb::Snapshot* snapshot) const;
  absl::Status VerifyRecords(const RecordsDigest& expected) const;
  absl::Status VerifyLog(Revision newest) const;
  absl::Status ReadState();
  void AddOldest(Revision oldest, rocksdb::WriteBatch* to) const;

  const std::string directory_;
  const Revisions revisions_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // meta, records, changes
  // Touched by the writing thread only.
  Revision oldest_ = 1;
  RecordsDigest digest_;
};

}  // namespace heddle::storage
