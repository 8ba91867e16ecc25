// Whom the programs of one cluster believe, and what each proves itself with.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "identity/authority.h"
#include "identity/credentials.h"
#include "identity/test_credentials.h"

namespace heddle::lab {

// The CA is the one that `heddle-controller init` makes for the cluster's first controller. Errors
// throw LabError.
class Pki {
 public:
  // Below `folder` the administrator's identity file will be.
  explicit Pki(const std::string& folder);

  // What the controller `id` ("": of this machine's name) needs in `tls_dir`, by `heddle-controller
  // init`: for the first controller a CA and the administrator's identity, too; for others the CA
  // is copied there first. Nothing when it is there.
  void InitController(const std::string& id, const std::string& tls_dir);
  // The first controller's, with the CA; "" before there is one.
  const std::string& tls_dir() const { return tls_dir_; }
  // For heddlectl.
  const std::string& admin_identity() const { return admin_identity_; }

  // What no controller is asked for and none has recorded: a certificate of `principal`
  // ("node/h1") that the CA signs in this process. In the second form into an identity file.
  identity::Credentials Issue(const std::string& principal,
                              const identity::TestTerm& term = {}) const;
  void IssueInto(const std::string& path, const std::string& principal,
                 const identity::TestTerm& term = {}) const;

 private:
  const std::string admin_identity_;
  std::string tls_dir_;
};

}  // namespace heddle::lab
