#include "cli/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "cli/backup_path.h"

namespace heddle::cli {
namespace {

using Stub = v1::AdminService::Stub;

// A list of 100 000 leases is some 10 MB.
constexpr int kMaxAnswerBytes = 256 << 20;
// One of several that is slower than this is passed over for the next.
constexpr absl::Duration kProbe = absl::Seconds(2);
// A controller that has stepped down answers when another leads.
constexpr absl::Duration kSuccessorWithin = absl::Seconds(10);

std::shared_ptr<grpc::Channel> NewChannel(const std::string& controller) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(controller, grpc::InsecureChannelCredentials(), arguments);
}

// An Unavailable of gRPC's own (no connection) or of the controller's, in words for people.
absl::Status Unavailable(const std::string& controller, absl::string_view message) {
  static constexpr absl::string_view kNoConnection = "Failed to connect to remote host: ";
  const std::size_t at = message.rfind(kNoConnection);
  if (at == absl::string_view::npos) {
    return absl::UnavailableError(
        absl::StrCat("the controller at ", controller, " cannot serve this now (", message, ")"));
  }
  return absl::UnavailableError(absl::StrCat("cannot connect to a controller at ", controller, " (",
                                             message.substr(at + kNoConnection.size()), ")"));
}

absl::Status ToAbslStatus(const grpc::Status& status, const std::string& controller,
                          absl::Duration waited) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const std::string& message = status.error_message();
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat(
        "the controller at ", controller, " did not answer within ", absl::FormatDuration(waited)));
  }
  if (code == absl::StatusCode::kUnavailable) return Unavailable(controller, message);
  if (code == absl::StatusCode::kUnimplemented && message.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("the server at ", controller,
                     " does not know this call; is it a heddle-controller of this release?"));
  }
  return absl::Status(code, message);
}

absl::StatusOr<std::string> WithPort(absl::string_view entry) {
  const bool bracketed = absl::StartsWith(entry, "[");
  const std::size_t colon = entry.rfind(':');
  const bool has_port =
      colon != absl::string_view::npos && (!bracketed || (colon > 0 && entry[colon - 1] == ']'));
  if (!bracketed && entry.find(':') != colon) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", entry, "\" is no host:port; write an IPv6 address as [", entry, "]:7411"));
  }
  if (!has_port) return absl::StrCat(entry, ":", kDefaultControllerPort);
  int port = 0;
  if (colon == 0 || !absl::SimpleAtoi(entry.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", entry, "\" is no host:port"));
  }
  return std::string(entry);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text) {
  std::vector<std::string> out;
  for (absl::string_view entry : absl::StrSplit(text, ',')) {
    entry = absl::StripAsciiWhitespace(entry);
    if (entry.empty()) continue;
    HEDDLE_ASSIGN_OR_RETURN(std::string controller, WithPort(entry));
    out.push_back(std::move(controller));
  }
  if (out.empty()) return absl::InvalidArgumentError("--controller names no controller");
  return out;
}

struct AdminClient::Impl {
  std::vector<std::string> controllers;
  absl::Duration timeout;
  std::string controller;
  std::unique_ptr<Stub> stub;
  Mutex mutex;
  grpc::ClientContext* stream ABSL_GUARDED_BY(mutex) = nullptr;
  bool stream_cancelled ABSL_GUARDED_BY(mutex) = false;

  template <typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

  template <typename Request, typename Response>
  absl::StatusOr<Response> CallOnce(Method<Request, Response> method, const Request& request,
                                    absl::Duration limit) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    HEDDLE_RETURN_IF_ERROR(ToAbslStatus(status, controller, limit));
    return response;
  }

  void Use(const std::string& chosen) {
    controller = chosen;
    stub = v1::AdminService::NewStub(NewChannel(chosen));
  }

  // Chooses the controller at the first call. A single one needs no probe: the call itself tells.
  absl::Status Choose() {
    if (stub != nullptr) return absl::OkStatus();
    std::vector<std::string> causes;
    for (const std::string& candidate : controllers) {
      Use(candidate);
      if (controllers.size() == 1) return absl::OkStatus();
      const auto probe =
          CallOnce(&Stub::GetStatus, v1::GetStatusRequest(), std::min(timeout, kProbe));
      if (!absl::IsUnavailable(probe.status()) && !absl::IsDeadlineExceeded(probe.status())) {
        return absl::OkStatus();
      }
      causes.emplace_back(probe.status().message());
    }
    stub.reset();
    controller.clear();
    return absl::UnavailableError(absl::StrJoin(causes, "; "));
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method, const Request& request,
                                absl::Duration extra = absl::ZeroDuration()) {
    HEDDLE_RETURN_IF_ERROR(Choose());
    return CallOnce(method, request, timeout + extra);
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
    HEDDLE_RETURN_IF_ERROR(ToAbslStatus(status, controller, absl::ZeroDuration()));
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
    return ToAbslStatus(status, controller, absl::ZeroDuration());
  }
};

AdminClient::AdminClient(std::vector<std::string> controllers, absl::Duration timeout)
    : impl_(std::make_unique<Impl>()) {
  impl_->controllers = std::move(controllers);
  impl_->timeout = timeout;
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
