// What a controller program proves itself with and signs with: opened at the start, followed as the
// files change, and its own certificate renewed in time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "controller/live_authority.h"
#include "controller/tls_files.h"
#include "identity/credentials.h"

namespace heddle::controller {

struct ControllerTlsTerms {
  std::string controller_id;
  // Either what `heddle-controller init` made, or files from elsewhere, which are only read.
  TlsFiles files;
  identity::CredentialFiles own_pki;  // used when files.folder is empty
};

// Thread-safe; has a thread of its own, which looks every second.
class ControllerTls {
 public:
  // FailedPrecondition: there are no files, they cannot be used, or the certificate is not a
  // controller's; says what to do.
  static absl::StatusOr<std::unique_ptr<ControllerTls>> Open(const ControllerTlsTerms& terms,
                                                             const Clock* clock);
  ~ControllerTls();

  const identity::LiveCredentials* credentials() const;
  // Null: there is no CA key here.
  std::shared_ptr<const identity::Authority> authority() const;

 private:
  class Impl;
  explicit ControllerTls(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
