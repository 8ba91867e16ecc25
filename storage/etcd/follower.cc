#include "storage/etcd/follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "storage/etcd/transaction_codec.h"

namespace heddle::storage {
namespace {

using etcdserverpb::Event;
using etcdserverpb::KeyValue;
using etcdserverpb::RangeResponse;
using etcdserverpb::WatchResponse;

constexpr absl::Duration kFirstPause = absl::Milliseconds(50), kLongestPause = absl::Seconds(2);
constexpr absl::Duration kProbeEvery = absl::Seconds(2), kCompareSoon = absl::Seconds(10);

bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsInvalidArgument(status) || absl::IsDataLoss(status);
}

}  // namespace

Follower::Follower(Options options, const EtcdKeys* keys, EtcdClient* client, EngineThread* thread,
                   Replica* replica, Hooks hooks)
    : options_(options),
      keys_(*keys),
      client_(client),
      thread_(thread),
      replica_(replica),
      hooks_(std::move(hooks)),
      backoff_(kFirstPause, kLongestPause) {
  Replica::Hooks wants;
  wants.wanted = [this] { PutBarrier(); };
  wants.silent = [this] {
    if (!is_ready_) return;
    client_->MoveOn();
    Retry(absl::UnavailableError("etcd's watch is silent"));
  };
  wants.broken = [this](const absl::Status& why) {
    spdlog::error("storage: {}; the local copy is opened again", std::string(why.message()));
    NotReady(why);
    ReopenCopy();
  };
  replica_->set_hooks(std::move(wants));
}

Follower::State Follower::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

absl::StatusOr<std::int64_t> Follower::committable() const {
  MutexLock lock(&mutex_);
  if (state_.history_modified != 0 && !absl::IsUnavailable(state_.trouble)) {
    return state_.history_modified;
  }
  return absl::UnavailableError(absl::StrCat(
      "etcd cannot be reached, so nothing can be changed now: ", state_.trouble.message()));
}

void Follower::SetState(const std::function<void(State*)>& change) {
  MutexLock lock(&mutex_);
  change(&state_);
  changed_.notify_all();
}

absl::Status Follower::WaitUntilReady(absl::Duration first_contact) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(first_contact);
  MutexLock lock(&mutex_);
  for (;;) {
    if (state_.is_ready) return absl::OkStatus();
    if (IsRefusal(state_.trouble)) return state_.trouble;
    const bool is_late = std::chrono::steady_clock::now() >= deadline;
    if (is_late && !is_reached_) {
      return state_.trouble.ok() ? absl::UnavailableError("etcd does not answer") : state_.trouble;
    }
    changed_.wait_until(
        lock.native(),
        is_late ? std::chrono::steady_clock::now() + std::chrono::milliseconds(100) : deadline);
  }
}

void Follower::Begin() { Connect(); }

void Follower::End() {
  is_ended_ = true;
  ++attempt_;
  watch_.reset();
  for (auto* asked : {&position_asked_, &position_wanted_}) {
    for (const auto& done : *asked) done(absl::UnavailableError("the store was closed"));
    asked->clear();
  }
}

void Follower::Connect() {
  if (is_ended_ || !replica_->is_open()) return;
  ++attempt_;
  watch_.reset();
  AskSurvey([this](absl::StatusOr<Survey> survey) {
    if (!survey.ok()) return Retry(survey.status());
    TakeSurvey(*std::move(survey));
  });
}

void Follower::NotReady(const absl::Status& why) {
  if (is_ready_) {
    spdlog::warn("storage: etcd is not followed: {}", std::string(why.message()));
    // What breaks a watch takes no lead: its lease and its fence are in etcd.
    thread_->After(options_.leader_ttl, [this, lost = ++lost_] {
      if (!is_ready_ && lost == lost_) hooks_.lost();
    });
  }
  is_ready_ = false;
  ++attempt_;
  watch_.reset();
  MutexLock lock(&mutex_);
  is_reached_ = false;
  if (state_.trouble.code() != why.code() && IsRefusal(why)) {
    spdlog::error("storage: {}", std::string(why.message()));
  }
  state_.is_ready = false;
  state_.trouble = why;
  changed_.notify_all();
}

void Follower::Retry(const absl::Status& why) {
  NotReady(why);
  if (is_ended_) return;
  thread_->After(backoff_.Next(random_), [this, attempt = attempt_] {
    if (attempt == attempt_) Connect();
  });
}

void Follower::AskSurvey(std::function<void(absl::StatusOr<Survey>)> take) {
  etcdserverpb::RangeRequest request;
  request.set_key(keys_.history);
  request.set_range_end(PrefixEnd(keys_.members));
  client_->Range(std::move(request), OnThread<RangeResponse>([this, take](auto response) {
                   if (!response.ok()) return take(response.status());
                   take(ToSurvey(*std::move(response), keys_));
                 }));
}

Follower::Survey Follower::ToSurvey(RangeResponse response, const EtcdKeys& keys) {
  Survey survey;
  survey.revision = static_cast<Revision>(response.header().revision());
  survey.cluster_id = response.header().cluster_id();
  survey.raft_term = response.header().raft_term();
  for (KeyValue& kv : *response.mutable_kvs()) {
    const EtcdKeys::Kind kind = keys.Parse(kv.key()).kind;
    if (kind == EtcdKeys::Kind::kHistory) survey.history = std::move(kv);
    if (kind == EtcdKeys::Kind::kLeader) survey.leader = std::move(kv);
    if (kind == EtcdKeys::Kind::kMember) survey.members.push_back(std::move(kv));
  }
  return survey;
}

void Follower::TakeSurvey(Survey survey) {
  {
    MutexLock lock(&mutex_);
    is_reached_ = true;
  }
  survey_ = std::move(survey);
  if (!survey_.history) return MakeHistory();
  const absl::StatusOr<History> history = DecodeHistory(survey_.history->value());
  if (!history.ok()) return Retry(history.status());
  if (HasGoneBack(survey_, *history)) return LeaveHistory();
  replica_->Heard(survey_.cluster_id, survey_.raft_term);
  history_modified_ = survey_.history->mod_revision();
  SetState([this](State* state) { state->history_modified = history_modified_; });
  if (history->id != replica_->history().id) return ReplaceHistory(*history);
  if (must_list_) return FillGap();
  OpenWatch(replica_->revision() + 1);
}

// What was read through the quorum is never older than what was seen before, unless etcd was
// restored from an older state.
bool Follower::HasGoneBack(const Survey& survey, const History& history) const {
  if (history.id != replica_->history().id) return false;
  const std::uint64_t known = replica_->origin().cluster_id;
  return survey.revision < replica_->revision() || (known != 0 && survey.cluster_id != known);
}

// Of a transaction of ours, that was taken from its answer already. For any thread.
bool Follower::IsEcho(const WatchResponse& response) const {
  if (response.created() || response.canceled() || response.events_size() == 0) return false;
  const std::int64_t last = response.events(response.events_size() - 1).kv().mod_revision();
  return replica_->HasTaken(static_cast<Revision>(last));
}

void Follower::OpenWatch(Revision start) {
  assembler_ = WatchAssembler();
  EtcdClient::StreamEvents<WatchResponse> events;
  events.read = [this, attempt = attempt_, is_part = false](WatchResponse response) mutable {
    const bool is_last_part = std::exchange(is_part, response.fragment()) && !is_part;
    if (!is_part && !is_last_part && IsEcho(response)) return;
    thread_->Post([this, attempt, response = std::move(response)]() mutable {
      if (attempt == attempt_) TakeWatched(std::move(response));
    });
  };
  events.ended = [this, attempt = attempt_](absl::Status why) {
    thread_->Post([this, attempt, why = std::move(why)] {
      if (attempt == attempt_) Retry(why);
    });
  };
  watch_ = client_->Watch(std::move(events));
  etcdserverpb::WatchRequest request;
  auto* create = request.mutable_create_request();
  create->set_key(keys_.prefix);
  create->set_range_end(PrefixEnd(keys_.prefix));
  create->set_start_revision(static_cast<std::int64_t>(start));
  create->set_progress_notify(true);
  create->set_fragment(true);
  watch_->Write(std::move(request));
  thread_->After(options_.call_timeout, [this, attempt = attempt_] {
    if (attempt != attempt_ || is_ready_) return;
    client_->MoveOn();
    Retry(absl::UnavailableError("etcd does not open a watch in time"));
  });
}

void Follower::TakeWatched(WatchResponse response) {
  replica_->Heard(replica_->origin().cluster_id, replica_->origin().raft_term);
  const WatchAssembler::Step step = assembler_.Take(std::move(response), replica_->revision());
  if (step.is_over && step.compacted) {
    spdlog::info(
        "storage: etcd was compacted up to revision {} while this replica was at {}; "
        "it reads all records anew",
        *step.compacted, replica_->revision());
    must_list_ = true;
    return Connect();
  }
  if (step.is_over) return Retry(absl::UnavailableError("etcd ended the watch: " + step.why));
  if (step.is_open) {
    replica_->Await(survey_.revision, [this, attempt = attempt_](const absl::Status& status) {
      if (status.ok() && attempt == attempt_) BecomeReady();
    });
  }
  for (const WatchedRevision& watched : step.revisions) {
    const std::uint64_t attempt = attempt_;
    TakeRevision(watched);
    if (attempt != attempt_) return;
  }
}

void Follower::TakeRevision(const WatchedRevision& watched) {
  if (watched.revision <= replica_->revision()) return;
  Batch batch{watched.revision, {}};
  bool has_history = false, has_others = false;
  for (const Event& event : watched.events) {
    const EtcdKeys::Name name = keys_.Parse(event.kv().key());
    if (name.kind == EtcdKeys::Kind::kHistory) has_history = true;
    if (name.kind != EtcdKeys::Kind::kRecord) {
      has_others = true;
      continue;
    }
    batch.changes.push_back({ToRecord(name.rest, event.kv()), /*deleted=*/event.type() != 0});
  }
  if (batch.changes.empty() && healing_) batch.changes = Healing(watched.revision);
  // A revision that begins a history is reached in that history.
  if (!has_history || !batch.changes.empty()) replica_->Advance(std::move(batch));
  if (!has_others) return;
  replica_->Deliver();  // before anybody hears of what came after it
  for (const Event& event : watched.events) {
    const bool is_deleted = event.type() != 0;
    switch (keys_.Parse(event.kv().key()).kind) {
      case EtcdKeys::Kind::kHistory:
        TakeHistory(event, watched.revision);
        break;
      case EtcdKeys::Kind::kLeader:
        if (watched.revision > survey_.revision) TakeLeader(is_deleted ? nullptr : &event.kv());
        break;
      case EtcdKeys::Kind::kMember:
        if (watched.revision > survey_.revision) TakeMember(event.kv(), is_deleted);
        break;
      default:
        break;
    }
  }
  PublishMembers();
}

void Follower::TakeLeader(const KeyValue* kv) {
  if (kv == nullptr) return hooks_.leader(std::nullopt);
  const absl::StatusOr<Member> member = DecodeMember(kv->value());
  if (!member.ok()) {
    spdlog::warn("storage: etcd's key {}: {}", keys_.leader,
                 std::string(member.status().message()));
  }
  hooks_.leader(
      LeaderKey{member.value_or(Member()), kv->value(), kv->create_revision(), kv->lease()});
}

void Follower::TakeMember(const KeyValue& kv, bool is_deleted) {
  const std::string id(keys_.Parse(kv.key()).rest);
  const absl::StatusOr<Member> member = DecodeMember(kv.value());
  if (is_deleted || !member.ok()) {
    members_.erase(id);
  } else {
    members_[id] = *member;
  }
}

void Follower::PublishMembers() {
  SetState([this](State* state) {
    state->members.clear();
    for (const auto& [id, member] : members_) state->members.push_back(member);
  });
}

void Follower::BecomeReady() {
  if (is_ready_) return;
  is_ready_ = true;
  must_list_ = false;
  backoff_.Reset();
  members_.clear();
  for (const KeyValue& kv : survey_.members) TakeMember(kv, /*is_deleted=*/false);
  PublishMembers();
  SetState([](State* state) {
    if (!state->trouble.ok()) spdlog::info("storage: etcd is followed again");
    state->is_ready = true;
    state->trouble = absl::OkStatus();
  });
  TakeLeader(survey_.leader ? &*survey_.leader : nullptr);
  thread_->After(kProbeEvery, [this, attempt = attempt_] {
    if (attempt == attempt_) Probe();
  });
  // Soon after a pause, in which anything may have been done to etcd.
  CompareAfter(std::min(options_.compare_every, kCompareSoon));
}

}  // namespace heddle::storage
