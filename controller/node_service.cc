#include "controller/node_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "controller/attach_reactor.h"
#include "controller/position_inquiry.h"
#include "controller/refused_call.h"
#include "controller/set_back.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// How often the streams are looked through for heartbeats that are due, and the store for its
// health.
constexpr absl::Duration kScanEvery = absl::Milliseconds(500);

using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

}  // namespace

class NodeService::Impl final
    : public v1::NodeService::WithRawCallbackMethod_Attach<v1::NodeService::Service> {
 public:
  explicit Impl(const Wiring& wiring)
      : wiring_(wiring),
        set_back_(wiring.store),
        inquiry_(wiring.store, [writer = wiring.writer](std::function<void()> work) {
          return writer->Post([work = std::move(work)](Writer&) { work(); });
        }) {
    shared_.hub = wiring.hub;
    shared_.registry = wiring.registry;
    shared_.probe_reports = wiring.probe_reports;
    LookAtTrust();
    shared_.trust = &trust_;
    shared_.heartbeat_seconds = wiring.heartbeat_seconds;
    shared_.controller_version = wiring.version;
    shared_.controller_id = wiring.controller_id;
    reactors_.shared = &shared_;
    reactors_.clock = wiring.clock;
    reactors_.submit = [this](std::shared_ptr<AttachReactor> reactor, AcquireRequest request) {
      return Submit(std::move(reactor), std::move(request));
    };
    shared_.store_behind = [this](const std::string& node_id, storage::Revision claimed,
                                  const storage::Position& store) {
      OnStoreBehind({node_id, claimed}, store);
    };
    reactors_.ask_position = [this](std::shared_ptr<AttachReactor> reactor) {
      inquiry_.Ask([reactor](const absl::StatusOr<storage::Position>& position) {
        reactor->OnPosition(position);
      });
    };
    reactors_.done = [this](AttachReactor* reactor) { Remove(reactor); };
    reactors_.access = wiring.access;
    wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
  }

  Reactor* Attach(grpc::CallbackServerContext* context) override {
    const auto caller = wiring_.access->Admit(*context, Need::kNode, kAttachAction);
    if (!caller.ok()) return RefusedCall<Reactor>::Begin(context, caller.status());
    auto reactor = std::make_shared<AttachReactor>(context, *caller, &reactors_);
    {
      MutexLock lock(&mutex_);
      live_.emplace(reactor.get(), reactor);
      wiring_.hub->set_stream_count(live_.size());
    }
    reactor->Begin();
    wiring_.streams->Hold(*caller, kAttachAction, reactor,
                          [](AttachReactor& live, const absl::Status& why) { live.Close(why); });
    return reactor.get();
  }

  std::vector<std::shared_ptr<AttachReactor>> Live() {
    MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<AttachReactor>> live;
    live.reserve(live_.size());
    for (const auto& [raw, reactor] : live_) live.push_back(reactor);
    return live;
  }

  void OnPublished(const BookChanges& changes) {
    for (const PeerChange& change : changes.peers) {
      if (const auto stream = wiring_.registry->FindStream(change.node_id)) {
        stream->OnOwnChange(change);
      } else if (!change.peer) {
        wiring_.registry->Forget(change.node_id);
      }
    }
    if (changes.network_changed) {
      for (const auto& reactor : Live()) reactor->OnNetworkChange();
    }
    wiring_.pump->Wake();
  }

 private:
  // The leader acts; a node that is refused elsewhere comes to it, too.
  void OnStoreBehind(const SetBack::Claim& claim, const storage::Position& store) {
    const absl::Status posted = wiring_.writer->Post([this, claim, store](Writer& writer) {
      if (!writer.leads()) return;
      const bool only_holder =
          writer.book().leases().size() == 1 && writer.book().Find(claim.node_id) != nullptr;
      set_back_.OnClaim(claim, store, only_holder, wiring_.clock->Now());
    });
    if (!posted.ok())
      spdlog::warn("not judged whether the store was set back: {}", std::string(posted.message()));
  }

  absl::Status Submit(std::shared_ptr<AttachReactor> reactor, AcquireRequest request) {
    return wiring_.writer->Post([reactor = std::move(reactor),
                                 request = std::move(request)](Writer& writer) {
      writer.Acquire(
          request, [reactor](const absl::StatusOr<LeaseGrant>& grant) { reactor->OnGrant(grant); });
    });
  }

  void Remove(AttachReactor* reactor) {
    MutexLock lock(&mutex_);
    live_.erase(reactor);
    wiring_.hub->set_stream_count(live_.size());
  }

  bool LookAtTrust() {
    const std::optional<Trust> now = wiring_.trust ? wiring_.trust() : std::nullopt;
    return now && trust_.Set(*now);
  }

  absl::Time OnTime(absl::Time now) {
    if (wiring_.hub->Release(now)) {
      for (const auto& reactor : Live()) reactor->Kick();
    }
    if (now >= next_scan_) {
      next_scan_ = now + kScanEvery;
      wiring_.hub->set_stale_since(wiring_.store->Describe().unreachable_since);
      const bool is_trust_news = LookAtTrust();
      for (const auto& reactor : Live()) {
        if (is_trust_news) reactor->Kick();
        reactor->KickIfDue(now);
      }
    }
    return std::min(next_scan_, wiring_.hub->release_at());
  }

  const Wiring wiring_;
  TrustNotice trust_;
  NodeStream::Shared shared_;
  AttachReactor::Wiring reactors_;
  SetBack set_back_;
  PositionInquiry inquiry_;
  absl::Time next_scan_ = absl::InfinitePast();  // the pump's thread only
  Mutex mutex_;
  absl::flat_hash_map<AttachReactor*, std::shared_ptr<AttachReactor>> live_ ABSL_GUARDED_BY(mutex_);
};

NodeService::NodeService(const Wiring& wiring) : impl_(std::make_unique<Impl>(wiring)) {}
NodeService::~NodeService() = default;

grpc::Service* NodeService::service() { return impl_.get(); }
void NodeService::OnPublished(const BookChanges& changes) { impl_->OnPublished(changes); }
void NodeService::CloseAll(const absl::Status& why) {
  for (const auto& reactor : impl_->Live()) reactor->Close(why);
}

}  // namespace heddle::controller
