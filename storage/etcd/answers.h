// What an answer of etcd, or none, means: whether to ask elsewhere, whether it may have been done,
// and what to tell people. Pure.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace heddle::storage {

// One attempt of a call at one endpoint, and what came back.
struct EtcdAttempt {
  std::string endpoint;    // host:port
  std::string identity;    // who asks, as EtcdCredentials::identity
  absl::Duration timeout;  // that the attempt was given
  bool was_sent = true;    // false: surely nothing has left for etcd
  grpc::Status status;
};

enum class EtcdVerdict {
  kDone,
  kRefused,     // etcd's own no: nothing was done, and every endpoint would say the same
  kLogIn,       // nothing was done, for want of a valid token
  kElsewhere,   // nothing was done: not sent, or this member cannot now; another may
  kUnanswered,  // perhaps done
};
EtcdVerdict Judge(const EtcdAttempt& attempt);

// The attempt was not answered since the endpoint was silent, not because it said so.
bool IsSilence(const EtcdAttempt& attempt);

// For whoever called: names the endpoint, what happened and what to do. kElsewhere and kUnanswered
// are Unavailable.
absl::Status Explain(const EtcdAttempt& attempt);

}  // namespace heddle::storage
