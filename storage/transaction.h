// What a transaction means: limits, guards, fence and effects, one rule for every engine that
// evaluates transactions itself. Pure.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/store.h"

namespace heddle::storage {

// InvalidArgument, naming the limit or the key, for a transaction that no engine may take.
absl::Status CheckTransaction(const Transaction& transaction, const Limits& limits = {});

// The records a transaction is evaluated against.
class RecordView {
 public:
  virtual ~RecordView() = default;
  virtual absl::StatusOr<std::optional<Record>> Find(absl::string_view key) const = 0;
  virtual absl::StatusOr<std::optional<Record>> FirstUnder(absl::string_view prefix) const = 0;
};

struct Verdict {
  Outcome::Kind kind = Outcome::Kind::kApplied;
  std::vector<Record> current;  // as in Outcome
  std::vector<Change> changes;  // when applied; empty: it takes no revision
  // For each change, when the record it replaces or deletes was modified; 0 when there was none.
  std::vector<Revision> replaced;
};

// Judges `transaction` as if it were the one committed at `revision`, while `newest` is the newest
// fence given (absent: none was, so every fence is old).
absl::StatusOr<Verdict> Evaluate(const Transaction& transaction, const std::optional<Fence>& newest,
                                 Revision revision, const RecordView& records);

}  // namespace heddle::storage
