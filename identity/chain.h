// Whether a client's certificate leads to a root, found as TLS finds it.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::identity {

// The leaf of `chain_pem`, by way of the rest of it, at `now` (unset: whenever), for a client
// (RFC 5280, 4.2.1.12). InvalidArgument: one of both cannot be read. Unauthenticated: it does not
// lead to one of `roots_pem`, is not a client's, or one on the way does not hold at `now` or is too
// weak (112 bits are the least, as of OpenSSL's security level 2); the message has the reason.
absl::Status VerifyClientChain(absl::string_view chain_pem, absl::string_view roots_pem,
                               std::optional<absl::Time> now);

}  // namespace heddle::identity
