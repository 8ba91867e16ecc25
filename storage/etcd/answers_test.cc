#include "storage/etcd/answers.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using absl::StatusCode;

EtcdAttempt Attempt(grpc::StatusCode code, const std::string& message, bool was_sent = true) {
  return {"10.0.0.1:2379", "the user \"heddle\"", absl::Seconds(3), was_sent, {code, message}};
}

struct Row {
  const char* description;
  EtcdAttempt attempt;
  EtcdVerdict verdict;
  StatusCode code;
  const char* told;  // a part of it
};

TEST(EtcdAnswers, EachMeansOneThingAndSaysWhatToDo) {
  // The texts are those of etcd 3.4.23 and 3.5.16, of gRPC's servers in Go, and of its clients.
  const Row rows[] = {
      {"no space", Attempt(grpc::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
       EtcdVerdict::kRefused, StatusCode::kResourceExhausted, "etcdctl alarm disarm"},
      {"too large for etcd", Attempt(grpc::INVALID_ARGUMENT, "etcdserver: request is too large"),
       EtcdVerdict::kRefused, StatusCode::kInvalidArgument, "--max-request-bytes"},
      {"too large for its server",
       Attempt(grpc::RESOURCE_EXHAUSTED, "grpc: received message larger than max (3 vs. 2)"),
       EtcdVerdict::kRefused, StatusCode::kInvalidArgument, "--max-request-bytes"},
      {"too many operations",
       Attempt(grpc::INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
       EtcdVerdict::kRefused, StatusCode::kInvalidArgument, "--max-txn-ops"},
      {"compacted",
       Attempt(grpc::OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
       EtcdVerdict::kRefused, StatusCode::kOutOfRange, "list anew"},
      {"not reached",
       Attempt(grpc::OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
       EtcdVerdict::kRefused, StatusCode::kFailedPrecondition, "older state"},
      {"no such lease", Attempt(grpc::NOT_FOUND, "etcdserver: requested lease not found"),
       EtcdVerdict::kRefused, StatusCode::kNotFound, "no longer has the lease"},
      {"not allowed", Attempt(grpc::PERMISSION_DENIED, "etcdserver: permission denied"),
       EtcdVerdict::kRefused, StatusCode::kPermissionDenied, "the user \"heddle\": there must be"},
      {"another refusal", Attempt(grpc::ALREADY_EXISTS, "etcdserver: user name already exists"),
       EtcdVerdict::kRefused, StatusCode::kAlreadyExists, "user name already exists"},
      {"wrong password",
       Attempt(grpc::INVALID_ARGUMENT,
               "etcdserver: authentication failed, invalid user ID or password"),
       EtcdVerdict::kRefused, StatusCode::kUnauthenticated, "password file"},
      {"old token", Attempt(grpc::UNAUTHENTICATED, "etcdserver: invalid auth token"),
       EtcdVerdict::kLogIn, StatusCode::kUnauthenticated, "token it has just given"},
      {"no token", Attempt(grpc::INVALID_ARGUMENT, "etcdserver: user name is empty"),
       EtcdVerdict::kLogIn, StatusCode::kUnauthenticated, "client certificate"},
      {"permissions have changed",
       Attempt(grpc::INVALID_ARGUMENT, "etcdserver: revision of auth store is old"),
       EtcdVerdict::kLogIn, StatusCode::kUnavailable, "auth store is old"},
      {"no leader", Attempt(grpc::UNAVAILABLE, "etcdserver: no leader"), EtcdVerdict::kElsewhere,
       StatusCode::kUnavailable, "no leader"},
      {"overloaded", Attempt(grpc::RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
       EtcdVerdict::kElsewhere, StatusCode::kUnavailable, "too many requests"},
      {"no etcd", Attempt(grpc::UNIMPLEMENTED, ""), EtcdVerdict::kElsewhere,
       StatusCode::kUnavailable, "is it etcd's client port"},
      {"no connection", Attempt(grpc::UNAVAILABLE, "failed to connect to all addresses", false),
       EtcdVerdict::kElsewhere, StatusCode::kUnavailable, "10.0.0.1:2379 cannot be reached"},
      {"no connection in time", Attempt(grpc::DEADLINE_EXCEEDED, "Deadline Exceeded", false),
       EtcdVerdict::kElsewhere, StatusCode::kUnavailable, "did not take a connection within 3s"},
      {"no answer in time", Attempt(grpc::DEADLINE_EXCEEDED, "Deadline Exceeded"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "did not answer within 3s"},
      {"etcd gave up", Attempt(grpc::UNAVAILABLE, "etcdserver: request timed out"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "request timed out"},
      {"the leader changed", Attempt(grpc::UNAVAILABLE, "etcdserver: leader changed"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "leader changed"},
      {"the proposal was dropped", Attempt(grpc::UNKNOWN, "raft proposal dropped"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "raft proposal dropped"},
      {"the connection broke", Attempt(grpc::UNAVAILABLE, "Socket closed"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "Socket closed"},
      // A proxy may have sent it on.
      {"somebody between",
       Attempt(grpc::PERMISSION_DENIED, "Received http2 header with status: 403"),
       EtcdVerdict::kUnanswered, StatusCode::kUnavailable, "403"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.description);
    EXPECT_EQ(Judge(row.attempt), row.verdict);
    const absl::Status told = Explain(row.attempt);
    EXPECT_EQ(told.code(), row.code) << told;
    EXPECT_TRUE(absl::StrContains(told.message(), row.told)) << told;
    EXPECT_TRUE(absl::StrContains(told.message(), "10.0.0.1:2379")) << told;
  }
}

TEST(EtcdAnswers, ADoneCallIsOk) {
  const EtcdAttempt done{"10.0.0.1:2379", "nobody", absl::Seconds(3), true, grpc::Status::OK};
  EXPECT_EQ(Judge(done), EtcdVerdict::kDone);
  EXPECT_TRUE(Explain(done).ok());
}

TEST(EtcdAnswers, WhatAStrangerSaysIsCutAndEscaped) {
  const absl::Status told = Explain(Attempt(grpc::UNAVAILABLE, std::string(100'000, '\x1b')));
  EXPECT_LT(told.message().size(), 4000u);
  EXPECT_EQ(told.message().find('\x1b'), absl::string_view::npos);
}

}  // namespace
}  // namespace heddle::storage
