// What to tell a user when no connection comes about: a failed TLS handshake reaches a client as a
// word of OpenSSL's, or as a socket that was closed.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/certificate.h"

namespace heddle::identity {

// What a call's error message most likely means, and what to do, as one sentence; "" when it is not
// of a handshake. `own`: the certificate that was shown, or null.
std::string HandshakeHint(absl::string_view message, const Certificate* own, absl::Time now);

}  // namespace heddle::identity
