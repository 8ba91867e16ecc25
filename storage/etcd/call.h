// One unary call, sent to one endpoint after the other until one of them decides it.
#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "storage/etcd/answers.h"
#include "storage/etcd/endpoints.h"
#include "storage/etcd/login.h"

namespace heddle::storage {

struct EtcdCall {
  enum class Repeat {
    kAnywhere,  // after any failure, at the next endpoint
    // Only while it has surely not been done; else Unknown. gRPC does not tell whether a call that
    // failed had left, so there is a connection before such a call begins.
    kUnsent,
  };
  using Answered = std::function<void(const grpc::Status&)>;

  virtual ~EtcdCall() = default;
  virtual void Send(EtcdEndpoint& endpoint, grpc::ClientContext* context, Answered answered) = 0;
  virtual void Finish(absl::Status status) = 0;

  Repeat repeat = Repeat::kAnywhere;
  int only_endpoint = -1;  // that alone, whether it has a leader or not
  bool needs_token = true;
};

// Of type `Request` to `Response`; `start` is the stub's method.
template <typename Request, typename Response>
struct TypedEtcdCall final : EtcdCall {
  using Start = std::function<void(EtcdEndpoint&, grpc::ClientContext*, const Request*, Response*,
                                   std::function<void(grpc::Status)>)>;
  TypedEtcdCall(Start start, Request request, std::function<void(absl::StatusOr<Response>)> done)
      : start(std::move(start)), request(std::move(request)), done(std::move(done)) {}

  void Send(EtcdEndpoint& endpoint, grpc::ClientContext* context, Answered answered) override {
    response.Clear();
    start(endpoint, context, &request, &response, std::move(answered));
  }
  void Finish(absl::Status status) override {
    if (!status.ok()) return done(std::move(status));
    done(std::move(response));
  }

  const Start start;
  const Request request;
  Response response;
  const std::function<void(absl::StatusOr<Response>)> done;
};

// Sends calls. Thread-safe.
class EtcdCaller {
 public:
  struct Options {
    absl::Duration timeout;  // of one attempt
    std::string identity;    // for messages
  };
  // `login` is null without a password. `silent` is told of each endpoint that let an attempt's
  // time pass.
  EtcdCaller(Options options, EtcdEndpoints* endpoints, EtcdLogin* login,
             std::function<void(int)> silent);
  // Close must have returned.
  ~EtcdCaller() = default;

  void Run(std::unique_ptr<EtcdCall> call);
  // Every call that is under way ends now, and every later one at once. Returns when all have. Not
  // from a callback.
  void Close();

 private:
  struct Course;  // one call on its way
  using CoursePtr = std::shared_ptr<Course>;

  void LogInAndSend(CoursePtr course);
  void ConnectAndSend(CoursePtr course);
  void Connected(CoursePtr course, const grpc::Status& status);
  void Send(CoursePtr course);
  void Answered(CoursePtr course, const grpc::Status& status);
  void LeaveEndpoint(int endpoint, const EtcdAttempt& attempt);
  void TryNext(CoursePtr course, const EtcdAttempt& attempt);
  grpc::ClientContext* NewContext(Course* course);  // null: closed
  void Finish(const CoursePtr& course, absl::Status status);
  void Forget(grpc::ClientContext* context);

  const Options options_;
  EtcdEndpoints* const endpoints_;
  EtcdLogin* const login_;
  const std::function<void(int)> silent_;
  Mutex mutex_;
  std::condition_variable idle_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::storage
