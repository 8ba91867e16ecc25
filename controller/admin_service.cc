#include "controller/admin_service.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/admin_calls.h"
#include "controller/authorized_calls.h"
#include "controller/controller_calls.h"
#include "controller/diagnose_service.h"
#include "controller/file_calls.h"
#include "controller/grpc_bytes.h"
#include "controller/refused_call.h"
#include "controller/watch_reactor.h"

namespace heddle::controller {
namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Async = LeaderProxy::Async<v1::AdminService>;
using Kind = LeaderProxy::Kind;

constexpr char kWatch[] = "Watch";  // in the audit log

}  // namespace

class AdminService::Impl final : public v1::AdminService::CallbackService {
 public:
  explicit Impl(const Wiring& w)
      : wiring_(w),
        calls_({w.store, w.hub, w.registry, w.writer, w.leadership, w.pump, w.clock, w.version}),
        authorized_(w.access, w.proxy),
        controllers_({w.store, w.leadership, w.writer, w.channels, w.proxy, &calls_, w.clock,
                      w.version, &ending_}),
        diagnoses_({w.hub, w.registry, w.writer, w.pump, w.probe_reports, w.clock, w.proxy,
                    w.access, w.streams}),
        files_({w.store, w.writer, w.clock, w.version, w.restore_settle, w.access, w.streams}) {
    wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
  }

  // ---- The leader's ----
  Unary* GetNetwork(Context* context, const v1::GetNetworkRequest* request,
                    v1::GetNetworkResponse* response) override {
    return ByLeader({"GetNetwork", Need::kViewer, Kind::kViews}, context, request, response,
                    &Async::GetNetwork,
                    [=](const AdmittedCall& call) { calls_.GetNetwork(response, call.reply); });
  }
  Unary* SetNetwork(Context* context, const v1::SetNetworkRequest* request,
                    v1::SetNetworkResponse* response) override {
    const CallTerms terms = request->dry_run()
                                ? CallTerms{"SetNetwork", Need::kViewer, Kind::kReads}
                                : CallTerms{"SetNetwork", Need::kAdmin, Kind::kWrites};
    return ByLeader(
        terms, context, request, response, &Async::SetNetwork,
        [=](const AdmittedCall& call) { calls_.SetNetwork(request, response, call.reply); });
  }
  Unary* ListLeases(Context* context, const v1::ListLeasesRequest* request,
                    v1::ListLeasesResponse* response) override {
    return ByLeader(
        {"ListLeases", Need::kViewer, Kind::kViews}, context, request, response, &Async::ListLeases,
        [=](const AdmittedCall& call) { calls_.ListLeases(request, response, call.reply); });
  }
  Unary* ReserveLease(Context* context, const v1::ReserveLeaseRequest* request,
                      v1::LeaseResponse* response) override {
    return ByLeader({"ReserveLease", Need::kAdmin, Kind::kWrites, request->node_id()}, context,
                    request, response, &Async::ReserveLease, [=](const AdmittedCall& call) {
                      calls_.ReserveLease(request, response, call.reply);
                    });
  }
  Unary* ReleaseLease(Context* context, const v1::ReleaseLeaseRequest* request,
                      v1::LeaseResponse* response) override {
    return ByLeader({"ReleaseLease", Need::kAdmin, Kind::kWrites, request->node_id()}, context,
                    request, response, &Async::ReleaseLease, [=](const AdmittedCall& call) {
                      calls_.ReleaseLease(request, response, call.reply);
                    });
  }
  Unary* RenumberNode(Context* context, const v1::RenumberNodeRequest* request,
                      v1::LeaseResponse* response) override {
    return ByLeader({"RenumberNode", Need::kAdmin, Kind::kWrites, request->node_id()}, context,
                    request, response, &Async::RenumberNode, [=](const AdmittedCall& call) {
                      calls_.RenumberNode(request, response, call.reply);
                    });
  }
  Unary* ListNodes(Context* context, const v1::ListNodesRequest* request,
                   v1::ListNodesResponse* response) override {
    return ByLeader({"ListNodes", Need::kViewer, Kind::kViews}, context, request, response,
                    &Async::ListNodes,
                    [=](const AdmittedCall& call) { calls_.ListNodes(response, call.reply); });
  }
  Unary* AcceptRemovals(Context* context, const v1::NodeRequest* request,
                        v1::RevisionResponse* response) override {
    return ByLeader({"AcceptRemovals", Need::kAdmin, Kind::kWrites, request->node_id()}, context,
                    request, response, &Async::AcceptRemovals, [=](const AdmittedCall& call) {
                      calls_.AcceptRemovals(request, response, call.reply);
                    });
  }
  Unary* RemoveNode(Context* context, const v1::NodeRequest* request,
                    v1::RevisionResponse* response) override {
    return ByLeader({"RemoveNode", Need::kAdmin, Kind::kWrites, request->node_id()}, context,
                    request, response, &Async::RemoveNode, [=](const AdmittedCall& call) {
                      calls_.RemoveNode(request, response, call.reply);
                    });
  }
  Unary* AllowAddress(Context* context, const v1::AllowAddressRequest* request,
                      v1::AllowAddressResponse* response) override {
    return ByLeader({"AllowAddress", Need::kAdmin, Kind::kWrites, AddressText(*request)}, context,
                    request, response, &Async::AllowAddress, [=](const AdmittedCall& call) {
                      calls_.AllowAddress(request, response, call.reply);
                    });
  }
  Unary* WaitApplied(Context* context, const v1::WaitAppliedRequest* request,
                     v1::WaitAppliedResponse* response) override {
    const auto cancelled = [=] { return ending_.load() || context->IsCancelled(); };
    return ByLeader({"WaitApplied", Need::kViewer, Kind::kReads, "", WaitOf(*request)}, context,
                    request, response, &Async::WaitApplied, [=](const AdmittedCall& call) {
                      calls_.WaitApplied(request, response, cancelled, call.reply);
                    });
  }
  Unary* StepDown(Context* context, const v1::StepDownRequest* request,
                  v1::StepDownResponse* response) override {
    return ByLeader({"StepDown", Need::kAdmin, Kind::kOnce, wiring_.leadership->self_id()}, context,
                    request, response, &Async::StepDown,
                    [=](const AdmittedCall& call) { controllers_.StepDown(response, call.reply); });
  }
  Unary* CreateToken(Context* context, const v1::CreateTokenRequest* request,
                     v1::CreateTokenResponse* response) override {
    return ByLeader({"CreateToken", Need::kAdmin, Kind::kWrites}, context, request, response,
                    &Async::CreateToken, [=](const AdmittedCall& call) {
                      wiring_.issuing->CreateToken(call, request, response);
                    });
  }
  Unary* ListTokens(Context* context, const v1::ListTokensRequest* request,
                    v1::ListTokensResponse* response) override {
    return ByLeader({"ListTokens", Need::kViewer, Kind::kViews}, context, request, response,
                    &Async::ListTokens,
                    [=](const AdmittedCall& call) { wiring_.issuing->ListTokens(call, response); });
  }
  Unary* DeleteToken(Context* context, const v1::DeleteTokenRequest* request,
                     v1::DeleteTokenResponse* response) override {
    return ByLeader({"DeleteToken", Need::kAdmin, Kind::kWrites, request->id()}, context, request,
                    response, &Async::DeleteToken, [=](const AdmittedCall& call) {
                      wiring_.issuing->DeleteToken(call, request, response);
                    });
  }
  Unary* IssueCertificate(Context* context, const v1::IssueCertificateRequest* request,
                          v1::IssuedCertificate* response) override {
    return ByLeader({"IssueCertificate", Need::kAdmin, Kind::kWrites,
                     absl::StrCat(request->role(), "/", request->name())},
                    context, request, response, &Async::IssueCertificate,
                    [=](const AdmittedCall& call) {
                      wiring_.issuing->IssueCertificate(call, request, response);
                    });
  }
  Unary* ListCertificates(Context* context, const v1::ListCertificatesRequest* request,
                          v1::ListCertificatesResponse* response) override {
    return ByLeader({"ListCertificates", Need::kViewer, Kind::kViews}, context, request, response,
                    &Async::ListCertificates, [=](const AdmittedCall& call) {
                      wiring_.issuing->ListCertificates(call, request, response);
                    });
  }
  Unary* RevokeCertificate(Context* context, const v1::RevokeCertificateRequest* request,
                           v1::RevokeCertificateResponse* response) override {
    const std::string& what = request->serial().empty() ? request->principal() : request->serial();
    return ByLeader({"RevokeCertificate", Need::kAdmin, Kind::kWrites, what}, context, request,
                    response, &Async::RevokeCertificate, [=](const AdmittedCall& call) {
                      wiring_.issuing->RevokeCertificate(call, request, response);
                    });
  }
  grpc::ServerWriteReactor<v1::DiagnoseEvent>* Diagnose(
      Context* context, const v1::DiagnoseRequest* request) override {
    return diagnoses_.Begin(context, *request);
  }

  // ---- Any controller's ----
  Unary* GetStatus(Context* context, const v1::GetStatusRequest*,
                   v1::GetStatusResponse* response) override {
    return authorized_.ByAny(
        {"GetStatus", Need::kViewer, Kind::kViews}, context,
        [=](const AdmittedCall& call) { calls_.GetStatus(response, call.reply); });
  }
  Unary* ListControllers(Context* context, const v1::ListControllersRequest*,
                         v1::ListControllersResponse* response) override {
    return authorized_.ByAny(
        {"ListControllers", Need::kViewer, Kind::kViews}, context,
        [=](const AdmittedCall& call) { controllers_.List(call.caller, response, call.reply); });
  }
  grpc::ServerWriteReactor<v1::WatchEvent>* Watch(Context* context,
                                                  const v1::WatchRequest* request) override {
    const auto caller = wiring_.access->Admit(*context, Need::kViewer, kWatch);
    if (!caller.ok()) {
      return RefusedCall<grpc::ServerWriteReactor<v1::WatchEvent>>::Begin(context, caller.status());
    }
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
    wiring_.streams->Hold(
        *caller, kWatch, reactor,
        [](WatchReactor& live, const absl::Status& why) { live.End(ToGrpc(why)); });
    return reactor.get();
  }

  grpc::ServerWriteReactor<v1::FileChunk>* Backup(Context* context,
                                                  const v1::BackupRequest*) override {
    return files_.Backup(context);
  }
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(Context* context,
                                                       v1::RestoreResponse* response) override {
    return files_.Restore(context, response);
  }

  void CloseAll(const absl::Status& why) {
    ending_ = true;
    files_.CloseAll(why);
    diagnoses_.CloseAll(why);
    for (const auto& watch : Watches()) watch->End(ToGrpc(why));
    wiring_.pump->Wake();
  }

 private:
  template <typename Request, typename Response>
  Unary* ByLeader(const CallTerms& terms, Context* context, const Request* request,
                  Response* response,
                  LeaderProxy::Method<v1::AdminService, Request, Response> method,
                  AuthorizedCalls::Here here) {
    return authorized_.ByLeader<v1::AdminService>(terms, context, request, response, method,
                                                  std::move(here));
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
    return calls_.OnTime(now);
  }

  const Wiring wiring_;
  std::atomic<bool> ending_{false};
  AdminCalls calls_;
  AuthorizedCalls authorized_;
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
