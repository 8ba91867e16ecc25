#include "storage/etcd/answers.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/program.h"

namespace heddle::storage {
namespace {

using absl::StatusCode;

StatusCode CodeOf(const grpc::Status& status) {
  return static_cast<StatusCode>(status.error_code());
}

bool Says(const grpc::Status& status, absl::string_view words) {
  return absl::StrContains(status.error_message(), words);
}

// Written by etcd itself, not by gRPC on either side or by a proxy between.
bool IsEtcds(const grpc::Status& status) {
  return absl::StartsWith(status.error_message(), "etcdserver: ");
}

// gRPC's server refuses what is larger than etcd lets it read, before etcd sees it.
bool IsTooLarge(const grpc::Status& status) {
  return Says(status, "etcdserver: request is too large") ||
         Says(status, "grpc: received message larger than max");
}

bool IsTokenRefused(const grpc::Status& status) {
  return Says(status, "etcdserver: invalid auth token") ||
         Says(status, "etcdserver: user name is empty") ||
         Says(status, "etcdserver: revision of auth store is old");
}

// Refused by the member before it asked the cluster.
bool IsMemberUnable(const grpc::Status& status) {
  return Says(status, "etcdserver: no leader") || Says(status, "etcdserver: too many requests") ||
         Says(status, "etcdserver: not supported for learner");
}

// A server of gRPC, and no etcd.
bool IsStranger(const grpc::Status& status) { return CodeOf(status) == StatusCode::kUnimplemented; }

bool IsUnanswered(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kCancelled:
    case StatusCode::kAborted:
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

// What etcd says, whole or its beginning, what is told instead, and as which code.
struct Explanation {
  const char* words;
  StatusCode code;
  const char* told;
};
constexpr Explanation kExplanations[] = {
    {"database space exceeded", StatusCode::kResourceExhausted,
     "has no space left in its database (alarm NOSPACE) and refuses writes: compact it, run "
     "'etcdctl defrag' on every member, then 'etcdctl alarm disarm'; or raise "
     "--quota-backend-bytes"},
    {"too many operations in txn", StatusCode::kInvalidArgument,
     "takes fewer operations in one transaction than heddle needs: set --max-txn-ops to 128, "
     "etcd's default, or more"},
    {"required revision has been compacted", StatusCode::kOutOfRange,
     "has compacted the revision that was asked for; list anew"},
    {"required revision is a future revision", StatusCode::kFailedPrecondition,
     "has not reached the revision that was asked for: it was restored to an older state, or it "
     "is another cluster"},
    {"requested lease not found", StatusCode::kNotFound, "no longer has the lease"},
    {"invalid user ID or password", StatusCode::kUnauthenticated,
     "does not accept the user or the password: check them, and the password file"},
    {"authentication is not enabled", StatusCode::kFailedPrecondition,
     "has authentication switched off"},
    {"invalid auth token", StatusCode::kUnauthenticated,
     "does not accept a token it has just given out: are all endpoints of one cluster?"},
    {"user name is empty", StatusCode::kUnauthenticated,
     "wants to know who asks: give a user and a password file, or a client certificate"},
};

std::string Silence(const EtcdAttempt& attempt) {
  return absl::StrCat("did not ", attempt.was_sent ? "answer" : "take a connection", " within ",
                      absl::FormatDuration(attempt.timeout));
}

absl::Status NotAllowed(const EtcdAttempt& attempt) {
  return absl::PermissionDeniedError(absl::StrCat(
      "etcd at ", attempt.endpoint, " does not allow this to ", attempt.identity,
      ": there must be a user of that name with a role that has readwrite on the whole prefix "
      "('etcdctl role grant-permission ROLE readwrite --prefix=true PREFIX')"));
}

}  // namespace

EtcdVerdict Judge(const EtcdAttempt& attempt) {
  const grpc::Status& status = attempt.status;
  if (status.ok()) return EtcdVerdict::kDone;
  if (!attempt.was_sent) return EtcdVerdict::kElsewhere;
  if (IsTooLarge(status)) return EtcdVerdict::kRefused;
  if (IsTokenRefused(status)) return EtcdVerdict::kLogIn;
  if (IsMemberUnable(status) || IsStranger(status)) return EtcdVerdict::kElsewhere;
  if (!IsEtcds(status) || IsUnanswered(CodeOf(status))) return EtcdVerdict::kUnanswered;
  return EtcdVerdict::kRefused;
}

bool IsSilence(const EtcdAttempt& attempt) {
  return CodeOf(attempt.status) == StatusCode::kDeadlineExceeded;
}

absl::Status Explain(const EtcdAttempt& attempt) {
  const grpc::Status& status = attempt.status;
  if (status.ok()) return absl::OkStatus();
  const std::string etcd = absl::StrCat("etcd at ", attempt.endpoint, " ");
  if (IsSilence(attempt)) return absl::UnavailableError(absl::StrCat(etcd, Silence(attempt)));
  if (IsTooLarge(status)) {
    return absl::InvalidArgumentError(absl::StrCat(
        etcd,
        "takes no request of this size: set --max-request-bytes to 1572864, etcd's default, "
        "or more"));
  }
  if (Says(status, "etcdserver: permission denied")) return NotAllowed(attempt);
  for (const Explanation& known : kExplanations) {
    if (Says(status, known.words)) return absl::Status(known.code, absl::StrCat(etcd, known.told));
  }
  if (IsStranger(status)) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", attempt.endpoint,
                     " does not know etcd's API of version 3; is it etcd's client port?"));
  }
  const EtcdVerdict verdict = Judge(attempt);
  const std::string words = Excerpt(status.error_message());
  if (verdict == EtcdVerdict::kRefused) {
    return absl::Status(CodeOf(status), absl::StrCat(etcd, "refuses: ", words));
  }
  return absl::UnavailableError(
      absl::StrCat(etcd, attempt.was_sent ? "is unavailable: " : "cannot be reached: ", words));
}

}  // namespace heddle::storage
