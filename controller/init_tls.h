// `heddle-controller init`: the keys and certificates that a controller starts with.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/ca_files.h"
#include "controller/tls_files.h"

namespace heddle::controller {

struct InitTerms {
  std::string controller_id;
  std::string admin_identity_path;  // empty: none is made
  std::string admin_name;
};

// Makes what is missing of the CA, the controller's certificate and the administrator's identity
// file, and keeps what is there: a CA that was copied here from another controller issues the rest.
// Errors as in controller/ca_files.h.
absl::StatusOr<Steps> InitTls(const TlsFiles& files, const InitTerms& terms, absl::Time now);

}  // namespace heddle::controller
