#include "controller/admin_service.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/admin_calls.h"
#include "controller/controller_calls.h"
#include "controller/diagnose_service.h"
#include "controller/file_calls.h"
#include "controller/grpc_bytes.h"
#include "controller/leader_proxy.h"
#include "controller/watch_reactor.h"

namespace heddle::controller {
namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Async = LeaderProxy::Async;
using Kind = LeaderProxy::Kind;
using Reply = AdminCalls::Reply;

}  // namespace

class AdminService::Impl final : public v1::AdminService::CallbackService {
 public:
  explicit Impl(const Wiring& w)
      : wiring_(w),
        calls_({w.store, w.hub, w.registry, w.writer, w.leadership, w.pump, w.clock, w.version}),
        proxy_({w.store, w.leadership, w.writer, w.channels, w.pump, w.clock}),
        controllers_({w.store, w.leadership, w.writer, w.channels, &proxy_, &calls_, w.clock,
                      w.version, &ending_}),
        diagnoses_({w.hub, w.registry, w.writer, w.pump, w.probe_reports, w.clock, &proxy_}),
        files_({w.store, w.writer, w.clock, w.version, w.restore_settle}) {
    wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
  }

  // ---- The leader's ----
  Unary* GetNetwork(Context* context, const v1::GetNetworkRequest* request,
                    v1::GetNetworkResponse* response) override {
    return proxy_.Serve(Kind::kViews, context, request, response, &Async::GetNetwork,
                        [=](const Reply& reply) { calls_.GetNetwork(response, reply); });
  }
  Unary* SetNetwork(Context* context, const v1::SetNetworkRequest* request,
                    v1::SetNetworkResponse* response) override {
    return proxy_.Serve(request->dry_run() ? Kind::kReads : Kind::kWrites, context, request,
                        response, &Async::SetNetwork,
                        [=](const Reply& reply) { calls_.SetNetwork(request, response, reply); });
  }
  Unary* ListLeases(Context* context, const v1::ListLeasesRequest* request,
                    v1::ListLeasesResponse* response) override {
    return proxy_.Serve(Kind::kViews, context, request, response, &Async::ListLeases,
                        [=](const Reply& reply) { calls_.ListLeases(request, response, reply); });
  }
  Unary* ReserveLease(Context* context, const v1::ReserveLeaseRequest* request,
                      v1::LeaseResponse* response) override {
    return proxy_.Serve(Kind::kWrites, context, request, response, &Async::ReserveLease,
                        [=](const Reply& reply) { calls_.ReserveLease(request, response, reply); });
  }
  Unary* ReleaseLease(Context* context, const v1::ReleaseLeaseRequest* request,
                      v1::LeaseResponse* response) override {
    return proxy_.Serve(Kind::kWrites, context, request, response, &Async::ReleaseLease,
                        [=](const Reply& reply) { calls_.ReleaseLease(request, response, reply); });
  }
  Unary* RenumberNode(Context* context, const v1::RenumberNodeRequest* request,
                      v1::LeaseResponse* response) override {
    return proxy_.Serve(Kind::kWrites, context, request, response, &Async::RenumberNode,
                        [=](const Reply& reply) { calls_.RenumberNode(request, response, reply); });
  }
  Unary* ListNodes(Context* context, const v1::ListNodesRequest* request,
                   v1::ListNodesResponse* response) override {
    return proxy_.Serve(Kind::kViews, context, request, response, &Async::ListNodes,
                        [=](const Reply& reply) { calls_.ListNodes(response, reply); });
  }
  Unary* AcceptRemovals(Context* context, const v1::NodeRequest* request,
                        v1::RevisionResponse* response) override {
    return proxy_.Serve(
        Kind::kWrites, context, request, response, &Async::AcceptRemovals,
        [=](const Reply& reply) { calls_.AcceptRemovals(request, response, reply); });
  }
  Unary* RemoveNode(Context* context, const v1::NodeRequest* request,
                    v1::RevisionResponse* response) override {
    return proxy_.Serve(Kind::kWrites, context, request, response, &Async::RemoveNode,
                        [=](const Reply& reply) { calls_.RemoveNode(request, response, reply); });
  }
  Unary* WaitApplied(Context* context, const v1::WaitAppliedRequest* request,
                     v1::WaitAppliedResponse* response) override {
    const auto cancelled = [=] { return ending_.load() || context->IsCancelled(); };
    return proxy_.Serve(
        Kind::kReads, context, request, response, &Async::WaitApplied,
        [=](const Reply& reply) { calls_.WaitApplied(request, response, cancelled, reply); },
        WaitOf(*request));
  }
  Unary* StepDown(Context* context, const v1::StepDownRequest* request,
                  v1::StepDownResponse* response) override {
    return proxy_.Serve(Kind::kOnce, context, request, response, &Async::StepDown,
                        [=](const Reply& reply) { controllers_.StepDown(response, reply); });
  }
  grpc::ServerWriteReactor<v1::DiagnoseEvent>* Diagnose(
      Context* context, const v1::DiagnoseRequest* request) override {
    return diagnoses_.Begin(context, *request);
  }

  // ---- Any controller's ----
  Unary* GetStatus(Context* context, const v1::GetStatusRequest*,
                   v1::GetStatusResponse* response) override {
    Unary* const reactor = context->DefaultReactor();
    calls_.GetStatus(response,
                     [reactor](const absl::Status& status) { reactor->Finish(ToGrpc(status)); });
    return reactor;
  }
  Unary* ListControllers(Context* context, const v1::ListControllersRequest*,
                         v1::ListControllersResponse* response) override {
    Unary* const reactor = context->DefaultReactor();
    controllers_.List(response,
                      [reactor](const absl::Status& status) { reactor->Finish(ToGrpc(status)); });
    return reactor;
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

  grpc::ServerWriteReactor<v1::FileChunk>* Backup(Context*, const v1::BackupRequest*) override {
    return files_.Backup();
  }
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(Context* context,
                                                       v1::RestoreResponse* response) override {
    return files_.Restore(context, response);
  }

  void CloseAll(const absl::Status& why) {
    ending_ = true;
    files_.CloseAll(why);
    diagnoses_.CloseAll(why);
    proxy_.CloseAll(why);
    for (const auto& watch : Watches()) watch->End(ToGrpc(why));
    wiring_.pump->Wake();
  }

 private:
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
    return calls_.OnTime(now);
  }

  const Wiring wiring_;
  std::atomic<bool> ending_{false};
  AdminCalls calls_;
  LeaderProxy proxy_;
  ControllerCalls controllers_;
  DiagnoseService diagnoses_;
  FileCalls files_;
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
