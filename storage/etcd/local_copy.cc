#include "storage/etcd/local_copy.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "rocksdb/env.h"
#include "spdlog/spdlog.h"
#include "storage/etcd/stored.pb.h"
#include "storage/rocksdb/directory.h"

namespace heddle::storage {
namespace {

constexpr char kOriginEntry[] = "origin";
constexpr std::size_t kScanned = 1000;  // records compared at a time

std::string EncodeOrigin(const LocalCopy::Origin& origin) {
  etcd::CopyOrigin stored;
  stored.set_cluster_id(origin.cluster_id);
  stored.set_raft_term(origin.raft_term);
  stored.set_heard_unix_ms(absl::ToUnixMillis(origin.heard));
  return stored.SerializeAsString();
}

absl::StatusOr<std::unique_ptr<Database>> OpenChecked(const std::string& folder) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                          Database::Open(folder, Database::Mode::kReadWrite,
                                         rocksdb::Env::Default(), Database::Revisions::kSome));
  HEDDLE_RETURN_IF_ERROR(database->VerifyContents());
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> MakeEmpty(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot remove ", folder, ": ", error.message()));
  }
  HEDDLE_RETURN_IF_ERROR(Database::Create(folder, History(), rocksdb::Env::Default()));
  return OpenChecked(folder);
}

absl::StatusOr<std::unique_ptr<Database>> OpenOrMake(const std::string& folder) {
  if (!std::filesystem::exists(folder)) return MakeEmpty(folder);
  absl::StatusOr<std::unique_ptr<Database>> opened = OpenChecked(folder);
  if (opened.ok()) return opened;
  if (IsHeldByAnother(opened.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " is in use by another process, probably a second heddle-controller: stop that ",
        "one, or give this one a directory of its own"));
  }
  // A newer version's copy is as useless here as a damaged one.
  if (!absl::IsDataLoss(opened.status()) && !absl::IsFailedPrecondition(opened.status())) {
    return opened;
  }
  spdlog::warn("storage: the local copy {} is thrown away and will be filled anew from etcd: {}",
               folder, std::string(opened.status().message()));
  return MakeEmpty(folder);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalCopy>> LocalCopy::Open(const std::string& path,
                                                           std::size_t history_limit) {
  HEDDLE_RETURN_IF_ERROR(MakeFolders(path, 0700));
  HEDDLE_RETURN_IF_ERROR(ProbeWritable(path));
  // Not the name of an embedded store's database, which must never be thrown away.
  std::string folder = absl::StrCat(path, "/etcd-copy");
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, OpenOrMake(folder));
  std::unique_ptr<LocalCopy> copy(
      new LocalCopy(std::move(folder), std::move(database), history_limit));
  HEDDLE_RETURN_IF_ERROR(copy->ReadState());
  return copy;
}

absl::Status LocalCopy::ReadState() {
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta, slot_.get()->ReadMeta());
  history_ = meta.history;
  revision_ = meta.revision;
  const absl::StatusOr<std::string> bytes = slot_.get()->FindEntry(kOriginEntry);
  etcd::CopyOrigin stored;
  if (bytes.ok() && stored.ParseFromString(*bytes)) {
    origin_ = {stored.cluster_id(), stored.raft_term(),
               absl::FromUnixMillis(stored.heard_unix_ms())};
  }
  logged_.clear();
  return slot_.get()->Read(slot_.get()->Oldest(), revision_,
                           [this](const Batch& batch) { logged_.push_back(batch.revision); });
}

absl::StatusOr<std::vector<Batch>> LocalCopy::Apply(std::vector<Batch> batches) {
  const Database& database = *slot_.get();
  PendingRecords records(&database);
  RecordsDigest digest = database.digest();
  rocksdb::WriteBatch write;
  std::vector<Batch> applied;
  Revision last = revision_;
  for (Batch& batch : batches) {
    last = batch.revision;
    HEDDLE_RETURN_IF_ERROR(Complete(&batch.changes, last, &records, &digest));
    if (batch.changes.empty()) continue;
    database.AddBatch(batch, &write);
    applied.push_back(std::move(batch));
  }
  HEDDLE_RETURN_IF_ERROR(Write(&write, last, digest));
  for (const Batch& batch : applied) logged_.push_back(batch.revision);
  HEDDLE_RETURN_IF_ERROR(KeepWithinLimit());
  return applied;
}

absl::Status LocalCopy::BeginHistory(const History& history, Revision revision) {
  rocksdb::WriteBatch write;
  slot_.get()->AddHistory(history, revision, &write);
  HEDDLE_RETURN_IF_ERROR(Write(&write, revision, slot_.get()->digest()));
  slot_.get()->set_oldest(revision + 1);
  slot_.EndListings();
  history_ = history;
  logged_.clear();
  return absl::OkStatus();
}

absl::Status LocalCopy::Replace(const History& history, std::vector<Record> listing,
                                Revision revision) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Change> changes, Towards(std::move(listing), revision));
  RecordsDigest digest = slot_.get()->digest();
  PendingRecords records(slot_.get());
  HEDDLE_RETURN_IF_ERROR(Complete(&changes, revision, &records, &digest));
  rocksdb::WriteBatch write;
  slot_.get()->AddRecords(changes, &write);
  slot_.get()->AddHistory(history, revision, &write);
  HEDDLE_RETURN_IF_ERROR(Write(&write, revision, digest));
  slot_.get()->set_oldest(revision + 1);
  slot_.EndListings();
  history_ = history;
  logged_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Change>> LocalCopy::Differences(std::vector<Record> listing,
                                                           Revision at) const {
  absl::flat_hash_set<std::string> later;
  if (at < revision_) {
    if (slot_.get()->Oldest() > at + 1) {
      return absl::FailedPreconditionError("the copy's log no longer reaches back to the listing");
    }
    HEDDLE_RETURN_IF_ERROR(slot_.get()->Read(at + 1, revision_, [&](const Batch& batch) {
      for (const Change& change : batch.changes) later.insert(change.record.key);
    }));
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Change> changes, Towards(std::move(listing), at));
  changes.erase(std::remove_if(changes.begin(), changes.end(),
                               [&](const Change& c) { return later.contains(c.record.key); }),
                changes.end());
  return changes;
}

absl::StatusOr<std::vector<Change>> LocalCopy::Towards(std::vector<Record> listing,
                                                       Revision at) const {
  std::sort(listing.begin(), listing.end(),
            [](const Record& a, const Record& b) { return a.key < b.key; });
  std::vector<Change> changes;
  auto wanted = listing.begin();
  std::string after;
  for (bool more = true; more;) {
    HEDDLE_ASSIGN_OR_RETURN(const std::vector<Record> held,
                            slot_.get()->Scan(nullptr, "", after, kScanned, &more));
    for (const Record& record : held) {
      for (; wanted != listing.end() && wanted->key < record.key; ++wanted) {
        changes.push_back({*wanted, false});
      }
      if (wanted == listing.end() || wanted->key != record.key) {
        changes.push_back({{record.key, "", record.created, at}, /*deleted=*/true});
      } else {
        if (wanted->modified != record.modified || wanted->value != record.value) {
          changes.push_back({*wanted, false});
        }
        ++wanted;
      }
    }
    if (!held.empty()) after = held.back().key;
  }
  for (; wanted != listing.end(); ++wanted) changes.push_back({*wanted, false});
  return changes;
}

absl::Status LocalCopy::Complete(std::vector<Change>* changes, Revision revision,
                                 PendingRecords* records, RecordsDigest* digest) {
  std::vector<Change> complete;
  for (Change& change : *changes) {
    Record& record = change.record;
    HEDDLE_ASSIGN_OR_RETURN(const Record* const before, records->Find(record.key));
    if (before != nullptr) digest->Remove(record.key, before->modified);
    if (change.deleted && before == nullptr) continue;
    if (change.deleted || record.created == 0) {
      record.created = before != nullptr ? before->created : revision;
    }
    if (!change.deleted) digest->Add(record.key, record.modified);
    records->Take(change);
    complete.push_back(std::move(change));
  }
  *changes = std::move(complete);
  return absl::OkStatus();
}

absl::Status LocalCopy::Write(rocksdb::WriteBatch* batch, Revision revision,
                              const RecordsDigest& digest) {
  slot_.get()->AddRevision(revision, digest, batch);
  slot_.get()->AddEntry(kOriginEntry, EncodeOrigin(origin_), batch);
  HEDDLE_RETURN_IF_ERROR(slot_.get()->WriteUnsynced(batch));
  slot_.get()->set_digest(digest);
  revision_ = revision;
  return absl::OkStatus();
}

absl::Status LocalCopy::Trim(Revision keep_from) {
  keep_from = std::min(keep_from, revision_ + 1);
  while (!logged_.empty() && logged_.front() < keep_from) logged_.pop_front();
  return slot_.get()->TrimLog(keep_from);
}

absl::Status LocalCopy::Reopen() {
  HEDDLE_RETURN_IF_ERROR(ProbeWritable(std::filesystem::path(folder_).parent_path()));
  absl::Status status;
  slot_.Replace([&]() -> std::unique_ptr<Database> {
    absl::StatusOr<std::unique_ptr<Database>> opened = OpenOrMake(folder_);
    status = opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  });
  HEDDLE_RETURN_IF_ERROR(status);
  return ReadState();
}

// Not at every batch: one range deletion for an eighth of the limit.
absl::Status LocalCopy::KeepWithinLimit() {
  if (logged_.size() <= history_limit_ + history_limit_ / 8) return absl::OkStatus();
  return Trim(logged_[logged_.size() - history_limit_]);
}

}  // namespace heddle::storage
