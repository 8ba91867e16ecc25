#include "cli/fake_admin.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "cli/fake_cluster.h"
#include "identity/private_key.h"
#include "identity/transport.h"

namespace heddle::cli {

namespace {

// What an authority issues for a request.
grpc::Status Sign(const std::string& principal, const std::string& request_pem,
                  absl::Duration lifetime, v1::IssuedCertificate* issued) {
  const auto whom = identity::ParsePrincipal(principal);
  const auto key = identity::CheckCertificateRequest(request_pem);
  if (!whom.ok() || !key.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, "no such request"};
  const absl::Time now = absl::Now();
  const auto chain = FakeAuthority().Issue(
      key->public_key_der, {*whom, identity::NewSerial(), now - absl::Hours(1), now + lifetime});
  if (!chain.ok()) return {grpc::StatusCode::INTERNAL, std::string(chain.status().message())};
  issued->set_chain_pem(*chain);
  issued->set_roots_pem(FakeAuthority().root().pem);
  return grpc::Status::OK;
}

// What a request for a certificate asks for, without the key in it.
template <typename Request>
Request WithoutKey(Request request) {
  request.clear_certificate_request_pem();
  return request;
}

}  // namespace

struct FakeAdmin::Impl final : public v1::AdminService::Service {
  struct Identities final : public v1::IdentityService::Service {
    explicit Identities(Impl* impl) : impl(impl) {}
    grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                       v1::IssuedCertificate* response) override {
      const grpc::Status status = impl->Serve("Renew", WithoutKey(*request));
      if (!status.ok()) return status;
      const auto shown = identity::ShownChain(*context->auth_context());
      const auto peer = identity::ParseCertificate(shown.value_or(""));
      if (!peer.ok()) return {grpc::StatusCode::UNAUTHENTICATED, "who is that?"};
      const std::string& other = impl->state.issued_to;
      return Sign(other.empty() ? identity::ToString(peer->principal) : other,
                  request->certificate_request_pem(), impl->state.issued_for, response);
    }
    Impl* const impl;
  };

  FakeState state;
  std::unique_ptr<identity::LiveCredentials> live;
  Identities identities{this};
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  mutable Mutex mutex;
  std::vector<std::string> requests ABSL_GUARDED_BY(mutex);

  grpc::Status Serve(const char* call, const google::protobuf::Message& request) {
    MutexLock lock(&mutex);
    requests.push_back(absl::StrCat(call, "{", request.ShortDebugString(), "}"));
    const auto error = state.errors.find(call);
    if (error == state.errors.end()) return grpc::Status::OK;
    return grpc::Status(static_cast<grpc::StatusCode>(error->second.code()),
                        std::string(error->second.message()));
  }

  template <typename Answer>
  grpc::Status Serve(const char* call, const google::protobuf::Message& request,
                     const Answer& answer, Answer* response) {
    *response = answer;
    return Serve(call, request);
  }

  grpc::Status GetNetwork(grpc::ServerContext*, const v1::GetNetworkRequest* request,
                          v1::GetNetworkResponse* response) override {
    {
      MutexLock lock(&mutex);
      if (!state.networks_before.empty()) {
        *response = state.networks_before.front();
        state.networks_before.erase(state.networks_before.begin());
        return grpc::Status::OK;
      }
    }
    return Serve("GetNetwork", *request, state.network, response);
  }
  grpc::Status SetNetwork(grpc::ServerContext*, const v1::SetNetworkRequest* request,
                          v1::SetNetworkResponse* response) override {
    return Serve("SetNetwork", *request, state.set_network, response);
  }
  grpc::Status ListLeases(grpc::ServerContext*, const v1::ListLeasesRequest* request,
                          v1::ListLeasesResponse* response) override {
    response->set_revision(state.leases.revision());
    for (const v1::Lease& lease : state.leases.leases()) {
      if (lease.state() != "resting" || request->include_resting()) *response->add_leases() = lease;
    }
    return Serve("ListLeases", *request);
  }
  grpc::Status ReserveLease(grpc::ServerContext*, const v1::ReserveLeaseRequest* request,
                            v1::LeaseResponse* response) override {
    return ServeLease("ReserveLease", *request, request->node_id(), response);
  }
  grpc::Status ReleaseLease(grpc::ServerContext*, const v1::ReleaseLeaseRequest* request,
                            v1::LeaseResponse* response) override {
    return ServeLease("ReleaseLease", *request, request->node_id(), response);
  }
  grpc::Status RenumberNode(grpc::ServerContext*, const v1::RenumberNodeRequest* request,
                            v1::LeaseResponse* response) override {
    return ServeLease("RenumberNode", *request, request->node_id(), response);
  }
  grpc::Status ListNodes(grpc::ServerContext*, const v1::ListNodesRequest* request,
                         v1::ListNodesResponse* response) override {
    return Serve("ListNodes", *request, state.nodes, response);
  }
  grpc::Status AcceptRemovals(grpc::ServerContext*, const v1::NodeRequest* request,
                              v1::RevisionResponse* response) override {
    response->set_revision(state.nodes.revision());
    return Serve("AcceptRemovals", *request);
  }
  grpc::Status RemoveNode(grpc::ServerContext*, const v1::NodeRequest* request,
                          v1::RevisionResponse* response) override {
    response->set_revision(state.nodes.revision() + 1);
    return Serve("RemoveNode", *request);
  }
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override {
    return Serve("GetStatus", *request, state.status, response);
  }
  grpc::Status ListControllers(grpc::ServerContext*, const v1::ListControllersRequest* request,
                               v1::ListControllersResponse* response) override {
    return Serve("ListControllers", *request, state.controllers, response);
  }
  grpc::Status StepDown(grpc::ServerContext*, const v1::StepDownRequest* request,
                        v1::StepDownResponse* response) override {
    return Serve("StepDown", *request, state.step_down, response);
  }
  grpc::Status WaitApplied(grpc::ServerContext*, const v1::WaitAppliedRequest* request,
                           v1::WaitAppliedResponse* response) override {
    return Serve("WaitApplied", *request, state.wait, response);
  }
  grpc::Status CreateToken(grpc::ServerContext*, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    return Serve("CreateToken", *request, state.created_token, response);
  }
  grpc::Status ListTokens(grpc::ServerContext*, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override {
    return Serve("ListTokens", *request, state.tokens, response);
  }
  grpc::Status DeleteToken(grpc::ServerContext*, const v1::DeleteTokenRequest* request,
                           v1::DeleteTokenResponse*) override {
    return Serve("DeleteToken", *request);
  }
  grpc::Status IssueCertificate(grpc::ServerContext*, const v1::IssueCertificateRequest* request,
                                v1::IssuedCertificate* response) override {
    const grpc::Status status = Serve("IssueCertificate", WithoutKey(*request));
    if (!status.ok()) return status;
    return Sign(state.issued_to.empty() ? absl::StrCat(request->role(), "/", request->name())
                                        : state.issued_to,
                request->certificate_request_pem(), state.issued_for, response);
  }
  grpc::Status ListCertificates(grpc::ServerContext*, const v1::ListCertificatesRequest* request,
                                v1::ListCertificatesResponse* response) override {
    return Serve("ListCertificates", *request, state.certificates, response);
  }
  grpc::Status RevokeCertificate(grpc::ServerContext*, const v1::RevokeCertificateRequest* request,
                                 v1::RevokeCertificateResponse* response) override {
    return Serve("RevokeCertificate", *request, state.revoked, response);
  }
  grpc::Status AllowAddress(grpc::ServerContext*, const v1::AllowAddressRequest* request,
                            v1::AllowAddressResponse*) override {
    return Serve("AllowAddress", *request);
  }
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchEvent>* writer) override {
    const grpc::Status status = Serve("Watch", *request);
    if (!status.ok()) return status;
    for (const v1::WatchEvent& event : state.events) writer->Write(event);
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return grpc::Status::CANCELLED;
  }

  grpc::Status Backup(grpc::ServerContext*, const v1::BackupRequest* request,
                      grpc::ServerWriter<v1::FileChunk>* writer) override {
    const grpc::Status status = Serve("Backup", *request);
    if (!status.ok()) return status;
    constexpr std::size_t kPiece = 50;
    for (std::size_t at = 0; at < state.backup.size(); at += kPiece) {
      v1::FileChunk chunk;
      chunk.set_bytes(state.backup.substr(at, kPiece));
      writer->Write(chunk);
    }
    return status;
  }
  grpc::Status Restore(grpc::ServerContext* context, grpc::ServerReader<v1::RestoreRequest>* reader,
                       v1::RestoreResponse* response) override {
    v1::RestoreRequest piece, told;
    std::size_t bytes = 0;
    while (reader->Read(&piece)) {
      bytes += piece.bytes().size();
      told.set_replace(piece.replace());
      told.set_dry_run(piece.dry_run());
    }
    told.set_bytes(absl::StrCat(bytes, " bytes"));
    *response = state.restore;
    if (!state.leader.empty()) context->AddTrailingMetadata("heddle-leader", state.leader);
    return Serve("Restore", told);
  }
  grpc::Status Diagnose(grpc::ServerContext*, const v1::DiagnoseRequest* request,
                        grpc::ServerWriter<v1::DiagnoseEvent>* writer) override {
    const grpc::Status status = Serve("Diagnose", *request);
    if (!status.ok()) return status;
    for (const v1::DiagnoseEvent& event : state.diagnosis) writer->Write(event);
    return grpc::Status::OK;
  }

  grpc::Status ServeLease(const char* call, const google::protobuf::Message& request,
                          const std::string& node_id, v1::LeaseResponse* response) {
    response->set_revision(state.leases.revision() + 1);
    for (const v1::Lease& lease : state.leases.leases()) {
      if (lease.node_id() == node_id) *response->mutable_lease() = lease;
    }
    return Serve(call, request);
  }
};

FakeAdmin::FakeAdmin(FakeState state)
    : FakeAdmin(std::move(state), FakeIdentityFile("controller/c-1")) {}

FakeAdmin::FakeAdmin(FakeState state, const std::string& identity_file)
    : impl_(std::make_unique<Impl>()) {
  impl_->state = std::move(state);
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!identity_file.empty()) {
    impl_->live = identity::LiveCredentials::Open(identity::IdentityFile(identity_file)).value();
    credentials = identity::ServerCredentialsOf(impl_->live.get());
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &impl_->port);
  builder.RegisterService(impl_.get());
  builder.RegisterService(&impl_->identities);
  impl_->server = builder.BuildAndStart();
}

FakeAdmin::~FakeAdmin() { Stop(); }

std::string FakeAdmin::address() const { return absl::StrCat("127.0.0.1:", impl_->port); }

FakeState& FakeAdmin::state() { return impl_->state; }

std::vector<std::string> FakeAdmin::requests() const {
  MutexLock lock(&impl_->mutex);
  return impl_->requests;
}

void FakeAdmin::Stop() { impl_->server->Shutdown(std::chrono::system_clock::now()); }

}  // namespace heddle::cli
