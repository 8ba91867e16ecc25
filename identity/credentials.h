// What a program proves itself with, and whom it believes: a private key, its certificate, and the
// roots that others' certificates must lead to. As files, and as they change.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "identity/certificate.h"
#include "identity/private_key.h"

namespace heddle::identity {

struct Credentials {
  std::string key_pem;    // secret
  std::string chain_pem;  // the leaf, then what leads from it to a root
  std::string roots_pem;  // one or more
  Certificate leaf;       // of chain_pem
};

// Checks that key and leaf are a pair and that there is a root. InvalidArgument says which of them
// is wrong.
absl::StatusOr<Credentials> MakeCredentials(absl::string_view key_pem, absl::string_view chain_pem,
                                            absl::string_view roots_pem);

// Where they lie. Each is PEM, of which the parts not asked for are passed over: one file can have
// all three, which makes replacing it atomic. An identity file (what this project writes) is such a
// one.
struct CredentialFiles {
  std::string key, certificate, roots;
};
inline CredentialFiles IdentityFile(const std::string& path) { return {path, path, path}; }

// As MakeCredentials; every message names the file. NotFound: one is missing. PermissionDenied: the
// key's file can be used by others than its owner and, reading only, its group (group root: as it
// likes).
absl::StatusOr<Credentials> LoadCredentials(const CredentialFiles& files);

// Replaces the identity file at `path`: mode 0600, atomically, in folders of mode 0700.
absl::Status WriteIdentityFile(const std::string& path, const Credentials& credentials);

// Credentials that follow their files: looked at every second, read when they have changed, taken
// over when they are whole and match, else kept as they were with one warning. Thread-safe; has a
// thread of its own.
class LiveCredentials {
 public:
  // As LoadCredentials.
  static absl::StatusOr<std::unique_ptr<LiveCredentials>> Open(const CredentialFiles& files);
  ~LiveCredentials();

  std::shared_ptr<const Credentials> Current() const;  // never null
  // Called with each later one, on the own thread, until this is destroyed.
  void OnChange(std::function<void(const Credentials&)> changed);
  // Looks at the files now, for who has just written them.
  void LookNow();

 private:
  class Impl;
  explicit LiveCredentials(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::identity
