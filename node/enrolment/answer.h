// A controller's answer to Join and Renew, which is hostile until it was checked. Pure.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/identity.pb.h"
#include "identity/credentials.h"
#include "identity/principal.h"
#include "identity/private_key.h"
#include "node/update.h"

namespace heddle::node {

// One message of IdentityService's, as it may be received.
inline constexpr int kMaxAnswerBytes = 256 << 10;

// What `answer` and `key` make: a certificate of that key, for that principal, that holds at `now`
// and leads to the roots it came with. InvalidArgument: any of that does not hold, and which.
absl::StatusOr<identity::Credentials> CheckAnswer(const v1::IssuedCertificate& answer,
                                                  const identity::PrivateKey& key,
                                                  const identity::Principal& principal,
                                                  absl::Time now);

// `credentials` with the roots of `trust`, and still with the roots of its own certificate's
// issuer: until that is renewed, those who serve may show one of the same. InvalidArgument: there
// is no root in `trust`, or something else.
absl::StatusOr<identity::Credentials> WithTrust(const identity::Credentials& credentials,
                                                const Trust& trust);

}  // namespace heddle::node
