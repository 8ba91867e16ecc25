#include "controller/lease_book_test_store.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace heddle::controller {

using storage::Guard;

bool TestStore::Holds(const Guard& guard) const {
  const auto found = records_.find(guard.key);
  switch (guard.kind) {
    case Guard::Kind::kAbsent:
      return found == records_.end();
    case Guard::Kind::kCreatedAt:
      return found != records_.end() && found->second.created == guard.at;
    case Guard::Kind::kModifiedAt:
      return found != records_.end() && found->second.modified == guard.at;
    case Guard::Kind::kPrefixEmpty: {
      const auto first = records_.lower_bound(guard.key);
      return first == records_.end() || !absl::StartsWith(first->first, guard.key);
    }
  }
  return false;
}

std::optional<std::vector<storage::Change>> TestStore::Commit(
    const storage::Transaction& transaction) {
  const bool hold = std::all_of(transaction.guards.begin(), transaction.guards.end(),
                                [this](const Guard& guard) { return Holds(guard); });
  if (!hold) return std::nullopt;
  std::vector<storage::Change> changes;
  if (transaction.writes.empty()) return changes;
  ++revision_;
  for (const storage::Write& write : transaction.writes) {
    if (write.kind == storage::Write::Kind::kDelete) {
      const auto found = records_.find(write.key);
      if (found == records_.end()) continue;
      changes.push_back({{write.key, "", found->second.created, revision_}, true});
      records_.erase(found);
      continue;
    }
    storage::Record& record = records_[write.key];
    record = {write.key, write.value, record.created == 0 ? revision_ : record.created, revision_};
    changes.push_back({record, false});
  }
  return changes;
}

}  // namespace heddle::controller
