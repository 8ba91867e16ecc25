#include "cli/fake_admin.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/admin.grpc.pb.h"

namespace heddle::cli {

struct FakeAdmin::Impl final : public v1::AdminService::Service {
  FakeState state;
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

FakeAdmin::FakeAdmin(FakeState state) : impl_(std::make_unique<Impl>()) {
  impl_->state = std::move(state);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &impl_->port);
  builder.RegisterService(impl_.get());
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
