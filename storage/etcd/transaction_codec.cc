#include "storage/etcd/transaction_codec.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heddle::storage {
namespace {

using etcdserverpb::Compare;
using etcdserverpb::KeyValue;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

constexpr int kCreate = 1, kModified = 2, kLease = 4;  // Compare.target; result 0 is "equal"

Compare* AddCompare(TxnRequest* request, const std::string& key, int target) {
  Compare* compare = request->add_compare();
  compare->set_key(key);
  compare->set_target(target);
  return compare;
}

RangeRequest* AddRead(TxnRequest* request, const std::string& key) {
  RangeRequest* range = request->add_failure()->mutable_request_range();
  range->set_key(key);
  return range;
}

// No lease has a negative number, so a token that is not ours is never equal.
std::int64_t LeaseOf(const Fence& fence) {
  std::int64_t lease = 0;
  if (fence.token().size() != 16 || !absl::SimpleHexAtoi(fence.token(), &lease)) return -1;
  return lease;
}

void AddFence(const EtcdKeys& keys, const Fence& fence, TxnRequest* request) {
  AddCompare(request, keys.leader, kCreate)
      ->set_create_revision(static_cast<std::int64_t>(fence.term()));
  AddCompare(request, keys.leader, kLease)->set_lease(LeaseOf(fence));
}

// An absent key compares as one whose numbers are all 0.
void AddGuard(const EtcdKeys& keys, const Guard& guard, TxnRequest* request) {
  const std::string key = keys.Record(guard.key);
  RangeRequest* read = AddRead(request, key);
  const auto at = static_cast<std::int64_t>(guard.at);
  switch (guard.kind) {
    case Guard::Kind::kAbsent:
      AddCompare(request, key, kCreate)->set_create_revision(0);
      return;
    case Guard::Kind::kCreatedAt:
      AddCompare(request, key, kCreate)->set_create_revision(at);
      return;
    case Guard::Kind::kModifiedAt:
      AddCompare(request, key, kModified)->set_mod_revision(at);
      return;
    case Guard::Kind::kPrefixEmpty: {
      Compare* compare = AddCompare(request, key, kCreate);
      compare->set_create_revision(0);
      compare->set_range_end(PrefixEnd(key));
      read->set_range_end(PrefixEnd(key));
      read->set_limit(1);
      return;
    }
  }
}

void AddWrite(const EtcdKeys& keys, const Write& write, TxnRequest* request) {
  if (write.kind == Write::Kind::kPut) {
    auto* put = request->add_success()->mutable_request_put();
    put->set_key(keys.Record(write.key));
    put->set_value(write.value);
  } else {
    request->add_success()->mutable_request_delete_range()->set_key(keys.Record(write.key));
  }
}

absl::Status Misshapen(absl::string_view what) {
  return absl::UnknownError(
      absl::StrCat("etcd's answer to a transaction does not fit it: ", what,
                   "; perhaps it was applied. Is something else than etcd at the endpoint?"));
}

absl::StatusOr<Answer> DecodeApplied(const Transaction& transaction, const TxnResponse& response) {
  Answer answer;
  answer.revision = response.header().revision();
  if (response.responses_size() != static_cast<int>(transaction.writes.size())) {
    return Misshapen("the number of results");
  }
  for (int i = 0; i < response.responses_size(); ++i) {
    const Write& write = transaction.writes[i];
    const bool is_delete = write.kind == Write::Kind::kDelete;
    if (is_delete ? !response.responses(i).has_response_delete_range()
                  : !response.responses(i).has_response_put()) {
      return Misshapen("the kind of a result");
    }
    if (is_delete && response.responses(i).response_delete_range().deleted() == 0) continue;
    Change change;
    change.record = {write.key, is_delete ? "" : write.value, 0, answer.revision};
    change.deleted = is_delete;
    answer.changes.push_back(std::move(change));
  }
  return answer;
}

bool Fenced(const Fence& fence, const RangeResponse& leader) {
  return leader.kvs_size() != 1 ||
         leader.kvs(0).create_revision() != static_cast<std::int64_t>(fence.term()) ||
         leader.kvs(0).lease() != LeaseOf(fence);
}

}  // namespace

Record ToRecord(absl::string_view key, const KeyValue& kv) {
  return {std::string(key), kv.value(), static_cast<Revision>(kv.create_revision()),
          static_cast<Revision>(kv.mod_revision())};
}

TxnRequest EncodeTransaction(const EtcdKeys& keys, const Transaction& transaction,
                             std::int64_t history_modified) {
  TxnRequest request;
  for (const Guard& guard : transaction.guards) AddGuard(keys, guard, &request);
  AddCompare(&request, keys.history, kModified)->set_mod_revision(history_modified);
  AddRead(&request, keys.history);
  if (transaction.fence) {
    AddFence(keys, *transaction.fence, &request);
    AddRead(&request, keys.leader);
  }
  for (const Write& write : transaction.writes) AddWrite(keys, write, &request);
  return request;
}

absl::StatusOr<Answer> DecodeAnswer(const EtcdKeys& keys, const Transaction& transaction,
                                    std::int64_t history_modified, const TxnResponse& response) {
  if (response.succeeded()) return DecodeApplied(transaction, response);
  const int guards = static_cast<int>(transaction.guards.size());
  if (response.responses_size() != guards + (transaction.fence ? 2 : 1)) {
    return Misshapen("the number of reads");
  }
  for (const auto& read : response.responses()) {
    if (!read.has_response_range()) return Misshapen("the kind of a read");
  }
  Answer answer;
  answer.revision = response.header().revision();
  if (transaction.fence &&
      Fenced(*transaction.fence, response.responses(guards + 1).response_range())) {
    answer.kind = Outcome::Kind::kFenced;
    return answer;
  }
  const RangeResponse& history = response.responses(guards).response_range();
  if (history.kvs_size() != 1 || history.kvs(0).mod_revision() != history_modified) {
    return absl::UnavailableError("refused: the store has begun a new history; try again");
  }
  answer.kind = Outcome::Kind::kGuardFailed;
  for (int i = 0; i < guards; ++i) {
    for (const KeyValue& kv : response.responses(i).response_range().kvs()) {
      absl::string_view key = kv.key();
      if (!absl::ConsumePrefix(&key, keys.records)) return Misshapen("a key that was not read");
      answer.current.push_back(ToRecord(key, kv));
    }
  }
  return answer;
}

}  // namespace heddle::storage
