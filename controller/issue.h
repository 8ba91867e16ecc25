// Certificates that a controller signs on its own host, for itself and its administrator.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "identity/authority.h"
#include "identity/credentials.h"
#include "identity/principal.h"

namespace heddle::controller {

// With a new key, valid from an hour before `now`. `cross_pem` (TlsFiles::cross) follows in the
// chain; it may be empty.
absl::StatusOr<identity::Credentials> IssueLocally(const identity::Authority& authority,
                                                   const identity::Principal& principal,
                                                   absl::Time now, absl::Duration lifetime,
                                                   const std::string& roots_pem,
                                                   const std::string& cross_pem);

}  // namespace heddle::controller
