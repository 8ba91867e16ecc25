#include "node/enrolment/identity_calls.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <random>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "identity/transport.h"
#include "node/connection.h"
#include "node/enrolment/answer.h"

namespace heddle::node {
namespace {

// Of a round's failures, before the others are only counted.
constexpr std::size_t kReasonsTold = 4;

// One that another controller may not have.
bool IsOneControllers(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

// In one order, whichever was asked first: what repeats is logged once.
absl::Status NoneAnswered(std::vector<std::string> reasons) {
  std::sort(reasons.begin(), reasons.end());
  const std::size_t told = std::min(reasons.size(), kReasonsTold);
  std::string text = absl::StrJoin(reasons.begin(), reasons.begin() + told, "; ");
  if (told < reasons.size()) absl::StrAppend(&text, "; and ", reasons.size() - told, " more");
  return absl::UnavailableError(text);
}

}  // namespace

class IdentityCalls::Impl {
 public:
  explicit Impl(IdentityCallOptions options)
      : options_(std::move(options)), random_(options_.seed) {}

  using Call =
      std::function<grpc::Status(v1::IdentityService::Stub* stub, grpc::ClientContext* context,
                                 v1::IssuedCertificate* answer)>;
  absl::StatusOr<v1::IssuedCertificate> Round(
      const std::vector<std::string>& controllers,
      const std::shared_ptr<grpc::ChannelCredentials>& credentials, const Call& call);
  void Cancel();

 private:
  absl::StatusOr<std::vector<Endpoint>> LookUp(const std::vector<std::string>& controllers);
  absl::StatusOr<v1::IssuedCertificate> Ask(const Endpoint& endpoint, const ConnectionTerms& terms,
                                            const Call& call);

  const IdentityCallOptions options_;
  std::mt19937_64 random_;
  std::vector<std::string> looked_up_;  // what addresses_ are of
  std::shared_ptr<std::condition_variable> changed_ = std::make_shared<std::condition_variable>();
  std::unique_ptr<ControllerAddresses> addresses_;

  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the call under way
};

void IdentityCalls::Impl::Cancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
  changed_->notify_all();
}

absl::StatusOr<std::vector<Endpoint>> IdentityCalls::Impl::LookUp(
    const std::vector<std::string>& controllers) {
  if (addresses_ == nullptr || looked_up_ != controllers) {
    addresses_ = std::make_unique<ControllerAddresses>(
        controllers, options_.resolve, [changed = changed_] { changed->notify_all(); });
    looked_up_ = controllers;
  }
  addresses_->LookUp();
  const absl::Time end = absl::Now() + options_.timeout;
  {
    MutexLock lock(&mutex_);
    // The lookup ends under a lock of its own, so that a notice may be missed: hence the slices.
    while (!cancelled_ && addresses_->looking_up() && absl::Now() < end) {
      changed_->wait_for(lock.native(), std::chrono::milliseconds(50));
    }
  }
  std::vector<Endpoint> known = addresses_->Known();
  if (!known.empty()) return known;
  HEDDLE_RETURN_IF_ERROR(addresses_->status());
  return absl::UnavailableError(
      "no controller's address is known; looking up the names takes long");
}

absl::StatusOr<v1::IssuedCertificate> IdentityCalls::Impl::Ask(const Endpoint& endpoint,
                                                               const ConnectionTerms& terms,
                                                               const Call& call) {
  const auto stub = v1::IdentityService::NewStub(MakeChannel(endpoint, terms));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(options_.timeout));
  {
    MutexLock lock(&mutex_);
    if (cancelled_) return absl::CancelledError("the program ends");
    context_ = &context;
  }
  v1::IssuedCertificate answer;
  const grpc::Status status = call(stub.get(), &context, &answer);
  {
    MutexLock lock(&mutex_);
    context_ = nullptr;
    if (cancelled_) return absl::CancelledError("the program ends");
  }
  HEDDLE_RETURN_IF_ERROR(ToStatus(status));
  return answer;
}

absl::StatusOr<v1::IssuedCertificate> IdentityCalls::Impl::Round(
    const std::vector<std::string>& controllers,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials, const Call& call) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Endpoint> endpoints, LookUp(controllers));
  std::shuffle(endpoints.begin(), endpoints.end(), random_);
  std::vector<std::string> reasons;
  for (const Endpoint& endpoint : endpoints) {
    const ConnectionTerms terms{credentials, options_.server_name, kMaxAnswerBytes};
    absl::StatusOr<v1::IssuedCertificate> answer = Ask(endpoint, terms, call);
    if (answer.ok() || absl::IsCancelled(answer.status())) return answer;
    const std::string& name = options_.server_name.empty() ? endpoint.host : options_.server_name;
    const std::string meaning = ExplainTls(answer.status(), name);
    std::string reason = absl::StrCat("controller ", endpoint.name, ": ", answer.status().message(),
                                      meaning.empty() ? "" : "; ", meaning);
    if (!IsOneControllers(answer.status())) return absl::Status(answer.status().code(), reason);
    reasons.push_back(std::move(reason));
  }
  return NoneAnswered(std::move(reasons));
}

IdentityCalls::IdentityCalls(IdentityCallOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
IdentityCalls::~IdentityCalls() = default;

absl::StatusOr<v1::IssuedCertificate> IdentityCalls::Join(
    const std::vector<std::string>& controllers, const std::string& roots_pem,
    const v1::JoinRequest& request) {
  return impl_->Round(controllers, identity::ChannelCredentialsOf(roots_pem),
                      [&](auto* stub, auto* context, auto* answer) {
                        return stub->Join(context, request, answer);
                      });
}

absl::StatusOr<v1::IssuedCertificate> IdentityCalls::Renew(
    const std::vector<std::string>& controllers, const identity::Credentials& credentials,
    const v1::RenewRequest& request) {
  return impl_->Round(controllers, identity::ChannelCredentialsOf(credentials),
                      [&](auto* stub, auto* context, auto* answer) {
                        return stub->Renew(context, request, answer);
                      });
}

void IdentityCalls::Cancel() { impl_->Cancel(); }

}  // namespace heddle::node
