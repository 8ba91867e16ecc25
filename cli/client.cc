#include "cli/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "cli/backup_path.h"
#include "cli/call_status.h"
#include "cli/tls_diagnosis.h"
#include "identity/transport.h"

namespace heddle::cli {
namespace {

using Stub = v1::AdminService::Stub;

// A list of 100 000 leases is some 10 MB.
constexpr int kMaxAnswerBytes = 256 << 20;
// One of several that is slower than this is passed over for the next.
constexpr absl::Duration kProbe = absl::Seconds(2);
// A controller that has stepped down answers when another leads.
constexpr absl::Duration kSuccessorWithin = absl::Seconds(10);

std::shared_ptr<grpc::Channel> NewChannel(const std::string& controller, const ClientTerms& terms) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!terms.credentials) {
    return grpc::CreateCustomChannel(controller, grpc::InsecureChannelCredentials(), arguments);
  }
  identity::SetServerName({terms.server_name}, &arguments);
  return grpc::CreateCustomChannel(controller, identity::ChannelCredentialsOf(*terms.credentials),
                                   arguments);
}

}  // namespace

struct AdminClient::Impl {
  std::vector<std::string> controllers;
  ClientTerms terms;
  std::string controller;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
  Mutex mutex;
  grpc::ClientContext* stream ABSL_GUARDED_BY(mutex) = nullptr;
  bool stream_cancelled ABSL_GUARDED_BY(mutex) = false;

  template <typename OfStub, typename Request, typename Response>
  using Method = grpc::Status (OfStub::*)(grpc::ClientContext*, const Request&, Response*);

  template <typename OfStub, typename Request, typename Response>
  absl::StatusOr<Response> CallOnce(OfStub* to, Method<OfStub, Request, Response> method,
                                    const Request& request, absl::Duration limit) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
    Response response;
    const grpc::Status status = (to->*method)(&context, request, &response);
    HEDDLE_RETURN_IF_ERROR(StatusOf(status, limit));
    return response;
  }

  // Of no connection gRPC does not tell why TLS made none.
  absl::Status StatusOf(const grpc::Status& ended, absl::Duration waited) const {
    absl::Status status = ToAbslStatus(ended, controller, waited);
    if (!absl::IsUnavailable(status)) return status;
    const absl::Status tls = DiagnoseTls(
        controller, terms.credentials ? &*terms.credentials : nullptr, terms.server_name);
    return tls.ok() ? status : tls;
  }

  void Use(const std::string& chosen) {
    controller = chosen;
    channel = NewChannel(chosen, terms);
    stub = v1::AdminService::NewStub(channel);
  }

  // Chooses the controller at the first call. A single one needs no probe: the call itself tells.
  absl::Status Choose() {
    if (stub != nullptr) return absl::OkStatus();
    std::vector<std::string> causes;
    bool is_refused = false;
    for (const std::string& candidate : controllers) {
      Use(candidate);
      if (controllers.size() == 1) return absl::OkStatus();
      const auto probe = CallOnce(stub.get(), &Stub::GetStatus, v1::GetStatusRequest(),
                                  std::min(terms.timeout, kProbe));
      const bool not_trusted = absl::IsUnauthenticated(probe.status());
      if (!not_trusted && !absl::IsUnavailable(probe.status()) &&
          !absl::IsDeadlineExceeded(probe.status())) {
        return absl::OkStatus();
      }
      is_refused = is_refused || not_trusted;
      causes.emplace_back(probe.status().message());
    }
    stub.reset();
    controller.clear();
    const std::string all = absl::StrJoin(causes, "; ");
    return is_refused ? absl::UnauthenticatedError(all) : absl::UnavailableError(all);
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Stub, Request, Response> method, const Request& request,
                                absl::Duration extra = absl::ZeroDuration()) {
    HEDDLE_RETURN_IF_ERROR(Choose());
    return CallOnce(stub.get(), method, request, terms.timeout + extra);
  }

  bool IsCancelled() {
    MutexLock lock(&mutex);
    return stream_cancelled;
  }

  // `leader`: the address of the controller that leads, when it refused for not leading.
  absl::StatusOr<v1::RestoreResponse> RestoreOnce(const std::string& path, bool replace,
                                                  bool dry_run, std::string* leader) {
    grpc::ClientContext context;
    v1::RestoreResponse response;
    const auto writer = stub->Restore(&context, &response);
    v1::RestoreRequest request;
    request.set_replace(replace);
    request.set_dry_run(dry_run);
    const absl::Status read = ReadPieces(path, [&](absl::string_view bytes) {
      request.set_bytes(std::string(bytes));
      // The call's end says why no more is taken.
      return writer->Write(request) ? absl::OkStatus() : absl::CancelledError("");
    });
    if (!read.ok() && !absl::IsCancelled(read)) context.TryCancel();
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (!read.ok() && !absl::IsCancelled(read)) return read;
    const auto& trailing = context.GetServerTrailingMetadata();
    const auto named = trailing.find("heddle-leader");
    *leader = named == trailing.end() ? std::string()
                                      : std::string(named->second.data(), named->second.size());
    HEDDLE_RETURN_IF_ERROR(StatusOf(status, absl::ZeroDuration()));
    return response;
  }

  // Reads a stream to its end; OK when that is a good one, or CancelStream was called.
  template <typename Method, typename Request, typename Event>
  absl::Status Stream(Method method, const Request& request,
                      const std::function<absl::Status(const Event&)>& on_event) {
    HEDDLE_RETURN_IF_ERROR(Choose());
    grpc::ClientContext context;
    {
      MutexLock lock(&mutex);
      if (stream_cancelled) return absl::OkStatus();
      stream = &context;
    }
    const auto reader = (stub.get()->*method)(&context, request);
    Event event;
    absl::Status told;
    while (told.ok() && reader->Read(&event)) told = on_event(event);
    if (!told.ok()) context.TryCancel();
    const grpc::Status status = reader->Finish();
    MutexLock lock(&mutex);
    stream = nullptr;
    if (stream_cancelled) return absl::OkStatus();
    if (!told.ok()) return told;
    return StatusOf(status, absl::ZeroDuration());
  }
};

AdminClient::AdminClient(std::vector<std::string> controllers, ClientTerms terms)
    : impl_(std::make_unique<Impl>()) {
  impl_->controllers = std::move(controllers);
  impl_->terms = std::move(terms);
}

AdminClient::~AdminClient() = default;

const std::string& AdminClient::controller() const { return impl_->controller; }

absl::StatusOr<v1::GetNetworkResponse> AdminClient::GetNetwork() {
  return impl_->Call(&Stub::GetNetwork, v1::GetNetworkRequest());
}

absl::StatusOr<v1::SetNetworkResponse> AdminClient::SetNetwork(
    const v1::SetNetworkRequest& request) {
  return impl_->Call(&Stub::SetNetwork, request);
}

absl::StatusOr<v1::ListLeasesResponse> AdminClient::ListLeases(
    const v1::ListLeasesRequest& request) {
  return impl_->Call(&Stub::ListLeases, request);
}

absl::StatusOr<v1::LeaseResponse> AdminClient::ReserveLease(
    const v1::ReserveLeaseRequest& request) {
  return impl_->Call(&Stub::ReserveLease, request);
}

absl::StatusOr<v1::LeaseResponse> AdminClient::ReleaseLease(
    const v1::ReleaseLeaseRequest& request) {
  return impl_->Call(&Stub::ReleaseLease, request);
}

absl::StatusOr<v1::LeaseResponse> AdminClient::RenumberNode(
    const v1::RenumberNodeRequest& request) {
  return impl_->Call(&Stub::RenumberNode, request);
}

absl::StatusOr<v1::ListNodesResponse> AdminClient::ListNodes() {
  return impl_->Call(&Stub::ListNodes, v1::ListNodesRequest());
}

absl::StatusOr<v1::RevisionResponse> AdminClient::AcceptRemovals(const v1::NodeRequest& request) {
  return impl_->Call(&Stub::AcceptRemovals, request);
}

absl::StatusOr<v1::RevisionResponse> AdminClient::RemoveNode(const v1::NodeRequest& request) {
  return impl_->Call(&Stub::RemoveNode, request);
}

absl::StatusOr<v1::GetStatusResponse> AdminClient::GetStatus() {
  return impl_->Call(&Stub::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<v1::WaitAppliedResponse> AdminClient::WaitApplied(
    const v1::WaitAppliedRequest& request) {
  return impl_->Call(&Stub::WaitApplied, request, absl::Seconds(request.timeout_seconds()));
}

absl::Status AdminClient::Watch(
    const v1::WatchRequest& request,
    const std::function<absl::Status(const v1::WatchEvent&)>& on_event) {
  const absl::Status status = impl_->Stream(&Stub::Watch, request, on_event);
  // A watch has no end of its own.
  if (!status.ok() || impl_->IsCancelled()) return status;
  return absl::UnavailableError(
      absl::StrCat("the controller at ", impl_->controller, " ended the stream"));
}

absl::Status AdminClient::Diagnose(
    const v1::DiagnoseRequest& request,
    const std::function<absl::Status(const v1::DiagnoseEvent&)>& on_event) {
  const absl::Status status = impl_->Stream(&Stub::Diagnose, request, on_event);
  if (status.ok() && impl_->IsCancelled()) return absl::CancelledError("it was interrupted");
  return status;
}

absl::StatusOr<v1::ListControllersResponse> AdminClient::ListControllers() {
  return impl_->Call(&Stub::ListControllers, v1::ListControllersRequest());
}

absl::StatusOr<v1::StepDownResponse> AdminClient::StepDown() {
  return impl_->Call(&Stub::StepDown, v1::StepDownRequest(), kSuccessorWithin);
}

absl::StatusOr<v1::CreateTokenResponse> AdminClient::CreateToken(
    const v1::CreateTokenRequest& request) {
  return impl_->Call(&Stub::CreateToken, request);
}

absl::StatusOr<v1::ListTokensResponse> AdminClient::ListTokens() {
  return impl_->Call(&Stub::ListTokens, v1::ListTokensRequest());
}

absl::StatusOr<v1::DeleteTokenResponse> AdminClient::DeleteToken(
    const v1::DeleteTokenRequest& request) {
  return impl_->Call(&Stub::DeleteToken, request);
}

absl::StatusOr<v1::IssuedCertificate> AdminClient::IssueCertificate(
    const v1::IssueCertificateRequest& request) {
  return impl_->Call(&Stub::IssueCertificate, request);
}

absl::StatusOr<v1::ListCertificatesResponse> AdminClient::ListCertificates(
    const v1::ListCertificatesRequest& request) {
  return impl_->Call(&Stub::ListCertificates, request);
}

absl::StatusOr<v1::RevokeCertificateResponse> AdminClient::RevokeCertificate(
    const v1::RevokeCertificateRequest& request) {
  return impl_->Call(&Stub::RevokeCertificate, request);
}

absl::StatusOr<v1::AllowAddressResponse> AdminClient::AllowAddress(
    const v1::AllowAddressRequest& request) {
  return impl_->Call(&Stub::AllowAddress, request);
}

absl::StatusOr<v1::IssuedCertificate> AdminClient::Renew(const v1::RenewRequest& request) {
  HEDDLE_RETURN_IF_ERROR(impl_->Choose());
  const auto stub = v1::IdentityService::NewStub(impl_->channel);
  return impl_->CallOnce(stub.get(), &v1::IdentityService::Stub::Renew, request,
                         impl_->terms.timeout);
}

absl::Status AdminClient::Backup(
    const std::function<absl::Status(const v1::FileChunk&)>& on_chunk) {
  const absl::Status status = impl_->Stream(&Stub::Backup, v1::BackupRequest(), on_chunk);
  if (status.ok() && impl_->IsCancelled()) return absl::CancelledError("it was interrupted");
  return status;
}

absl::StatusOr<v1::RestoreResponse> AdminClient::Restore(const std::string& path, bool replace,
                                                         bool dry_run) {
  HEDDLE_RETURN_IF_ERROR(impl_->Choose());
  std::string leader;
  auto answer = impl_->RestoreOnce(path, replace, dry_run, &leader);
  if (answer.ok() || leader.empty() || leader == impl_->controller) return answer;
  impl_->Use(leader);
  return impl_->RestoreOnce(path, replace, dry_run, &leader);
}

void AdminClient::CancelStream() {
  MutexLock lock(&impl_->mutex);
  impl_->stream_cancelled = true;
  if (impl_->stream != nullptr) impl_->stream->TryCancel();
}

}  // namespace heddle::cli
