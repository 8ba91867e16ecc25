#include "controller/admin_service.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "api/convert.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "base/status_macros.h"
#include "controller/admin_messages.h"
#include "controller/applied_wait.h"
#include "controller/diagnose_service.h"
#include "controller/grpc_bytes.h"
#include "controller/net_conf.h"
#include "controller/network_effects.h"
#include "controller/network_steps.h"
#include "controller/watch_reactor.h"

namespace heddle::controller {
namespace {

constexpr std::uint32_t kMaxWaitSeconds = 3600;

using Reply = std::function<void(const absl::Status&)>;

absl::Status Detached(const std::string& node_id) {
  return absl::FailedPreconditionError(absl::StrCat(
      "node '", node_id, "' is not attached, so it cannot be told. See `heddlectl node list`"));
}

}  // namespace

class AdminService::Impl final : public v1::AdminService::CallbackService {
 public:
  explicit Impl(const Wiring& wiring)
      : wiring_(wiring),
        started_(wiring.clock->Now()),
        applied_wait_(wiring.hub, wiring.registry),
        diagnoses_({wiring.hub, wiring.registry, wiring.writer, wiring.pump, wiring.probe_reports,
                    wiring.clock}) {
    wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
  }

  grpc::ServerUnaryReactor* GetNetwork(grpc::CallbackServerContext* context,
                                       const v1::GetNetworkRequest*,
                                       v1::GetNetworkResponse* response) override {
    return OnWriter(context, [response](Writer& writer, const Reply& reply) {
      if (!writer.book().network()) {
        reply(absl::NotFoundError(
            "no network is configured yet; set one with `heddlectl network set net-conf.json`"));
        return;
      }
      std::optional<RolloutProgress> rollout;
      if (writer.book().changes_backend()) rollout = writer.JudgeRollout();
      FillNetwork(writer.book(), rollout, response);
      reply(absl::OkStatus());
    });
  }

  grpc::ServerUnaryReactor* SetNetwork(grpc::CallbackServerContext* context,
                                       const v1::SetNetworkRequest* request,
                                       v1::SetNetworkResponse* response) override {
    absl::StatusOr<ParsedNetConf> parsed = ParseNetConf(request->net_conf_json());
    if (!parsed.ok()) return Refuse(context, parsed.status());
    if (const absl::Status built = RequireBuilt(parsed->network.backend); !built.ok()) {
      return Refuse(context, built);
    }
    for (const std::string& notice : parsed->notices) response->add_notices(notice);
    return OnWriter(context, [this, request, response, network = parsed->network](
                                 Writer& writer, const Reply& reply) {
      const LeaseBook& book = writer.book();
      const absl::StatusOr<Network> next = book.Settle(network, request->drain());
      if (!next.ok()) return reply(next.status());
      const bool same = book.target_network() == *next;
      for (const std::string& effect : DescribeNetworkChange(book, *next)) {
        response->add_effects(effect);
      }
      for (const NetworkStep& step : PlanNetworkChange(book, *next)) {
        *response->add_steps() = ToMessage(step);
      }
      response->set_revision(book.revision());
      response->set_changed(!same);
      if (request->dry_run() || same) {
        const auto decide = [&] {
          return book.DecideSetNetwork(network, request->net_conf_json(), wiring_.clock->Now(),
                                       std::nullopt, request->drain());
        };
        reply(request->dry_run() ? decide().status() : absl::OkStatus());
        return;
      }
      writer.SetNetwork(
          network, request->net_conf_json(),
          [response, reply](const absl::StatusOr<Committed>& result) {
            if (result.ok()) response->set_revision(result->revision);
            reply(result.status());
          },
          std::nullopt, request->drain());
    });
  }

  grpc::ServerUnaryReactor* ListLeases(grpc::CallbackServerContext* context,
                                       const v1::ListLeasesRequest* request,
                                       v1::ListLeasesResponse* response) override {
    return OnWriter(context, [this, request, response](Writer& writer, const Reply& reply) {
      FillLeases(writer.book(), wiring_.registry->Alive(), request->include_resting(), response);
      reply(absl::OkStatus());
    });
  }

  grpc::ServerUnaryReactor* ReserveLease(grpc::CallbackServerContext* context,
                                         const v1::ReserveLeaseRequest* request,
                                         v1::LeaseResponse* response) override {
    const absl::StatusOr<std::vector<Prefix>> subnets = ReservedSubnets(*request);
    if (!subnets.ok()) return Refuse(context, subnets.status());
    return OnWriter(
        context, [this, request, response, subnets = *subnets](Writer& writer, const Reply& reply) {
          writer.Reserve(request->node_id(), subnets,
                         [this, response, reply](const absl::StatusOr<LeaseGrant>& grant) {
                           reply(FillGrant(grant, response));
                         });
        });
  }

  grpc::ServerUnaryReactor* RenumberNode(grpc::CallbackServerContext* context,
                                         const v1::RenumberNodeRequest* request,
                                         v1::LeaseResponse* response) override {
    if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
      return Refuse(context, status);
    }
    return OnWriter(context, [this, request, response](Writer& writer, const Reply& reply) {
      writer.Renumber(request->node_id(), request->finish(),
                      [this, response, reply](const absl::StatusOr<LeaseGrant>& grant) {
                        reply(FillGrant(grant, response));
                      });
    });
  }

  grpc::ServerUnaryReactor* ReleaseLease(grpc::CallbackServerContext* context,
                                         const v1::ReleaseLeaseRequest* request,
                                         v1::LeaseResponse* response) override {
    if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
      return Refuse(context, status);
    }
    if (IsAttached(request->node_id())) {
      return Refuse(context, absl::FailedPreconditionError(absl::StrCat(
                                 "node '", request->node_id(),
                                 "' is attached: releasing its lease would take the addresses of "
                                 "its pods. Stop heddle-node there first, or use `heddlectl node "
                                 "remove ",
                                 request->node_id(), "`")));
    }
    return OnWriter(context, [request, response](Writer& writer, const Reply& reply) {
      if (const Lease* lease = writer.book().Find(request->node_id())) {
        *response->mutable_lease() = ToMessage(*lease, /*attached=*/false);
        response->mutable_lease()->set_state("resting");
      }
      writer.Release(request->node_id(),
                     [response, reply](const absl::StatusOr<Committed>& result) {
                       if (result.ok()) response->set_revision(result->revision);
                       reply(result.status());
                     });
    });
  }

  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* context,
                                      const v1::ListNodesRequest*,
                                      v1::ListNodesResponse* response) override {
    return OnWriter(context, [this, response](Writer& writer, const Reply& reply) {
      FillNodes(writer.book(), wiring_.registry->List(), response);
      // What nodes can have applied: the book's own revision rises with renewals, too.
      response->set_revision(wiring_.hub->head());
      reply(absl::OkStatus());
    });
  }

  grpc::ServerUnaryReactor* AcceptRemovals(grpc::CallbackServerContext* context,
                                           const v1::NodeRequest* request,
                                           v1::RevisionResponse* response) override {
    if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
      return Refuse(context, status);
    }
    const auto stream = wiring_.registry->FindStream(request->node_id());
    if (stream == nullptr) return Refuse(context, Detached(request->node_id()));
    if (!HoldsRemovals(request->node_id())) {
      return Refuse(context, absl::FailedPreconditionError(absl::StrCat(
                                 "node '", request->node_id(),
                                 "' holds no removals back; there is nothing to accept")));
    }
    stream->SendAcceptRemovals();
    response->set_revision(wiring_.hub->head());
    return Refuse(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* RemoveNode(grpc::CallbackServerContext* context,
                                       const v1::NodeRequest* request,
                                       v1::RevisionResponse* response) override {
    if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
      return Refuse(context, status);
    }
    return OnWriter(context, [this, request, response](Writer& writer, const Reply& reply) {
      const auto stream = wiring_.registry->FindStream(request->node_id());
      if (stream != nullptr) {
        stream->Close(absl::AbortedError(
            absl::StrCat("node '", request->node_id(), "' was removed by an administrator")));
        if (writer.book().Find(request->node_id()) == nullptr) {
          // It waited for a lease; its stream was all there was to remove.
          response->set_revision(wiring_.hub->head());
          reply(absl::OkStatus());
          return;
        }
      }
      writer.Release(request->node_id(),
                     [this, request, response, reply](const absl::StatusOr<Committed>& result) {
                       if (result.ok()) response->set_revision(result->revision);
                       wiring_.registry->Forget(request->node_id());
                       reply(result.status());
                     });
    });
  }

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::GetStatusResponse* response) override {
    const storage::Health health = wiring_.store->Describe();
    response->set_version(wiring_.version);
    response->set_engine(health.engine);
    response->mutable_position()->set_history(health.position.history);
    response->mutable_position()->set_revision(health.position.revision);
    std::string detail = health.detail;
    for (const std::string& alarm : health.alarms) {
      absl::StrAppend(&detail, detail.empty() ? "" : "; ", alarm);
    }
    response->set_store_detail(detail);
    response->set_store_bytes(health.bytes);
    response->set_attached_nodes(wiring_.registry->attached_count());
    response->set_oldest_delta_revision(wiring_.hub->oldest_delta_revision());
    response->set_started_unix_ms(ToUnixMs(started_));
    return OnWriter(context,
                    [response, writable = health.writable](Writer& writer, const Reply& reply) {
                      response->set_writable(writable && writer.leads());
                      response->set_leases(writer.book().leases().size());
                      response->set_expiry_held_until_unix_ms(ToUnixMs(writer.expiry_held_until()));
                      reply(absl::OkStatus());
                    });
  }

  grpc::ServerUnaryReactor* WaitApplied(grpc::CallbackServerContext* context,
                                        const v1::WaitAppliedRequest* request,
                                        v1::WaitAppliedResponse* response) override {
    return OnWriter(context, [this, context, request, response](Writer& writer,
                                                                const Reply& reply) {
      const storage::Revision newest = writer.book().revision();
      if (request->revision() > newest) {
        reply(absl::OutOfRangeError(absl::StrCat("revision ", request->revision(),
                                                 " does not exist yet; the newest is ", newest)));
        return;
      }
      const storage::Revision revision = request->revision() == 0 ? newest : request->revision();
      const absl::Time until = wiring_.clock->Now() +
                               absl::Seconds(std::min(request->timeout_seconds(), kMaxWaitSeconds));
      applied_wait_.Add(
          revision, until, [this, context] { return ending_.load() || context->IsCancelled(); },
          [response, reply](storage::Revision asked, const std::vector<NodeInfo>& laggards) {
            response->set_revision(asked);
            for (const NodeInfo& info : laggards) {
              v1::Laggard* laggard = response->add_laggards();
              laggard->set_node_id(info.node_id);
              laggard->set_attached(info.attached);
              laggard->set_applied_revision(info.report.applied_revision);
            }
            reply(absl::OkStatus());
          });
      wiring_.pump->Wake();
    });
  }

  grpc::ServerWriteReactor<v1::WatchEvent>* Watch(grpc::CallbackServerContext*,
                                                  const v1::WatchRequest* request) override {
    const storage::Revision cursor =
        request->after_revision() == 0 ? wiring_.hub->head() : request->after_revision();
    auto reactor = std::make_shared<WatchReactor>(wiring_.hub, cursor, [this](WatchReactor* done) {
      MutexLock lock(&mutex_);
      watches_.erase(done);
    });
    {
      MutexLock lock(&mutex_);
      watches_.emplace(reactor.get(), reactor);
    }
    reactor->Begin();
    return reactor.get();
  }

  grpc::ServerWriteReactor<v1::DiagnoseEvent>* Diagnose(
      grpc::CallbackServerContext*, const v1::DiagnoseRequest* request) override {
    return diagnoses_.Begin(*request);
  }

  void CloseAll(const absl::Status& why) {
    ending_ = true;
    diagnoses_.CloseAll(why);
    for (const auto& watch : Watches()) watch->End(ToGrpc(why));
    wiring_.pump->Wake();
  }

 private:
  bool IsAttached(const std::string& node_id) const {
    return wiring_.registry->FindStream(node_id) != nullptr;
  }

  absl::Status FillGrant(const absl::StatusOr<LeaseGrant>& grant,
                         v1::LeaseResponse* response) const {
    if (!grant.ok()) return grant.status();
    response->set_revision(grant->revision);
    *response->mutable_lease() = ToMessage(grant->lease, IsAttached(grant->lease.node_id));
    return absl::OkStatus();
  }

  bool HoldsRemovals(const std::string& node_id) const {
    for (const NodeInfo& info : wiring_.registry->List()) {
      if (info.node_id == node_id) return info.report.held_removals > 0;
    }
    return false;
  }

  static grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context,
                                          const absl::Status& status) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(status));
    return reactor;
  }

  // Runs `job(writer, reply)` on the writer's thread; `reply` ends the call.
  template <typename Job>
  grpc::ServerUnaryReactor* OnWriter(grpc::CallbackServerContext* context, Job job) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const absl::Status posted =
        wiring_.writer->Post([reactor, job = std::move(job)](Writer& writer) {
          job(writer, [reactor](const absl::Status& status) { reactor->Finish(ToGrpc(status)); });
        });
    if (!posted.ok()) reactor->Finish(ToGrpc(posted));
    return reactor;
  }

  std::vector<std::shared_ptr<WatchReactor>> Watches() {
    MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<WatchReactor>> watches;
    for (const auto& [raw, watch] : watches_) watches.push_back(watch);
    return watches;
  }

  absl::Time OnTime(absl::Time now) {
    const storage::Revision head = wiring_.hub->head();
    if (head != seen_head_) {
      seen_head_ = head;
      for (const auto& watch : Watches()) watch->Kick();
    }
    return applied_wait_.Check(now);
  }

  const Wiring wiring_;
  const absl::Time started_;
  std::atomic<bool> ending_{false};
  AppliedWait applied_wait_;
  DiagnoseService diagnoses_;
  storage::Revision seen_head_ = 0;  // the pump's thread only
  Mutex mutex_;
  absl::flat_hash_map<WatchReactor*, std::shared_ptr<WatchReactor>> watches_
      ABSL_GUARDED_BY(mutex_);
};

AdminService::AdminService(const Wiring& wiring) : impl_(std::make_unique<Impl>(wiring)) {}
AdminService::~AdminService() = default;

grpc::Service* AdminService::service() { return impl_.get(); }
void AdminService::CloseAll(const absl::Status& why) { impl_->CloseAll(why); }

}  // namespace heddle::controller
