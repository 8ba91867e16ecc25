// Who calls a server: whether the certificate that a client showed leads to a root that is
// believed. The handshake takes every certificate whose key the client has (ServerCredentialsOf)
// and leaves the rest to this, asked at the beginning of each call: so the client is told why it is
// refused, and so is the audit log, where a failed handshake would tell neither.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "identity/certificate.h"
#include "identity/credentials.h"

namespace heddle::identity {

// Thread-safe. `live`, whose present roots are believed, outlives it; null where there is no TLS.
class PeerVerifier {
 public:
  explicit PeerVerifier(const LiveCredentials* live) : live_(live) {}

  // What the client of a call has proven. One that has ended, or not begun, is verified but for the
  // time, so that its holder can be named when it is refused: CheckValidity is the caller's.
  // NotFound: no certificate, or no TLS. Unauthenticated: it does not lead to a root, or is not a
  // client's; says so to its holder, in words that name whom it claims to be of. InvalidArgument:
  // it does, and says not whose it is.
  absl::StatusOr<Certificate> Verify(const grpc::AuthContext& context, absl::Time now);

 private:
  struct Verdict {
    Certificate certificate;
    absl::Time until;
  };

  const LiveCredentials* const live_;
  Mutex mutex_;
  // Whose roots the verdicts rest on; weak, since there is a key in them, too.
  std::weak_ptr<const Credentials> believed_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Verdict> verdicts_ ABSL_GUARDED_BY(mutex_);  // by digest of PEM
};

}  // namespace heddle::identity
