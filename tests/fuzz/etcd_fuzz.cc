// Any bytes as what etcd, or who stands in its place, says: the answers of a watch, one after the
// other, the answer to a transaction, and the values under our keys that others can write.
#include "storage/etcd/keys.h"
#include "storage/etcd/session.h"
#include "storage/etcd/transaction_codec.h"
#include "storage/etcd/watch.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::storage {
namespace {

using fuzz::Accepted;
using fuzz::Require;

// What is taken out is in order, above what was seen, and of one revision each.
void CheckWatch(const std::string& input) {
  WatchAssembler assembler;
  Revision last = 10;
  fuzz::Pieces pieces(input);
  while (const auto piece = pieces.Next()) {
    etcdserverpb::WatchResponse response;
    if (!response.ParseFromString(piece->bytes)) continue;
    const auto step = assembler.Take(std::move(response), last);
    Require(!step.is_over || (step.revisions.empty() && !step.is_open));
    for (const WatchedRevision& watched : step.revisions) {
      Require(watched.revision > last && !watched.events.empty());
      last = watched.revision;
    }
  }
}

void CheckAnswer(const std::string& bytes) {
  etcdserverpb::TxnResponse response;
  if (!response.ParseFromString(bytes)) return;
  const EtcdKeys keys("/heddle/");
  Transaction transaction;
  transaction.fence.emplace(7, "00000000000000ff");
  transaction.guards = {{Guard::Kind::kAbsent, "a", 0}, {Guard::Kind::kPrefixEmpty, "p/", 0}};
  transaction.writes = {{Write::Kind::kPut, "a", "1"}, {Write::Kind::kDelete, "b", ""}};
  const auto answer = DecodeAnswer(keys, transaction, 3, response);
  if (!Accepted(answer)) return;
  Require(answer->kind == Outcome::Kind::kApplied || answer->changes.empty());
  Require(answer->changes.size() <= transaction.writes.size());
}

void CheckHistory(const std::string& bytes) {
  const auto history = DecodeHistory(bytes);
  if (!Accepted(history)) return;
  const auto again = DecodeHistory(EncodeHistory(*history));
  Require(again.ok() && again->id == history->id && again->restored == history->restored);
}

void CheckMember(const std::string& bytes) { Accepted(DecodeMember(bytes)); }

void CheckKey(const std::string& key) {
  const EtcdKeys keys("/heddle/");
  const EtcdKeys::Name name = keys.Parse(key);
  if (name.kind == EtcdKeys::Kind::kRecord) Require(keys.Record(name.rest) == key);
  Require(PrefixEnd(key) > key || PrefixEnd(key) == std::string(1, '\0'));
}

}  // namespace
}  // namespace heddle::storage

HEDDLE_FUZZ_ONE_OF(heddle::storage::CheckWatch, heddle::storage::CheckAnswer,
                   heddle::storage::CheckHistory, heddle::storage::CheckMember,
                   heddle::storage::CheckKey)
