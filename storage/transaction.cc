#include "storage/transaction.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::storage {
namespace {

bool Holds(const Guard& guard, const std::optional<Record>& found) {
  switch (guard.kind) {
    case Guard::Kind::kAbsent:
    case Guard::Kind::kPrefixEmpty:
      return !found;
    case Guard::Kind::kCreatedAt:
      return (found ? found->created : 0) == guard.at;
    case Guard::Kind::kModifiedAt:
      return (found ? found->modified : 0) == guard.at;
  }
  return false;
}

bool IsNewest(const Fence& fence, const std::optional<Fence>& newest) {
  return newest && fence.term() == newest->term() && fence.token() == newest->token();
}

Change Effect(const Write& write, Revision revision, const std::optional<Record>& before) {
  Change change;
  change.deleted = write.kind == Write::Kind::kDelete;
  change.record.key = write.key;
  if (!change.deleted) change.record.value = write.value;
  change.record.created = before ? before->created : revision;
  change.record.modified = revision;
  return change;
}

}  // namespace

absl::Status CheckTransaction(const Transaction& transaction, const Limits& limits) {
  if (transaction.writes.size() > limits.max_writes) {
    return absl::InvalidArgumentError(absl::StrCat("a transaction of ", transaction.writes.size(),
                                                   " writes; at most ", limits.max_writes,
                                                   " are allowed: split it"));
  }
  if (transaction.guards.size() > limits.max_guards) {
    return absl::InvalidArgumentError(absl::StrCat("a transaction of ", transaction.guards.size(),
                                                   " guards; at most ", limits.max_guards,
                                                   " are allowed: split it"));
  }
  std::size_t bytes = 0;
  for (const Guard& guard : transaction.guards) {
    if (guard.key.empty() && guard.kind != Guard::Kind::kPrefixEmpty) {
      return absl::InvalidArgumentError("a guard has an empty key");
    }
    bytes += guard.key.size();
  }
  absl::flat_hash_set<absl::string_view> keys;
  for (const Write& write : transaction.writes) {
    if (write.key.empty()) return absl::InvalidArgumentError("a write has an empty key");
    if (!keys.insert(write.key).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("key '", write.key, "' is written twice in one transaction"));
    }
    bytes += write.key.size() + write.value.size();
  }
  if (bytes > limits.max_transaction_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("a transaction of ", bytes, " bytes; at most ",
                                                   limits.max_transaction_bytes,
                                                   " are allowed: split it"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Verdict> Evaluate(const Transaction& transaction, const std::optional<Fence>& newest,
                                 Revision revision, const RecordView& records) {
  Verdict verdict;
  if (transaction.fence && !IsNewest(*transaction.fence, newest)) {
    verdict.kind = Outcome::Kind::kFenced;
    return verdict;
  }
  for (const Guard& guard : transaction.guards) {
    const bool by_prefix = guard.kind == Guard::Kind::kPrefixEmpty;
    HEDDLE_ASSIGN_OR_RETURN(std::optional<Record> found,
                            by_prefix ? records.FirstUnder(guard.key) : records.Find(guard.key));
    if (!Holds(guard, found)) verdict.kind = Outcome::Kind::kGuardFailed;
    if (found) verdict.current.push_back(*std::move(found));
  }
  if (verdict.kind == Outcome::Kind::kGuardFailed) return verdict;
  verdict.current.clear();
  for (const Write& write : transaction.writes) {
    HEDDLE_ASSIGN_OR_RETURN(const std::optional<Record> before, records.Find(write.key));
    if (write.kind == Write::Kind::kDelete && !before) continue;
    verdict.changes.push_back(Effect(write, revision, before));
    verdict.replaced.push_back(before ? before->modified : 0);
  }
  return verdict;
}

}  // namespace heddle::storage
