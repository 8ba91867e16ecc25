// What heddlectl proves itself with, and whom it believes: as the flags say, or the first of the
// usual places that has an identity file.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "identity/authority.h"
#include "identity/credentials.h"

namespace heddle::cli {

struct IdentityOptions {
  std::string file;                                    // --identity
  std::string certificate_file, key_file, roots_file;  // --tls-*-file
  std::string server_name = identity::kControllerServerName;
  bool is_insecure = false;
};

// Where to look when no flag says.
struct IdentityPlaces {
  std::string named;    // by HEDDLECTL_IDENTITY; "": it is not set
  std::string own;      // "" without a home folder
  std::string machine;  // what `heddle-controller init` makes
};
IdentityPlaces DefaultIdentityPlaces();

struct Identity {
  std::string path;      // of the identity file, or of the certificate
  bool is_file = false;  // an identity file, and not three files of an own PKI
  identity::Credentials credentials;
};

// InvalidArgument: flags that contradict each other, or miss one another.
absl::Status Validate(const IdentityOptions& options);

// NotFound says where was looked and what to do; anything else names the file that cannot be used.
absl::StatusOr<Identity> FindIdentity(const IdentityOptions& options, const IdentityPlaces& places);

}  // namespace heddle::cli
