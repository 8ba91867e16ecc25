#include "controller/restore.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "controller/await.h"
#include "controller/certificate_record.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

using storage::Outcome;
using storage::Transaction;
using storage::Write;

constexpr std::size_t kPageRecords = 1000;
// Room for guards, keys and what an engine adds.
constexpr std::size_t kTransactionBytes = storage::Limits().max_transaction_bytes / 2;
constexpr int kAttempts = 5;
constexpr absl::Duration kPause = absl::Milliseconds(400);

absl::Status Interrupted(const absl::Status& why) {
  return absl::UnavailableError(absl::StrCat(
      "the restore was interrupted (", why.message(),
      "); until it is complete nodes are not served and nothing can be changed. Run it again"));
}

// Whether the record stays as it is, though the backup says otherwise, or has none.
bool Stays(const storage::Record& present, const std::string* backup) {
  if (!absl::StartsWith(present.key, kCertificatePrefix)) return false;
  if (backup == nullptr) return true;
  const absl::StatusOr<IssuedCertificate> certificate = DecodeCertificate(present);
  return !certificate.ok() || certificate->is_revoked();
}

absl::Status AddTokenDeletes(storage::Store* store, std::vector<Write>* writes) {
  std::string cursor;
  do {
    HEDDLE_ASSIGN_OR_RETURN(const storage::Page page,
                            store->List(kTokenPrefix, cursor, kPageRecords,
                                        storage::Store::Consistency::kLinearizable));
    for (const storage::Record& record : page.records) {
      writes->push_back({Write::Kind::kDelete, record.key, ""});
    }
    cursor = page.next_cursor;
  } while (!cursor.empty());
  return absl::OkStatus();
}

// What makes the store's records those of the backup.
absl::StatusOr<std::vector<Write>> Difference(storage::Store* store,
                                              const std::map<std::string, std::string>& records) {
  std::vector<Write> writes;
  auto next = records.begin();
  const auto put_until = [&](const std::string* key) {
    for (; next != records.end() && (key == nullptr || next->first < *key); ++next) {
      writes.push_back({Write::Kind::kPut, next->first, next->second});
    }
  };
  std::string cursor;
  do {
    HEDDLE_ASSIGN_OR_RETURN(const storage::Page page,
                            store->List(kNetworkPrefix, cursor, kPageRecords,
                                        storage::Store::Consistency::kLinearizable));
    for (const storage::Record& record : page.records) {
      put_until(&record.key);
      if (next == records.end() || next->first != record.key) {
        if (Stays(record, nullptr)) continue;
        writes.push_back({Write::Kind::kDelete, record.key, ""});
      } else {
        if (next->second != record.value && !Stays(record, &next->second)) {
          writes.push_back({Write::Kind::kPut, next->first, next->second});
        }
        ++next;
      }
    }
    cursor = page.next_cursor;
  } while (!cursor.empty());
  put_until(nullptr);
  HEDDLE_RETURN_IF_ERROR(AddTokenDeletes(store, &writes));
  return writes;
}

std::vector<Transaction> Cut(std::vector<Write> writes, const Writer::RestoreBegun& begun) {
  const storage::Limits limits;
  std::vector<Transaction> transactions;
  std::size_t bytes = 0;
  for (Write& write : writes) {
    const std::size_t more = write.key.size() + write.value.size();
    if (transactions.empty() || transactions.back().writes.size() == limits.max_writes ||
        bytes + more > kTransactionBytes) {
      transactions.push_back(
          {begun.fence, {{storage::Guard::Kind::kModifiedAt, kRestoreKey, begun.modified}}, {}});
      bytes = 0;
    }
    bytes += more;
    transactions.back().writes.push_back(std::move(write));
  }
  return transactions;
}

absl::Status CommitAll(storage::Store* store, std::vector<Transaction> transactions,
                       const std::atomic<bool>& ending) {
  for (Transaction& transaction : transactions) {
    if (ending) return absl::CancelledError("this controller is ending");
    HEDDLE_ASSIGN_OR_RETURN(const Outcome outcome, (Await<Outcome>(ending, [&](auto done) {
                              store->Commit(std::move(transaction), std::move(done));
                            })));
    if (outcome.kind == Outcome::Kind::kApplied) continue;
    return absl::FailedPreconditionError(
        outcome.kind == Outcome::Kind::kFenced
            ? "another controller has taken over the lead; run the restore again there"
            : "another restore has taken over this one");
  }
  return absl::OkStatus();
}

absl::Status BeginHistory(storage::Store* store, const std::string& former) {
  const absl::Status begun = store->StartNewHistory();
  if (!absl::IsUnknown(begun)) return begun;
  for (int attempt = 0; attempt < kAttempts; ++attempt, absl::SleepFor(kPause)) {
    if (store->Describe().history.id != former) return absl::OkStatus();
  }
  return begun;
}

}  // namespace

absl::Status ReplaceRecords(storage::Store* store, const Writer::RestoreBegun& begun,
                            const std::map<std::string, std::string>& records,
                            const std::atomic<bool>& ending) {
  // After a commit whose end is not known the difference says what is left to do.
  absl::Status last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0 && !last.ok()) absl::SleepFor(kPause);
    absl::StatusOr<std::vector<Write>> left = Difference(store, records);
    last = left.status();
    if (!last.ok()) continue;
    if (left->empty()) {
      const absl::Status history = BeginHistory(store, begun.history);
      return history.ok() ? history : Interrupted(history);
    }
    last = CommitAll(store, Cut(*std::move(left), begun), ending);
    if (absl::IsFailedPrecondition(last)) return last;
    if (absl::IsCancelled(last)) break;
  }
  return Interrupted(last);
}

}  // namespace heddle::controller
