// Whether a certificate leads to a root, found as TLS finds it.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::identity {

// The leaf of `chain_pem`, by way of the rest of it, at `now`. InvalidArgument: one of both cannot
// be read. Unauthenticated: it does not lead to one of `roots_pem`, or one on the way does not hold
// at `now`; the message has the reason.
absl::Status VerifyChain(absl::string_view chain_pem, absl::string_view roots_pem, absl::Time now);

}  // namespace heddle::identity
