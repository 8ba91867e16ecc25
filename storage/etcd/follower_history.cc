// How the follower meets a history that is not the copy's, and how it begins one.
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "storage/etcd/follower.h"
#include "storage/etcd/listing.h"
#include "storage/etcd/transaction_codec.h"
#include "storage/rocksdb/directory.h"

namespace heddle::storage {

using etcdserverpb::KeyValue;
using etcdserverpb::TxnResponse;

// Records without a history were put there by nobody we know: nodes may know better.
void Follower::MakeHistory() {
  etcdserverpb::RangeRequest request;
  request.set_key(keys_.records);
  request.set_range_end(PrefixEnd(keys_.records));
  request.set_count_only(true);
  client_->Range(std::move(request), OnThread<etcdserverpb::RangeResponse>([this](auto records) {
                   if (!records.ok()) return Retry(records.status());
                   PutHistory(0, /*restored=*/records->count() > 0, ConnectAfter());
                 }));
}

void Follower::LeaveHistory() {
  spdlog::error(
      "storage: etcd has gone back: it is at revision {} of cluster {:x} and has not all that this "
      "replica has seen up to revision {} of cluster {:x}. It was restored from an older state; a "
      "new history begins",
      survey_.revision, survey_.cluster_id, replica_->revision(), replica_->origin().cluster_id);
  NotReady(absl::UnavailableError("etcd was restored from an older state"));
  PutHistory(survey_.history->mod_revision(), /*restored=*/true, ConnectAfter());
}

// Whoever was first: the next survey says which history it is now.
std::function<void(absl::StatusOr<Revision>)> Follower::ConnectAfter() {
  return [this, attempt = attempt_](const absl::StatusOr<Revision>& put) {
    if (attempt != attempt_) return;
    if (!put.ok()) return Retry(put.status());
    Connect();
  };
}

void Follower::ReplaceHistory(const History& history) {
  List(survey_.revision, [this, history](std::vector<Record> records) {
    spdlog::info("storage: the local copy is filled with {} records of history {} at revision {}",
                 records.size(), history.id, survey_.revision);
    replica_->Replace(history, std::move(records), survey_.revision);
    if (replica_->is_open()) OpenWatch(survey_.revision + 1);
  });
}

void Follower::FillGap() {
  List(survey_.revision, [this](std::vector<Record> records) {
    absl::StatusOr<std::vector<Change>> changes =
        replica_->copy().Differences(std::move(records), survey_.revision);
    if (!changes.ok()) return Retry(changes.status());
    spdlog::info("storage: {} records changed between revisions {} and {}", changes->size(),
                 replica_->revision(), survey_.revision);
    replica_->Advance({survey_.revision, *std::move(changes)});
    if (replica_->is_open()) OpenWatch(replica_->revision() + 1);
  });
}

void Follower::List(Revision revision, std::function<void(std::vector<Record>)> take) {
  ListAll(client_, keys_.records, static_cast<std::int64_t>(revision),
          OnThread<std::vector<KeyValue>>([this, take](auto listed) {
            if (!listed.ok()) return Retry(listed.status());
            std::vector<Record> records;
            records.reserve(listed->size());
            for (const KeyValue& kv : *listed) {
              records.push_back(ToRecord(keys_.Parse(kv.key()).rest, kv));
            }
            take(std::move(records));
          }));
}

void Follower::PutHistory(std::int64_t expected_modified, bool restored,
                          std::function<void(absl::StatusOr<Revision>)> done) {
  etcdserverpb::TxnRequest request;
  auto* compare = request.add_compare();
  compare->set_key(keys_.history);
  compare->set_target(2);  // mod revision
  compare->set_mod_revision(expected_modified);
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(keys_.history);
  put->set_value(EncodeHistory(NewHistory(restored)));
  // With the leader key every fence given so far is void.
  request.add_success()->mutable_request_delete_range()->set_key(keys_.leader);
  client_->Txn(std::move(request), [this, done](absl::StatusOr<TxnResponse> response) {
    thread_->Post([done, response = std::move(response)] {
      if (!response.ok()) return done(response.status());
      if (!response->succeeded()) {
        return done(absl::AbortedError("another new history has begun meanwhile"));
      }
      done(static_cast<Revision>(response->header().revision()));
    });
  });
}

void Follower::BeginHistory(std::function<void(absl::Status)> done) {
  if (!is_ready_) return done(absl::UnavailableError("etcd is not followed now; try again later"));
  PutHistory(history_modified_, /*restored=*/true, [this, done](absl::StatusOr<Revision> put) {
    if (!put.ok()) return done(put.status());
    replica_->Await(*put, [done](const absl::Status& status) {
      done(status.ok() ? status : absl::UnknownError(status.message()));
    });
  });
}

void Follower::TakeHistory(const etcdserverpb::Event& event, Revision revision) {
  const absl::StatusOr<History> history =
      event.type() != 0 ? absl::NotFoundError("somebody deleted the key 'history'")
                        : DecodeHistory(event.kv().value());
  if (!history.ok()) return Retry(history.status());
  history_modified_ = event.kv().mod_revision();
  SetState([this](State* state) { state->history_modified = history_modified_; });
  if (history->id == replica_->history().id) return replica_->Advance({revision, {}});
  spdlog::warn("storage: history {} begins at revision {} of etcd", history->id, revision);
  replica_->BeginHistory(*history, revision);
}

}  // namespace heddle::storage
