// Why no TLS connection comes about, in words: gRPC tells only that there is none.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "identity/credentials.h"

namespace heddle::cli {

// Makes a connection of its own to `controller` (host:port), and no call; takes a few seconds at
// most. `credentials`: null without TLS. OK: as far as can be seen TLS is not the cause, as when
// nothing answers at all. Unauthenticated: what is wrong, with which side, and what to do.
absl::Status DiagnoseTls(const std::string& controller, const identity::Credentials* credentials,
                         const std::string& server_name);

}  // namespace heddle::cli
