#include "controller/replica_link.h"

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "controller/follow_stream.h"
#include "controller/grpc_bytes.h"
#include "controller/node_messages.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kRedialMin = absl::Milliseconds(100), kRedialMax = absl::Seconds(5);
constexpr absl::Duration kStable = absl::Seconds(10);  // a stream that lived so long was good
constexpr absl::Duration kAnsweredWithin = absl::Seconds(5);  // a request for a lease

// Context and stub have a share of the channel each, and are let go of before the call counts as
// ended: gRPC's own thread must not be the last to have one.
struct AcquireCall {
  std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
  std::unique_ptr<v1::ReplicaService::Stub> stub;
  v1::AcquireRequest request;
  v1::AcquireResponse response;
};

}  // namespace

class ReplicaLink::Impl {
 public:
  explicit Impl(const Wiring& wiring) : wiring_(wiring) {
    wiring_.registry->OnLocalChange([this] { OnLocalChange(); });
    wiring_.leadership->OnChange([this](const Leadership::State&) { wiring_.pump->Wake(); });
    wiring_.probe_reports->OnOthers(
        [this](const std::string& node_id, const absl::StatusOr<ProbeReport>& report) {
          if (const auto stream = current()) stream->SendProbeReport(node_id, report);
        });
    wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
  }

  void Acquire(const storage::Member& leader, const AcquireRequest& request,
               std::function<void(absl::StatusOr<storage::Revision>)> done) {
    auto call = std::make_shared<AcquireCall>();
    call->request = ToMessage(request);
    call->context->set_deadline(absl::ToChronoTime(absl::Now() + kAnsweredWithin));
    if (leader.address.empty() || !Remember(call)) {
      done(absl::UnavailableError(
          absl::StrCat("the controller '", leader.id, "' leads and cannot be reached from here")));
      return;
    }
    call->stub = v1::ReplicaService::NewStub(wiring_.channels->To(leader.address));
    call->stub->async()->Acquire(call->context.get(), &call->request, &call->response,
                                 [this, call, done = std::move(done)](const grpc::Status& status) {
                                   if (status.ok()) {
                                     done(call->response.revision());
                                   } else {
                                     done(FromGrpc(status));
                                   }
                                   Forget(call);
                                 });
  }

  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (current_ != nullptr) current_->Cancel();
    for (const auto& call : calls_) call->context->TryCancel();
    idle_.wait(lock.native(), [this] { return current_ == nullptr && calls_.empty(); });
  }

 private:
  using Call = std::shared_ptr<AcquireCall>;

  std::shared_ptr<FollowStream> current() {
    MutexLock lock(&mutex_);
    return current_;
  }
  bool Remember(const Call& call) {
    MutexLock lock(&mutex_);
    if (!stopping_) calls_.insert(call);
    return !stopping_;
  }
  void Forget(const Call& call) {
    MutexLock lock(&mutex_);
    calls_.erase(call);
    call->stub.reset();
    call->context.reset();
    idle_.notify_all();
  }

  void OnLocalChange() {
    const auto stream = current();
    if (stream == nullptr) return;
    stream->OnLocalChange();
    wiring_.pump->Wake();
  }

  absl::Time OnTime(absl::Time now) {
    const Leadership::State state = wiring_.leadership->state();
    const bool follows = state.role == Leadership::Role::kFollower;
    std::shared_ptr<FollowStream> stream;
    absl::Time next = absl::InfiniteFuture();
    {
      MutexLock lock(&mutex_);
      if (stopping_) return next;
      if (current_ != nullptr && !(follows && followed_ == state.leader)) {
        current_->Cancel();  // the next is dialled once it has ended
        return next;
      }
      if (current_ == nullptr && follows && !state.leader->address.empty()) {
        if (!(followed_ == state.leader)) {
          backoff_.Reset();
          redial_at_ = now;
        }
        if (now < redial_at_) return redial_at_;
        Dial(*state.leader, now);
      }
      stream = current_;
    }
    return stream == nullptr ? next : stream->SendChanges(now);
  }

  void Dial(const storage::Member& leader, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    followed_ = leader;
    dialled_at_ = now;
    current_ = std::make_shared<FollowStream>(wiring_.registry, wiring_.clock,
                                              [this](const absl::Status& why) { OnEnded(why); });
    current_->Begin(wiring_.channels->To(leader.address), wiring_.leadership->self_id(),
                    wiring_.hub->history());
  }

  void OnEnded(const absl::Status& why) {
    const absl::Time now = wiring_.clock->Now();
    {
      MutexLock lock(&mutex_);
      if (now - dialled_at_ >= kStable) backoff_.Reset();
      redial_at_ = now + backoff_.Next(random_);
      const std::string end = absl::StrCat("'", followed_->id, "' ended: ", why.message());
      if (!stopping_ && end != last_end_) spdlog::info("the stream to the leader {}", end);
      last_end_ = end;
      current_ = nullptr;
      // Under the lock: once it is free, Stop may return and all this be gone.
      wiring_.pump->Wake();
      idle_.notify_all();
    }
  }

  const Wiring wiring_;
  Mutex mutex_;
  std::condition_variable idle_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<FollowStream> current_ ABSL_GUARDED_BY(mutex_);
  std::optional<storage::Member> followed_ ABSL_GUARDED_BY(mutex_);  // by the last stream
  std::string last_end_ ABSL_GUARDED_BY(mutex_);                     // so that it is logged once
  absl::Time dialled_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time redial_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  Backoff backoff_ ABSL_GUARDED_BY(mutex_){kRedialMin, kRedialMax};
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

ReplicaLink::ReplicaLink(const Wiring& wiring) : impl_(std::make_unique<Impl>(wiring)) {}
ReplicaLink::~ReplicaLink() { Stop(); }

void ReplicaLink::Acquire(const storage::Member& leader, const AcquireRequest& request,
                          std::function<void(absl::StatusOr<storage::Revision>)> done) {
  impl_->Acquire(leader, request, std::move(done));
}
void ReplicaLink::Stop() { impl_->Stop(); }

}  // namespace heddle::controller
