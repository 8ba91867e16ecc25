#include "controller/identity_service.h"

#include "api/heddle/v1/identity.grpc.pb.h"
#include "base/mutex.h"
#include "base/token_bucket.h"
#include "controller/authorized_calls.h"
#include "controller/remote_host.h"

namespace heddle::controller {
namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Async = LeaderProxy::Async<v1::IdentityService>;
using Kind = LeaderProxy::Kind;

constexpr Rate kJoins{/*burst=*/20, /*per_second=*/2};       // of one address
constexpr Rate kRenewals{/*burst=*/10, /*per_second=*/0.5};  // of one principal
constexpr std::size_t kMaxAddresses = 10'000;
constexpr std::size_t kMaxPrincipals = 100'000;

}  // namespace

class IdentityService::Impl final : public v1::IdentityService::CallbackService {
 public:
  explicit Impl(const Wiring& wiring)
      : wiring_(wiring),
        authorized_(wiring.access, wiring.proxy),
        joins_(kJoins, kMaxAddresses, wiring.clock->Now()),
        renewals_(kRenewals, kMaxPrincipals, wiring.clock->Now()) {}

  Unary* Join(Context* context, const v1::JoinRequest* request,
              v1::IssuedCertificate* response) override {
    CallTerms terms{"Join", Need::kNothing, Kind::kWrites, request->node_id()};
    terms.limit = [this](const Caller& caller) {
      return Limit(&joins_, RemoteHost(caller.remote_address),
                   "this address asks to join too often; wait a moment and try again");
    };
    return authorized_.ByLeader<v1::IdentityService>(
        terms, context, request, response, &Async::Join,
        [=](const AdmittedCall& call) { wiring_.issuing->Join(call, request, response); });
  }
  Unary* Renew(Context* context, const v1::RenewRequest* request,
               v1::IssuedCertificate* response) override {
    CallTerms terms{"Renew", Need::kAnyone, Kind::kWrites};
    terms.limit = [this](const Caller& caller) {
      return Limit(&renewals_, caller.who(),
                   "this certificate is renewed too often; wait a minute and try again");
    };
    return authorized_.ByLeader<v1::IdentityService>(
        terms, context, request, response, &Async::Renew,
        [=](const AdmittedCall& call) { wiring_.issuing->Renew(call, request, response); });
  }

 private:
  absl::Status Limit(TokenBuckets* buckets, const std::string& key, const char* why) {
    MutexLock lock(&mutex_);
    if (buckets->Take(key, wiring_.clock->Now())) return absl::OkStatus();
    return absl::ResourceExhaustedError(why);
  }

  const Wiring wiring_;
  const AuthorizedCalls authorized_;
  Mutex mutex_;
  TokenBuckets joins_ ABSL_GUARDED_BY(mutex_);
  TokenBuckets renewals_ ABSL_GUARDED_BY(mutex_);
};

IdentityService::IdentityService(const Wiring& wiring) : impl_(std::make_unique<Impl>(wiring)) {}
IdentityService::~IdentityService() = default;

grpc::Service* IdentityService::service() { return impl_.get(); }

}  // namespace heddle::controller
