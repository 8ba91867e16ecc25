#include "storage/etcd/session.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "storage/etcd/session_requests.h"
#include "storage/etcd/session_state.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

// How often a step down whose outcome is not known is tried; trying again does no harm.
constexpr int kStepDownTries = 3;

Instant Now() { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

// Its thread takes the steps; answers come on gRPC's threads and hold it alive.
class EtcdSession::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Options options, EtcdClient* client, std::function<void()> deposed)
      : options_(std::move(options)),
        client_(client),
        deposed_(std::move(deposed)),
        requests_(options_.prefix, options_.self),
        state_(options_.self, options_.ttl) {}

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }
  void Stop();
  void OnLeaderKey(std::optional<LeaderKey> leader);
  void OnWatchLost();
  std::optional<Fence> fence() const;
  bool leads() const;
  void StepDown(std::function<void(absl::Status)> done);

 private:
  using Turn = SessionState::Turn;

  void Run();
  std::optional<SessionState::Plan> WaitForStep();  // nothing: closing
  void Take(const SessionState::Plan& plan);
  void GrantLease(Turn turn);
  void OpenKeepAlive();
  void OnKeepAliveEnded(std::uint64_t number, const absl::Status& why);
  void KeepAlive();
  void PutEntry(Turn turn);
  void OnEntryAnswer(Turn turn, const pb::TxnResponse& response);
  void TellTaken(const absl::Status& taken);
  void Campaign(Turn turn);
  void RemoveFormerLead(Turn turn);
  void Delete(const Fence& fence, int tries_left, std::function<void(absl::Status)> done);
  void Revoke(std::int64_t lease);
  // Changes the state under the mutex and wakes the thread.
  template <typename Change>
  auto Tell(Change change);
  void Failed(Turn turn, const char* what, const absl::Status& status);
  void Succeeded();

  const Options options_;
  EtcdClient* const client_;
  const std::function<void()> deposed_;
  const SessionRequests requests_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  SessionState state_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t stream_number_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_changed_ ABSL_GUARDED_BY(mutex_) = false;
  // Each: it was logged, and has not ended since.
  bool is_failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stream_failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_id_taken_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<EtcdClient::KeepAliveStream> stream_;  // of the thread alone
  std::thread thread_;
};

template <typename Change>
auto EtcdSession::Impl::Tell(Change change) {
  MutexLock lock(&mutex_);
  is_changed_ = true;
  changed_.notify_all();
  return change();
}

void EtcdSession::Impl::Run() {
  while (const auto plan = WaitForStep()) Take(*plan);
  stream_.reset();
}

std::optional<SessionState::Plan> EtcdSession::Impl::WaitForStep() {
  MutexLock lock(&mutex_);
  const auto is_changed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return is_changed_; };
  while (!is_closing_) {
    is_changed_ = false;
    const SessionState::Plan plan = state_.Next(Now());
    if (plan.step != SessionState::Step::kNone) return plan;
    if (plan.wake == absl::InfiniteDuration()) {
      changed_.wait(lock.native(), is_changed);
    } else {
      changed_.wait_for(lock.native(), absl::ToChronoNanoseconds(plan.wake - Now()), is_changed);
    }
  }
  return std::nullopt;
}

void EtcdSession::Impl::Take(const SessionState::Plan& plan) {
  switch (plan.step) {
    case SessionState::Step::kNone:
      return;
    case SessionState::Step::kGiveUpLease:
      spdlog::warn("this controller's lease in etcd is lost{}; asking for another",
                   plan.had_lead ? ", and with it the lead" : "");
      if (plan.had_lead) deposed_();
      return stream_.reset();
    case SessionState::Step::kGrantLease:
      return GrantLease(plan.turn);
    case SessionState::Step::kOpenKeepAlive:
      return OpenKeepAlive();
    case SessionState::Step::kKeepAlive:
      return KeepAlive();
    case SessionState::Step::kMoveOn:
      client_->MoveOn();
      return stream_.reset();
    case SessionState::Step::kPutEntry:
      return PutEntry(plan.turn);
    case SessionState::Step::kCampaign:
      return Campaign(plan.turn);
    case SessionState::Step::kRemoveFormerLead:
      return RemoveFormerLead(plan.turn);
  }
}

void EtcdSession::Impl::GrantLease(Turn turn) {
  pb::LeaseGrantRequest request;
  request.set_ttl(absl::ToInt64Seconds(absl::Ceil(options_.ttl, absl::Seconds(1))));
  client_->LeaseGrant(request, [self = shared_from_this(), turn,
                                sent = Now()](absl::StatusOr<pb::LeaseGrantResponse> response) {
    if (response.ok() && !response->error().empty()) {
      response = absl::UnavailableError(response->error());
    }
    if (!response.ok()) return self->Failed(turn, "get a lease", response.status());
    self->Succeeded();
    self->Tell(
        [&] { self->state_.OnGranted(turn, response->id(), response->header().revision(), sent); });
  });
}

void EtcdSession::Impl::OpenKeepAlive() {
  stream_.reset();
  const std::uint64_t number = Tell([this] { return ++stream_number_; });
  // The stream goes before this object does.
  stream_ = client_->KeepAlive(
      {[this](const pb::LeaseKeepAliveResponse& response) {
         Tell([&] {
           is_stream_failing_ = false;
           state_.OnKeptAlive(response.id(), response.ttl());
         });
       },
       [this, number](const absl::Status& why) { OnKeepAliveEnded(number, why); }});
}

void EtcdSession::Impl::OnKeepAliveEnded(std::uint64_t number, const absl::Status& why) {
  const bool was_failing = Tell([&] {
    if (number == stream_number_) state_.OnKeepAliveEnded(Now());
    return std::exchange(is_stream_failing_, true);
  });
  if (was_failing) return;
  spdlog::info("renewing this controller's lease in etcd begins anew: {}",
               std::string(why.message()));
}

void EtcdSession::Impl::KeepAlive() {
  pb::LeaseKeepAliveRequest request;
  request.set_id(Tell([this] { return state_.lease(); }));
  stream_->Write(std::move(request));
}

void EtcdSession::Impl::PutEntry(Turn turn) {
  const pb::TxnRequest request =
      Tell([this] { return requests_.PutEntry(state_.lease(), state_.entry_modified()); });
  client_->Txn(request,
               [self = shared_from_this(), turn](const absl::StatusOr<pb::TxnResponse>& response) {
                 if (!response.ok()) {
                   return self->Failed(turn, "enter itself among the members", response.status());
                 }
                 self->Succeeded();
                 self->OnEntryAnswer(turn, *response);
               });
}

void EtcdSession::Impl::OnEntryAnswer(Turn turn, const pb::TxnResponse& response) {
  if (response.succeeded()) {
    return Tell([&] {
      is_id_taken_ = false;
      state_.OnEntryPut(turn);
    });
  }
  const SessionRequests::Seen seen = SessionRequests::FirstRead(response);
  TellTaken(Tell([&] {
    return state_.OnEntryTaken(turn, seen.holder, seen.lease, seen.mod_revision, Now());
  }));
}

void EtcdSession::Impl::TellTaken(const absl::Status& taken) {
  if (taken.ok() || Tell([this] { return std::exchange(is_id_taken_, true); })) return;
  spdlog::error("{}", std::string(taken.message()));
}

void EtcdSession::Impl::Campaign(Turn turn) {
  const pb::TxnRequest request = Tell([this] { return requests_.Campaign(state_.lease()); });
  client_->Txn(request,
               [self = shared_from_this(), turn](const absl::StatusOr<pb::TxnResponse>& response) {
                 if (!response.ok()) {
                   return self->Failed(turn, "stand for leadership", response.status());
                 }
                 self->Succeeded();
                 self->Tell([&] { self->state_.OnCampaigned(turn, Now()); });
               });
}

void EtcdSession::Impl::RemoveFormerLead(Turn turn) {
  spdlog::info("removing the leader key that this controller's former session left in etcd");
  const pb::TxnRequest request =
      Tell([this] { return requests_.DeleteLead(state_.remove_created()); });
  client_->Txn(request,
               [self = shared_from_this(), turn](const absl::StatusOr<pb::TxnResponse>& response) {
                 if (!response.ok()) {
                   return self->Failed(turn, "remove its former leader key", response.status());
                 }
                 self->Succeeded();
                 self->Tell([&] { self->state_.OnFormerLeadRemoved(turn, Now()); });
               });
}

// A controller without a session serves on, so it is told once, until all is well.
void EtcdSession::Impl::Failed(Turn turn, const char* what, const absl::Status& status) {
  const bool was_failing = Tell([&] {
    if (absl::IsNotFound(status)) {
      state_.OnLeaseUnknown(turn);
      return true;  // giving it up is told
    }
    state_.OnStepFailed(turn, Now());
    return std::exchange(is_failing_, true);
  });
  if (was_failing) return;
  spdlog::warn("this controller cannot {}, and will try until it can: {}", what,
               std::string(status.message()));
}

void EtcdSession::Impl::Succeeded() {
  MutexLock lock(&mutex_);
  is_failing_ = false;
}

void EtcdSession::Impl::OnLeaderKey(std::optional<LeaderKey> leader) {
  TellTaken(Tell([&] { return state_.OnLeaderKey(std::move(leader)); }));
}

void EtcdSession::Impl::OnWatchLost() {
  Tell([this] { state_.OnWatchLost(); });
}

std::optional<Fence> EtcdSession::Impl::fence() const {
  MutexLock lock(&mutex_);
  return state_.fence(Now());
}

bool EtcdSession::Impl::leads() const {
  MutexLock lock(&mutex_);
  const Instant now = Now();
  return state_.fence(now).has_value() && !state_.IsWithheld(now);
}

void EtcdSession::Impl::StepDown(std::function<void(absl::Status)> done) {
  const std::optional<Fence> fence = Tell([this] {
    const auto held = state_.fence(Now());
    if (held) state_.Withhold(Now() + options_.ttl);
    return held;
  });
  if (!fence) return done(absl::FailedPreconditionError("this controller does not lead"));
  Delete(*fence, kStepDownTries, std::move(done));
}

void EtcdSession::Impl::Delete(const Fence& fence, int tries_left,
                               std::function<void(absl::Status)> done) {
  client_->Txn(requests_.DeleteLead(static_cast<std::int64_t>(fence.term())),
               [self = shared_from_this(), fence, tries_left,
                done = std::move(done)](const absl::StatusOr<pb::TxnResponse>& response) {
                 if (response.ok()) return done(absl::OkStatus());
                 if (absl::IsUnknown(response.status()) && tries_left > 1) {
                   return self->Delete(fence, tries_left - 1, done);
                 }
                 self->Tell([&] { self->state_.Withhold(Now()); });
                 done(response.status());
               });
}

void EtcdSession::Impl::Stop() {
  Tell([this] { is_closing_ = true; });
  thread_.join();
  const std::int64_t lease = Tell([this] { return state_.lease(); });
  if (lease != 0) Revoke(lease);
}

void EtcdSession::Impl::Revoke(std::int64_t lease) {
  pb::LeaseRevokeRequest request;
  request.set_id(lease);
  const auto revoked = std::make_shared<std::promise<absl::Status>>();
  auto answer = revoked->get_future();
  client_->LeaseRevoke(request, [revoked](const absl::StatusOr<pb::LeaseRevokeResponse>& response) {
    revoked->set_value(response.status());
  });
  // Afterwards it has ended by itself.
  if (answer.wait_for(absl::ToChronoNanoseconds(options_.ttl)) != std::future_status::ready) {
    spdlog::warn("etcd did not confirm the end of this controller's lease; it ends by itself");
    return;
  }
  const absl::Status status = answer.get();
  if (status.ok() || absl::IsNotFound(status)) return;
  spdlog::warn("this controller's lease in etcd is left to end by itself: {}",
               std::string(status.message()));
}

EtcdSession::EtcdSession(Options options, EtcdClient* client, std::function<void()> deposed)
    : impl_(std::make_shared<Impl>(std::move(options), client, std::move(deposed))) {
  impl_->Start();
}

EtcdSession::~EtcdSession() { impl_->Stop(); }

void EtcdSession::OnLeaderKey(std::optional<LeaderKey> leader) {
  impl_->OnLeaderKey(std::move(leader));
}

void EtcdSession::OnWatchLost() { impl_->OnWatchLost(); }

std::optional<Fence> EtcdSession::fence() const { return impl_->fence(); }

bool EtcdSession::leads() const { return impl_->leads(); }

void EtcdSession::StepDown(std::function<void(absl::Status)> done) {
  impl_->StepDown(std::move(done));
}

}  // namespace heddle::storage
