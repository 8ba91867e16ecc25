#include "controller/replica_service.h"

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "api/heddle/v1/replica.grpc.pb.h"
#include "base/mutex.h"
#include "controller/follower_nodes.h"
#include "controller/grpc_bytes.h"
#include "controller/node_messages.h"
#include "controller/refused_call.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// What waits to be sent to one follower; a follower that takes nothing loses its stream.
constexpr std::size_t kMaxWaiting = 100'000;

absl::Status NotLeading(const Leadership::State& state) {
  return absl::UnavailableError(absl::StrCat(
      "this controller does not lead",
      state.leader ? absl::StrCat("; '", state.leader->id, "' does") : "", ". Ask again"));
}

constexpr char kFollowAction[] = "Follow";  // in the audit log
using Bidi = grpc::ServerBidiReactor<v1::FollowerMessage, v1::LeaderMessage>;

// One follower's stream. Lives until gRPC is done with it and nobody else holds it. No lock is held
// while a read, write or finish is started.
class FollowReactor final : public Bidi,
                            public ToFollower,
                            public std::enable_shared_from_this<FollowReactor> {
 public:
  FollowReactor(FollowerNodes* nodes, const Clock* clock, std::function<void(FollowReactor*)> done)
      : nodes_(nodes), clock_(clock), done_(std::move(done)) {}

  void Begin() {
    self_ = shared_from_this();
    StartRead(&incoming_);
  }

  // Holds `what` until gRPC is done with the call. After Begin.
  void Keep(std::shared_ptr<void> what) {
    MutexLock lock(&mutex_);
    kept_ = std::move(what);
  }

  void Send(v1::LeaderMessage message) override {
    bool overflow = false;
    {
      MutexLock lock(&mutex_);
      if (ending_) return;
      overflow = waiting_.size() >= kMaxWaiting;
      if (!overflow) waiting_.push_back(std::move(message));
    }
    if (overflow) {
      Close(absl::ResourceExhaustedError("the follower does not take what it is sent"));
    } else {
      WriteNext();
    }
  }

  void Close(const absl::Status& why) override {
    {
      MutexLock lock(&mutex_);
      if (ending_) return;
      ending_ = true;
      end_status_ = ToGrpc(why);
      if (writing_) return;
      finished_ = true;
    }
    Finish(ToGrpc(why));
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Close(absl::OkStatus());
      return;
    }
    const absl::Status status = nodes_->OnMessage(shared_from_this(), incoming_, clock_->Now());
    if (!status.ok()) {
      spdlog::warn("the stream of a following controller ends: {}", std::string(status.message()));
      Close(status);
      return;
    }
    {
      MutexLock lock(&mutex_);
      if (ending_) return;
    }
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    std::optional<grpc::Status> finish;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (ending_ && !finished_) {
        finished_ = true;
        finish = end_status_;
      }
    }
    if (finish) {
      Finish(*std::move(finish));
    } else if (ok) {
      WriteNext();
    } else {
      Close(absl::CancelledError("the connection was lost"));
    }
  }

  void OnCancel() override { Close(absl::CancelledError("the follower has gone")); }

  void OnDone() override {
    const std::shared_ptr<FollowReactor> self = std::move(self_);
    Keep(nullptr);
    nodes_->OnEnd(this);
    done_(this);
  }

 private:
  void WriteNext() {
    {
      MutexLock lock(&mutex_);
      if (writing_ || ending_ || waiting_.empty()) return;
      outgoing_ = std::move(waiting_.front());
      waiting_.pop_front();
      writing_ = true;
    }
    StartWrite(&outgoing_);
  }

  FollowerNodes* const nodes_;
  const Clock* const clock_;
  const std::function<void(FollowReactor*)> done_;
  std::shared_ptr<FollowReactor> self_;  // until OnDone
  v1::FollowerMessage incoming_;
  v1::LeaderMessage outgoing_;
  Mutex mutex_;
  std::deque<v1::LeaderMessage> waiting_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<void> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

class ReplicaService::Impl final : public v1::ReplicaService::CallbackService {
 public:
  explicit Impl(const Wiring& wiring)
      : wiring_(wiring),
        nodes_({wiring.leadership->self_id(), wiring.hub, wiring.registry, wiring.probe_reports}) {
    wiring_.leadership->OnChange([this](const Leadership::State& state) {
      if (state.role != Leadership::Role::kLeader) CloseAll(NotLeading(state));
    });
  }

  Bidi* Follow(grpc::CallbackServerContext* context) override {
    const auto caller = wiring_.access->Admit(*context, Need::kController, kFollowAction);
    if (!caller.ok()) return RefusedCall<Bidi>::Begin(context, caller.status());
    auto reactor = std::make_shared<FollowReactor>(&nodes_, wiring_.clock,
                                                   [this](FollowReactor* done) { Remove(done); });
    {
      MutexLock lock(&mutex_);
      live_.emplace(reactor.get(), reactor);
    }
    reactor->Begin();
    wiring_.streams->Hold(*caller, kFollowAction, reactor,
                          [](FollowReactor& live, const absl::Status& why) { live.Close(why); });
    // After it is in the list: the lead that is lost from now on closes it.
    const Leadership::State state = wiring_.leadership->state();
    if (state.role != Leadership::Role::kLeader) reactor->Close(NotLeading(state));
    return reactor.get();
  }

  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const v1::AcquireRequest* message,
                                    v1::AcquireResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const absl::StatusOr<AcquireRequest> request = ToRequest(*message);
    absl::Status posted = wiring_.access->Admit(*context, Need::kController, "Acquire").status();
    posted.Update(request.status());
    if (posted.ok()) {
      posted = wiring_.writer->Post([request = *request, response, reactor](Writer& writer) {
        writer.AcquireHere(request, [response, reactor](const absl::StatusOr<LeaseGrant>& grant) {
          if (grant.ok()) response->set_revision(grant->lease.modified);
          reactor->Finish(ToGrpc(grant.ok() ? grant->refused : grant.status()));
        });
      });
    }
    if (!posted.ok()) reactor->Finish(ToGrpc(posted));
    return reactor;
  }

  void CloseAll(const absl::Status& why) {
    std::vector<std::shared_ptr<FollowReactor>> live;
    {
      MutexLock lock(&mutex_);
      for (const auto& [raw, reactor] : live_) live.push_back(reactor);
    }
    for (const auto& reactor : live) reactor->Close(why);
  }

 private:
  void Remove(FollowReactor* reactor) {
    MutexLock lock(&mutex_);
    live_.erase(reactor);
  }

  const Wiring wiring_;
  FollowerNodes nodes_;
  Mutex mutex_;
  absl::flat_hash_map<FollowReactor*, std::shared_ptr<FollowReactor>> live_ ABSL_GUARDED_BY(mutex_);
};

ReplicaService::ReplicaService(const Wiring& wiring) : impl_(std::make_unique<Impl>(wiring)) {}
ReplicaService::~ReplicaService() = default;

grpc::Service* ReplicaService::service() { return impl_.get(); }
void ReplicaService::CloseAll(const absl::Status& why) { impl_->CloseAll(why); }

}  // namespace heddle::controller
