// A transaction as etcd's Txn, and what its answer means. Pure.
//
// Everything that storage/transaction.h's Evaluate judges is judged by etcd: the fence as create
// revision and lease of the leader key, the guards as compares. Besides, the history key must not
// have changed. The failure branch reads all of them, so a refusal says which of them it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/etcd/etcd.pb.h"
#include "storage/etcd/keys.h"
#include "storage/store.h"

namespace heddle::storage {

// `transaction` has passed CheckTransaction. `history_modified` is the mod revision of the history
// that it belongs to.
etcdserverpb::TxnRequest EncodeTransaction(const EtcdKeys& keys, const Transaction& transaction,
                                           std::int64_t history_modified);

struct Answer {
  Outcome::Kind kind = Outcome::Kind::kApplied;
  Revision revision = 0;        // of the commit, or of the refusing read
  std::vector<Record> current;  // as in Outcome
  // When applied, in the order of the writes. `created` of a put is 0: it is as it was, or this
  // revision when the key is new. Empty: the transaction took no revision.
  std::vector<Change> changes;
};

// Unavailable: refused, since another history has begun. Unknown: an answer that does not fit.
absl::StatusOr<Answer> DecodeAnswer(const EtcdKeys& keys, const Transaction& transaction,
                                    std::int64_t history_modified,
                                    const etcdserverpb::TxnResponse& response);

// The record that `kv`, whose key is `key` without the prefix, holds.
Record ToRecord(absl::string_view key, const etcdserverpb::KeyValue& kv);

}  // namespace heddle::storage
