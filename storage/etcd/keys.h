// Our keys in etcd, all under one prefix, and the value of `history`.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/store.h"

namespace heddle::storage {

// The first key after all that begin with `prefix`, as a range's end; "\0", etcd's word for no end,
// when there is none.
std::string PrefixEnd(absl::string_view prefix);

class EtcdKeys {
 public:
  enum class Kind { kRecord, kLeader, kMember, kHistory, kBarrier, kForeign };
  struct Name {
    Kind kind = Kind::kForeign;
    absl::string_view rest;  // of a record its key, of a member its id
  };

  explicit EtcdKeys(const std::string& prefix);

  std::string Record(absl::string_view key) const;
  Name Parse(absl::string_view key) const;

  const std::string prefix, records, leader, members, history, barrier;
};

std::string EncodeHistory(const History& history);
// DataLoss: it is nobody's history.
absl::StatusOr<History> DecodeHistory(absl::string_view bytes);

}  // namespace heddle::storage
