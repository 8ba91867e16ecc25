#include "storage/etcd/call.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::storage {
namespace {

absl::Status Closed() { return absl::UnavailableError("the client of etcd is closing"); }

}  // namespace

struct EtcdCaller::Course {
  std::unique_ptr<EtcdCall> call;
  std::unique_ptr<grpc::ClientContext> context;  // of the attempt under way
  etcdserverpb::StatusResponse connected;        // what a connection was tried with
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
  if (login_ == nullptr || !course->call->needs_token) return ConnectAndSend(std::move(course));
  const std::uint64_t refused = course->has_logged_in_anew ? course->token.number : 0;
  login_->Get(refused, [this, course](absl::StatusOr<EtcdLogin::Token> token) {
    if (!token.ok()) return Finish(course, token.status());
    course->token = *std::move(token);
    ConnectAndSend(course);
  });
}

void EtcdCaller::ConnectAndSend(CoursePtr course) {
  EtcdEndpoint& endpoint = endpoints_->at(course->endpoint);
  if (course->call->repeat != EtcdCall::Repeat::kUnsent || endpoint.is_connected()) {
    return Send(std::move(course));
  }
  grpc::ClientContext* const context = NewContext(course.get());
  if (context == nullptr) return Finish(course, Closed());
  static const etcdserverpb::StatusRequest request;
  endpoint.maintenance->async()->Status(
      context, &request, &course->connected,
      [this, course](const grpc::Status& status) { Connected(course, status); });
}

void EtcdCaller::Connected(CoursePtr course, const grpc::Status& status) {
  Forget(course->context.get());
  EtcdAttempt attempt{endpoints_->at(course->endpoint).name, options_.identity, options_.timeout,
                      true, status};
  if (Judge(attempt) != EtcdVerdict::kUnanswered) return Send(std::move(course));
  attempt.was_sent = false;
  TryNext(std::move(course), attempt);
}

void EtcdCaller::Send(CoursePtr course) {
  grpc::ClientContext* const context = NewContext(course.get());
  if (context == nullptr) return Finish(course, Closed());
  course->call->Send(endpoints_->at(course->endpoint), context,
                     [this, course](const grpc::Status& status) { Answered(course, status); });
}

void EtcdCaller::Answered(CoursePtr course, const grpc::Status& status) {
  Forget(course->context.get());
  const EtcdCall& call = *course->call;
  const EtcdEndpoint& endpoint = endpoints_->at(course->endpoint);
  const bool was_sent = call.repeat == EtcdCall::Repeat::kUnsent || endpoint.is_connected();
  const EtcdAttempt attempt{endpoint.name, options_.identity, options_.timeout, was_sent, status};
  switch (Judge(attempt)) {
    case EtcdVerdict::kDone:
      return Finish(course, absl::OkStatus());
    case EtcdVerdict::kRefused:
      return Finish(course, Explain(attempt));
    case EtcdVerdict::kLogIn:
      if (login_ == nullptr || !call.needs_token ||
          std::exchange(course->has_logged_in_anew, true)) {
        return Finish(course, Explain(attempt));
      }
      return LogInAndSend(std::move(course));
    case EtcdVerdict::kUnanswered:
      if (call.repeat != EtcdCall::Repeat::kUnsent) break;
      LeaveEndpoint(course->endpoint, attempt);
      return Finish(course, absl::UnknownError(
                                absl::StrCat(Explain(attempt).message(),
                                             "; whether the transaction was applied is unknown")));
    case EtcdVerdict::kElsewhere:
      break;
  }
  TryNext(std::move(course), attempt);
}

void EtcdCaller::LeaveEndpoint(int endpoint, const EtcdAttempt& attempt) {
  endpoints_->MoveOnFrom(endpoint);
  if (IsSilence(attempt)) silent_(endpoint);
}

void EtcdCaller::TryNext(CoursePtr course, const EtcdAttempt& attempt) {
  LeaveEndpoint(course->endpoint, attempt);
  course->failures.emplace_back(Explain(attempt).message());
  if (course->endpoints_left-- <= 0) {
    return Finish(course, absl::UnavailableError(absl::StrJoin(course->failures, "; ")));
  }
  course->endpoint = (course->endpoint + 1) % endpoints_->size();
  ConnectAndSend(std::move(course));
}

grpc::ClientContext* EtcdCaller::NewContext(Course* course) {
  course->context = std::make_unique<grpc::ClientContext>();
  grpc::ClientContext* const context = course->context.get();
  context->set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoNanoseconds(options_.timeout));
  // A member without a leader then refuses at once instead of being silent.
  if (course->call->only_endpoint < 0) context->AddMetadata("hasleader", "true");
  if (!course->token.text.empty()) context->AddMetadata("token", course->token.text);
  MutexLock lock(&mutex_);
  if (closed_) return nullptr;
  contexts_.insert(context);
  return context;
}

void EtcdCaller::Finish(const CoursePtr& course, absl::Status status) {
  course->call->Finish(std::move(status));
  // This thread, gRPC's own, holds the course a little longer. It must not be the one to let go of
  // the last channel: gRPC would wait for the thread to end, from itself.
  course->call.reset();
  course->context.reset();
  MutexLock lock(&mutex_);
  if (--calls_ == 0) idle_.notify_all();
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
