#include "storage/etcd/etcd_store.h"

#include <atomic>
#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "storage/etcd/client.h"
#include "storage/etcd/engine_thread.h"
#include "storage/etcd/follower.h"
#include "storage/etcd/keys.h"
#include "storage/etcd/leadership.h"
#include "storage/etcd/local_copy.h"
#include "storage/etcd/replica.h"
#include "storage/etcd/transaction_codec.h"
#include "storage/transaction.h"

namespace heddle::storage {
namespace {

constexpr int kCommitsUnderWay = 16'384;
constexpr absl::Duration kShortestTtl = absl::Seconds(2);

class EtcdStore final : public Store {
 public:
  EtcdStore(const EtcdOptions& options, std::unique_ptr<EtcdClient> client,
            std::unique_ptr<LocalCopy> copy)
      : options_(options),
        keys_(options.prefix),
        client_(std::move(client)),
        replica_(std::move(copy), options.call_timeout, &thread_),
        leadership_(
            {options.prefix, options.leader_ttl, [this] { return follower_.state().members; }},
            client_.get(), &thread_),
        follower_({options.call_timeout, options.compare_every, options.leader_ttl}, &keys_,
                  client_.get(), &thread_, &replica_,
                  {[this](auto leader) { leadership_.OnLeaderKey(std::move(leader)); },
                   [this] { leadership_.OnLost(); }}) {
    thread_.Start();
    thread_.Post([this] { follower_.Begin(); });
  }

  // Every call that is under way is answered before its client is gone.
  ~EtcdStore() override {
    thread_.Stop([this] {
      follower_.End();
      client_.reset();
      replica_.End();
    });
  }

  absl::Status WaitUntilOpen() {
    const absl::Status ready = follower_.WaitUntilReady(options_.first_contact);
    if (ready.ok() || !absl::IsUnavailable(ready)) return ready;
    if (!replica_.reached().history.id.empty()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(
        "no etcd at ", absl::StrJoin(options_.endpoints, ", "), " could be used, and ",
        options_.copy_path, " holds no copy to serve meanwhile: check that etcd runs, that the ",
        "endpoints are right, and that nothing blocks the way (", ready.message(), ")"));
  }

  void Commit(Transaction transaction, CommitDone done) override;
  absl::StatusOr<std::optional<Record>> Get(absl::string_view key, Consistency c) override {
    if (c == Consistency::kLinearizable) HEDDLE_RETURN_IF_ERROR(CatchUp());
    return replica_.database().With([&](const Database& d) { return d.Find(key); });
  }
  absl::StatusOr<Page> List(absl::string_view prefix, absl::string_view cursor, std::size_t limit,
                            Consistency c) override {
    // A listing stays at the position of its first page.
    if (c == Consistency::kLinearizable && cursor.empty()) HEDDLE_RETURN_IF_ERROR(CatchUp());
    return replica_.database().List(prefix, cursor, limit);
  }
  void ReadPosition(PositionDone done) override {
    thread_.Post([this, done = std::move(done)] { follower_.ReadPosition(done); });
  }
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix, Position after,
                                                          ChangeSink* sink) override {
    return replica_.Subscribe(prefix, after, sink);
  }
  absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                      LeadershipListener* listener) override {
    return leadership_.Campaign(self, listener);
  }
  absl::Status StartNewHistory() override;
  absl::Status TrimHistory(Revision keep_from) override {
    thread_.Post([this, keep_from] { replica_.Trim(keep_from); });
    return absl::OkStatus();
  }
  Health Describe() override;

 private:
  absl::Status CatchUp();
  struct Commitment {  // on its way
    Transaction transaction;
    std::int64_t history_modified = 0;
    CommitDone done;
    absl::StatusOr<etcdserverpb::TxnResponse> answer;
    Outcome outcome;
  };
  void TakeAnswer(const std::shared_ptr<Commitment>& commitment);

  const EtcdOptions options_;
  const EtcdKeys keys_;
  std::unique_ptr<EtcdClient> client_;
  EngineThread thread_;
  Replica replica_;
  Leadership leadership_;
  Follower follower_;
  std::atomic<int> under_way_{0};
};

void EtcdStore::Commit(Transaction transaction, CommitDone done) {
  if (absl::Status valid = CheckTransaction(transaction); !valid.ok()) return done(valid);
  const absl::StatusOr<std::int64_t> history_modified = follower_.committable();
  if (!history_modified.ok()) return done(history_modified.status());
  if (++under_way_ > kCommitsUnderWay) {
    --under_way_;
    return done(absl::UnavailableError(
        absl::StrCat(kCommitsUnderWay, " transactions are under way; try again later")));
  }
  auto request = EncodeTransaction(keys_, transaction, *history_modified);
  auto commitment = std::make_shared<Commitment>();
  commitment->transaction = std::move(transaction);
  commitment->history_modified = *history_modified;
  commitment->done = std::move(done);
  client_->Txn(std::move(request), [this, commitment = std::move(commitment)](
                                       absl::StatusOr<etcdserverpb::TxnResponse> answer) {
    --under_way_;
    commitment->answer = std::move(answer);
    thread_.Post([this, commitment] { TakeAnswer(commitment); });
  });
}

void EtcdStore::TakeAnswer(const std::shared_ptr<Commitment>& commitment) {
  if (!commitment->answer.ok()) return commitment->done(commitment->answer.status());
  absl::StatusOr<Answer> answer = DecodeAnswer(keys_, commitment->transaction,
                                               commitment->history_modified, *commitment->answer);
  if (!answer.ok()) return commitment->done(answer.status());
  const Revision revision = answer->revision;
  commitment->outcome = {
      answer->kind, {replica_.history().id, revision}, std::move(answer->current)};
  if (!answer->changes.empty()) replica_.AddOwn({revision, std::move(answer->changes)});
  replica_.Await(revision, [commitment](const absl::Status& status) {
    Outcome& outcome = commitment->outcome;
    if (status.ok()) return commitment->done(std::move(outcome));
    if (outcome.kind != Outcome::Kind::kApplied) return commitment->done(status);
    commitment->done(absl::UnknownError(
        absl::StrCat("applied by etcd at revision ", outcome.position.revision,
                     ", but this controller has not seen it yet: ", status.message())));
  });
}

absl::Status EtcdStore::CatchUp() {
  auto reached = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = reached->get_future();
  ReadPosition([reached](const absl::StatusOr<Position>& position) {
    reached->set_value(position.status());
  });
  return answer.get();
}

absl::Status EtcdStore::StartNewHistory() {
  auto begun = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = begun->get_future();
  thread_.Post([this, begun] {
    follower_.BeginHistory([begun](const absl::Status& status) { begun->set_value(status); });
  });
  return answer.get();
}

Health EtcdStore::Describe() {
  const Follower::State state = follower_.state();
  const Replica::Reached reached = replica_.reached();
  Health health;
  health.engine = "etcd";
  health.detail = absl::StrCat("etcd at ", absl::StrJoin(options_.endpoints, ", "), ", copy in ",
                               options_.copy_path);
  health.writable = state.is_ready;
  health.position = reached.position;
  health.history = reached.history;
  health.members = state.members;
  health.leader = leadership_.leader();
  const absl::StatusOr<std::uint64_t> bytes = replica_.database().With(
      [](const Database& d) -> absl::StatusOr<std::uint64_t> { return d.SizeBytes(); });
  health.bytes = bytes.value_or(0);
  if (!state.is_ready) health.unreachable_since = reached.heard;
  if (!state.trouble.ok()) health.alarms.push_back(std::string(state.trouble.message()));
  if (!state.copy_alarm.empty()) health.alarms.push_back(state.copy_alarm);
  health.alarms.insert(health.alarms.end(), state.alarms.begin(), state.alarms.end());
  return health;
}

absl::Status CheckOptions(const EtcdOptions& options) {
  if (options.endpoints.empty()) return absl::InvalidArgumentError("no etcd endpoint was given");
  if (options.copy_path.empty()) {
    return absl::InvalidArgumentError("no directory for the local copy was given");
  }
  if (options.prefix.size() < 2 || !absl::EndsWith(options.prefix, "/")) {
    return absl::InvalidArgumentError(absl::StrCat("the etcd prefix '", options.prefix,
                                                   "' must have a name and end with a slash"));
  }
  if (options.leader_ttl < kShortestTtl) {
    return absl::InvalidArgumentError(
        absl::StrCat("the leader's time to live of ", absl::FormatDuration(options.leader_ttl),
                     " is too short; at least ", absl::FormatDuration(kShortestTtl)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenEtcdStore(const EtcdOptions& options) {
  HEDDLE_RETURN_IF_ERROR(CheckOptions(options));
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> client, EtcdClient::Create(options));
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<LocalCopy> copy,
                          LocalCopy::Open(options.copy_path, options.history_limit));
  auto store = std::make_unique<EtcdStore>(options, std::move(client), std::move(copy));
  HEDDLE_RETURN_IF_ERROR(store->WaitUntilOpen());
  return store;
}

}  // namespace heddle::storage
