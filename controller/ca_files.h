// The cluster's CA as files of a controller, and the three steps by which another root takes over.
// Every step only writes files, each whole; one that was interrupted is finished by being done
// again, and one that was done changes nothing. No key is ever overwritten.
//
// Root does this for the user that the controller runs as: what is made is its folder's owner's.
//
// FailedPrecondition: the files are not as the step needs them; says what to do. Other errors are
// the disk's, or InvalidArgument: a file that is not what it should be.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "controller/tls_files.h"
#include "identity/authority.h"
#include "identity/certificate.h"

namespace heddle::controller {

inline constexpr absl::Duration kCaLifetime = absl::Hours(24 * 3652);

// One sentence each for what was done, and what was there already.
using Steps = std::vector<std::string>;

// A new root is believed, and does not sign yet.
absl::StatusOr<Steps> AddRoot(const TlsFiles& files, absl::Time now);
// The new root signs from now on.
absl::StatusOr<Steps> PromoteRoot(const TlsFiles& files);
// The roots that do not sign are believed no longer.
absl::StatusOr<Steps> RetireRoots(const TlsFiles& files);

// ---- What the steps, `init` and a running controller have in common ----

// The roots in a file. NotFound: there is no such file; InvalidArgument: no root in it.
absl::StatusOr<std::vector<identity::Root>> ReadRoots(const std::string& path);
// The content of a file with a key. NotFound; PermissionDenied: others than its owner can read it.
absl::StatusOr<std::string> ReadKeyFile(const std::string& path);
// The root that signs. NotFound: its key is not here. FailedPrecondition: it is of no root here.
absl::StatusOr<identity::Authority> LoadAuthority(const TlsFiles& files);
// A key and what belongs to it: mode 0600, and AlreadyExists where there is a file.
absl::Status WriteNewKeyFile(const std::string& path, absl::string_view content);
// What is no secret: mode 0644, replaced when it is there.
absl::Status WriteCertificates(const std::string& path, absl::string_view pem);

}  // namespace heddle::controller
