#include "storage/etcd/client.h"

#include <grpcpp/client_context.h>
#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "storage/etcd/call.h"
#include "storage/etcd/credentials.h"
#include "storage/etcd/endpoints.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/login.h"
#include "storage/etcd/stream.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

class Client final : public EtcdClient {
 public:
  Client(const EtcdOptions& options, EtcdCredentials credentials,
         std::unique_ptr<EtcdEndpoints> endpoints);
  ~Client() override { caller_.Close(); }

  void Range(pb::RangeRequest request, Done<pb::RangeResponse> done) override;
  void Put(pb::PutRequest request, Done<pb::PutResponse> done) override;
  void LeaseGrant(pb::LeaseGrantRequest request, Done<pb::LeaseGrantResponse> done) override;
  void LeaseRevoke(pb::LeaseRevokeRequest request, Done<pb::LeaseRevokeResponse> done) override;
  void Txn(pb::TxnRequest request, Done<pb::TxnResponse> done) override;
  void Status(int endpoint, Done<pb::StatusResponse> done) override;
  std::unique_ptr<WatchStream> Watch(StreamEvents<pb::WatchResponse> events) override;
  std::unique_ptr<KeepAliveStream> KeepAlive(
      StreamEvents<pb::LeaseKeepAliveResponse> events) override;
  void MoveOn() override;
  const std::vector<std::string>& endpoints() const override { return endpoints_->names(); }

 private:
  void LogIn(std::function<void(absl::StatusOr<std::string>)> done);
  template <typename Request, typename Response, typename Bind>
  std::unique_ptr<EtcdStreamCall<Request, Response>> Open(StreamEvents<Response> events, Bind bind);
  void Begin(OpenEtcdStream* stream, const absl::StatusOr<EtcdLogin::Token>& token);
  void EndStreamsOf(int endpoint, const absl::Status& why);
  absl::Status ExplainEnd(int endpoint, const grpc::Status& status);

  const EtcdCredentials credentials_;
  const absl::Duration timeout_;
  const std::unique_ptr<EtcdEndpoints> endpoints_;
  EtcdLogin login_;
  EtcdCaller caller_;
  Mutex mutex_;  // taken before a stream's
  absl::flat_hash_set<OpenEtcdStream*> streams_ ABSL_GUARDED_BY(mutex_);
};

Client::Client(const EtcdOptions& options, EtcdCredentials credentials,
               std::unique_ptr<EtcdEndpoints> endpoints)
    : credentials_(std::move(credentials)),
      timeout_(options.call_timeout),
      endpoints_(std::move(endpoints)),
      login_([this](auto done) { LogIn(std::move(done)); }),
      caller_({timeout_, credentials_.identity}, endpoints_.get(),
              credentials_.user.empty() ? nullptr : &login_, [this](int endpoint) {
                EndStreamsOf(endpoint, absl::UnavailableError(
                                           absl::StrCat("etcd at ", endpoints_->at(endpoint).name,
                                                        " does not answer in time")));
              }) {}

template <typename Request, typename Response, typename Start>
std::unique_ptr<EtcdCall> NewCall(Request request, EtcdClient::Done<Response> done, Start start) {
  return std::make_unique<TypedEtcdCall<Request, Response>>(start, std::move(request),
                                                            std::move(done));
}

void Client::Range(pb::RangeRequest request, Done<pb::RangeResponse> done) {
  caller_.Run(
      NewCall(std::move(request), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.kv->async()->Range(context, request, response, std::move(answered));
              }));
}

void Client::Put(pb::PutRequest request, Done<pb::PutResponse> done) {
  caller_.Run(
      NewCall(std::move(request), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.kv->async()->Put(context, request, response, std::move(answered));
              }));
}

void Client::LeaseGrant(pb::LeaseGrantRequest request, Done<pb::LeaseGrantResponse> done) {
  caller_.Run(
      NewCall(std::move(request), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.lease->async()->LeaseGrant(context, request, response, std::move(answered));
              }));
}

void Client::LeaseRevoke(pb::LeaseRevokeRequest request, Done<pb::LeaseRevokeResponse> done) {
  caller_.Run(
      NewCall(std::move(request), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.lease->async()->LeaseRevoke(context, request, response, std::move(answered));
              }));
}

void Client::Txn(pb::TxnRequest request, Done<pb::TxnResponse> done) {
  auto call =
      NewCall(std::move(request), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.kv->async()->Txn(context, request, response, std::move(answered));
              });
  call->repeat = EtcdCall::Repeat::kUnsent;
  caller_.Run(std::move(call));
}

void Client::Status(int endpoint, Done<pb::StatusResponse> done) {
  auto call =
      NewCall(pb::StatusRequest(), std::move(done),
              [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
                at.maintenance->async()->Status(context, request, response, std::move(answered));
              });
  call->only_endpoint = endpoint;
  caller_.Run(std::move(call));
}

void Client::LogIn(std::function<void(absl::StatusOr<std::string>)> done) {
  pb::AuthenticateRequest request;
  request.set_name(credentials_.user);
  request.set_password(credentials_.password);
  const auto answered = [this, done](absl::StatusOr<pb::AuthenticateResponse> response) {
    if (response.ok()) return done(std::move(*response->mutable_token()));
    if (!absl::IsFailedPrecondition(response.status())) return done(response.status());
    spdlog::warn("etcd has authentication switched off; the password of {} is not used",
                 credentials_.user);
    done(std::string());
  };
  auto call = NewCall<pb::AuthenticateRequest, pb::AuthenticateResponse>(
      std::move(request), answered,
      [](EtcdEndpoint& at, auto* context, auto* request, auto* response, auto answered) {
        at.auth->async()->Authenticate(context, request, response, std::move(answered));
      });
  call->needs_token = false;
  caller_.Run(std::move(call));
}

template <typename Request, typename Response, typename Bind>
std::unique_ptr<EtcdStreamCall<Request, Response>> Client::Open(StreamEvents<Response> events,
                                                                Bind bind) {
  typename EtcdStreamCall<Request, Response>::Parts parts;
  parts.events = std::move(events);
  parts.bind = std::move(bind);
  parts.explain = [this](int endpoint, const grpc::Status& status) {
    return ExplainEnd(endpoint, status);
  };
  parts.gone = [this](OpenEtcdStream* stream) {
    MutexLock lock(&mutex_);
    streams_.erase(stream);
  };
  auto opened = std::make_unique<EtcdStreamCall<Request, Response>>(std::move(parts));
  OpenEtcdStream* const stream = opened.get();
  {
    MutexLock lock(&mutex_);
    streams_.insert(stream);
  }
  if (credentials_.user.empty()) {
    Begin(stream, EtcdLogin::Token());
  } else {
    login_.Get(0, [this, stream](const auto& token) { Begin(stream, token); });
  }
  return opened;
}

void Client::Begin(OpenEtcdStream* stream, const absl::StatusOr<EtcdLogin::Token>& token) {
  MutexLock lock(&mutex_);
  if (!streams_.contains(stream)) return;
  std::map<std::string, std::string> metadata = {{"hasleader", "true"}};
  if (!token.ok()) {
    stream->End(token.status());
  } else if (!token->text.empty()) {
    metadata["token"] = token->text;
  }
  stream->Begin(endpoints_->first(), metadata);
}

std::unique_ptr<EtcdClient::WatchStream> Client::Watch(StreamEvents<pb::WatchResponse> events) {
  if (!credentials_.user.empty()) {
    events.read = [this, read = std::move(events.read)](pb::WatchResponse response) {
      if (response.canceled() && (absl::StrContains(response.cancel_reason(), "permission") ||
                                  absl::StrContains(response.cancel_reason(), "auth"))) {
        login_.Forget();
      }
      read(std::move(response));
    };
  }
  return Open<pb::WatchRequest, pb::WatchResponse>(
      std::move(events), [this](int endpoint, grpc::ClientContext* context, auto* reactor) {
        endpoints_->at(endpoint).watch->async()->Watch(context, reactor);
      });
}

std::unique_ptr<EtcdClient::KeepAliveStream> Client::KeepAlive(
    StreamEvents<pb::LeaseKeepAliveResponse> events) {
  return Open<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse>(
      std::move(events), [this](int endpoint, grpc::ClientContext* context, auto* reactor) {
        endpoints_->at(endpoint).lease->async()->LeaseKeepAlive(context, reactor);
      });
}

absl::Status Client::ExplainEnd(int endpoint, const grpc::Status& status) {
  const EtcdEndpoint& ended = endpoints_->at(endpoint);
  if (status.ok()) return absl::UnavailableError("etcd at " + ended.name + " ended the stream");
  const EtcdAttempt attempt{ended.name, credentials_.identity, timeout_, ended.is_connected(),
                            status};
  const absl::Status told = Explain(attempt);
  const EtcdVerdict verdict = Judge(attempt);
  if (verdict == EtcdVerdict::kRefused) return told;
  if (verdict == EtcdVerdict::kLogIn) {
    login_.Forget();
  } else {
    endpoints_->MoveOnFrom(endpoint);
  }
  return absl::UnavailableError(told.message());
}

void Client::EndStreamsOf(int endpoint, const absl::Status& why) {
  MutexLock lock(&mutex_);
  for (OpenEtcdStream* stream : streams_) {
    if (stream->endpoint() == endpoint) stream->End(why);
  }
}

void Client::MoveOn() {
  const int left = endpoints_->first();
  endpoints_->MoveOnFrom(left);
  EndStreamsOf(left, absl::UnavailableError("another endpoint than " + endpoints_->at(left).name +
                                            " is asked from now on"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdClient>> EtcdClient::Create(const EtcdOptions& options) {
  HEDDLE_ASSIGN_OR_RETURN(EtcdCredentials credentials, ReadCredentials(options));
  HEDDLE_ASSIGN_OR_RETURN(auto endpoints, EtcdEndpoints::Create(options.endpoints, credentials));
  return std::make_unique<Client>(options, std::move(credentials), std::move(endpoints));
}

}  // namespace heddle::storage
