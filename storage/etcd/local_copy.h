// The copy of the records that a replica serves from, in RocksDB: what etcd had at one revision,
// and the changes that led there.
//
// Nothing in it is worth more than a listing of etcd, so its writes are not synced and a damaged
// copy is thrown away; but each write is whole. One thread writes; `database()` is for readers in
// any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/rocksdb/database_slot.h"
#include "storage/rocksdb/pending_records.h"
#include "storage/store.h"

namespace heddle::storage {

class LocalCopy {
 public:
  struct Origin {  // of what is in the copy
    std::uint64_t cluster_id = 0;
    std::uint64_t raft_term = 0;
    absl::Time heard = absl::UnixEpoch();  // of etcd, last
  };

  // Opens the copy in `path`, making an empty one when there is none or, with a warning, when it is
  // damaged. FailedPrecondition: another process has it. ResourceExhausted, Unavailable: the disk.
  static absl::StatusOr<std::unique_ptr<LocalCopy>> Open(const std::string& path,
                                                         std::size_t history_limit);

  DatabaseSlot& database() { return slot_; }

  // For the writing thread. Without a history the copy is of nothing yet.
  const History& history() const { return history_; }
  Revision revision() const { return revision_; }
  const Origin& origin() const { return origin_; }
  const ChangeLog& log() { return *slot_.get(); }
  absl::StatusOr<std::optional<Record>> Find(absl::string_view key) const {
    return slot_.get()->Find(key);
  }

  // Stored with the next write.
  void Heard(const Origin& origin) { origin_ = origin; }
  // Adds batches newer than all before, ascending, in one write; one of nothing only moves the
  // revision. Returns those that change something as subscribers are to see them: with `created`
  // where it was 0, without deletes of what was not there. An error leaves the copy as it was, and
  // it must be opened again.
  absl::StatusOr<std::vector<Batch>> Apply(std::vector<Batch> batches);

  // From `revision` on the records, as they are, are of another history.
  absl::Status BeginHistory(const History& history, Revision revision);
  // The whole content becomes `listing`, which was read at `revision`.
  absl::Status Replace(const History& history, std::vector<Record> listing, Revision revision);
  // What makes the copy equal to `listing`, which was read at `at`; keys that the copy knows to
  // have changed later are left alone. FailedPrecondition: the log no longer says which.
  absl::StatusOr<std::vector<Change>> Differences(std::vector<Record> listing, Revision at) const;

  absl::Status Trim(Revision keep_from);
  // Closes and opens it again, as Open does. After an error it must not be used but for this.
  absl::Status Reopen();

 private:
  LocalCopy(std::string folder, std::unique_ptr<Database> database, std::size_t history_limit)
      : folder_(std::move(folder)), history_limit_(history_limit), slot_(std::move(database)) {}
  absl::Status ReadState();
  // The changes towards `listing` of all records.
  absl::StatusOr<std::vector<Change>> Towards(std::vector<Record> listing, Revision at) const;
  static absl::Status Complete(std::vector<Change>* changes, Revision revision,
                               PendingRecords* records, RecordsDigest* digest);
  absl::Status Write(rocksdb::WriteBatch* batch, Revision revision, const RecordsDigest& digest);
  absl::Status KeepWithinLimit();

  const std::string folder_;
  const std::size_t history_limit_;
  DatabaseSlot slot_;
  History history_;
  Revision revision_ = 0;
  Origin origin_;
  std::deque<Revision> logged_;  // revisions in the log
};

}  // namespace heddle::storage
