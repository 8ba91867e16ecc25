#include "storage/etcd/call.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::storage {

struct EtcdCaller::Course {
  std::unique_ptr<EtcdCall> call;
  std::unique_ptr<grpc::ClientContext> context;  // of the attempt under way
  int endpoint = 0;
  int endpoints_left = 0;  // after this one
  EtcdLogin::Token token;
  bool has_logged_in_anew = false;
  std::vector<std::string> failures;  // of the endpoints so far
};

EtcdCaller::EtcdCaller(Options options, EtcdEndpoints* endpoints, EtcdLogin* login,
                       std::function<void(int)> silent)
    : options_(std::move(options)),
      endpoints_(endpoints),
      login_(login),
      silent_(std::move(silent)) {}

void EtcdCaller::Run(std::unique_ptr<EtcdCall> call) {
  auto course = std::make_shared<Course>();
  course->call = std::move(call);
  const int only = course->call->only_endpoint;
  course->endpoint = only >= 0 ? only : endpoints_->first();
  course->endpoints_left = only >= 0 ? 0 : endpoints_->size() - 1;
  {
    MutexLock lock(&mutex_);
    ++calls_;
  }
  LogInAndSend(std::move(course));
}

void EtcdCaller::LogInAndSend(CoursePtr course) {
  if (login_ == nullptr || !course->call->needs_token) return Send(std::move(course));
  const std::uint64_t refused = course->has_logged_in_anew ? course->token.number : 0;
  login_->Get(refused, [this, course](absl::StatusOr<EtcdLogin::Token> token) {
    if (!token.ok()) return Finish(course, token.status());
    course->token = *std::move(token);
    Send(course);
  });
}

void EtcdCaller::Send(CoursePtr course) {
  course->context = std::make_unique<grpc::ClientContext>();
  grpc::ClientContext* const context = course->context.get();
  context->set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoNanoseconds(options_.timeout));
  // A member without a leader then refuses at once instead of being silent.
  if (course->call->only_endpoint < 0) context->AddMetadata("hasleader", "true");
  if (!course->token.text.empty()) context->AddMetadata("token", course->token.text);
  if (!Register(context)) {
    return Finish(course, absl::UnavailableError("the client of etcd is closing"));
  }
  course->call->Send(endpoints_->at(course->endpoint), context,
                     [this, course](const grpc::Status& status) { Answered(course, status); });
}

void EtcdCaller::Answered(CoursePtr course, const grpc::Status& status) {
  const EtcdEndpoint& endpoint = endpoints_->at(course->endpoint);
  const EtcdAttempt attempt{endpoint.name, options_.identity, options_.timeout,
                            course->context->peer() != endpoint.target, status};
  Forget(course->context.get());
  const EtcdVerdict verdict = Judge(attempt);
  if (verdict == EtcdVerdict::kDone) return Finish(course, absl::OkStatus());
  if (verdict == EtcdVerdict::kLogIn && login_ != nullptr && course->call->needs_token &&
      !std::exchange(course->has_logged_in_anew, true)) {
    return LogInAndSend(std::move(course));
  }
  const absl::Status told = Explain(attempt);
  if (verdict == EtcdVerdict::kRefused || verdict == EtcdVerdict::kLogIn) {
    return Finish(course, told);
  }
  endpoints_->MoveOnFrom(course->endpoint);
  if (IsSilence(attempt)) silent_(course->endpoint);
  if (verdict == EtcdVerdict::kUnanswered && course->call->repeat == EtcdCall::Repeat::kUnsent) {
    return Finish(course, absl::UnknownError(absl::StrCat(
                              told.message(), "; whether the transaction was applied is unknown")));
  }
  course->failures.emplace_back(told.message());
  TryNext(std::move(course));
}

void EtcdCaller::TryNext(CoursePtr course) {
  if (course->endpoints_left-- <= 0) {
    return Finish(course, absl::UnavailableError(absl::StrJoin(course->failures, "; ")));
  }
  course->endpoint = (course->endpoint + 1) % endpoints_->size();
  Send(std::move(course));
}

void EtcdCaller::Finish(const CoursePtr& course, absl::Status status) {
  course->call->Finish(std::move(status));
  MutexLock lock(&mutex_);
  if (--calls_ == 0) idle_.notify_all();
}

bool EtcdCaller::Register(grpc::ClientContext* context) {
  MutexLock lock(&mutex_);
  if (!closed_) contexts_.insert(context);
  return !closed_;
}

void EtcdCaller::Forget(grpc::ClientContext* context) {
  MutexLock lock(&mutex_);
  contexts_.erase(context);
}

void EtcdCaller::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  idle_.wait(lock.native(), [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return calls_ == 0; });
}

}  // namespace heddle::storage
