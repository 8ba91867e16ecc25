// What this project reads of X.509 certificates (RFC 5280). Everything here takes PEM text from
// outside and is to be trusted only after a chain to a root was verified: see PeerVerifier.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/pem_limit.h"
#include "identity/principal.h"

namespace heddle::identity {

struct Certificate {
  Principal principal;
  std::string serial;  // lower-case hexadecimal, without leading zeros
  absl::Time not_before, not_after;
  std::string key_digest;  // SHA-256 of the SubjectPublicKeyInfo: 32 bytes
  std::string issuer;      // Root::key_id of who signed it: the first 8 bytes, hexadecimal, of its
                           // authorityKeyIdentifier; empty when it does not tell
};

// The first certificate in `pem`, a leaf. InvalidArgument: no certificate, one that cannot be read,
// or not exactly one URI of heddle:// in it.
absl::StatusOr<Certificate> ParseCertificate(absl::string_view pem);

struct Root {
  std::string pem;     // one certificate
  std::string key_id;  // the first 8 bytes, hexadecimal, of its subjectKeyIdentifier; of the
                       // SHA-256 of its key when it has none (ours are that SHA-256)
  absl::Time not_before, not_after;
};
// The certificates of `pem` that are self-issued and may sign others, in order, without duplicates.
// InvalidArgument: one cannot be read.
absl::StatusOr<std::vector<Root>> ParseRoots(absl::string_view pem);

// When its holder is to ask for the next one: a third of its life before its end, and up to a tenth
// of that third earlier by `chance` (0 to 1), so that what was issued together is not renewed
// together.
absl::Time RenewAt(const Certificate& certificate, double chance);

// OK while `certificate` holds at `now`; Unauthenticated says since when, or from when, and what
// the holder is to do.
absl::Status CheckValidity(const Certificate& certificate, absl::Time now);

}  // namespace heddle::identity
