// A certificate authority: one key that signs the certificates of a cluster.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/certificate.h"
#include "identity/principal.h"
#include "identity/private_key.h"

struct x509_st;  // OpenSSL's X509

namespace heddle::identity {

// The DNS name in every controller's certificate. Clients check this and not the address they
// dialled: only a controller has it, wherever it moved, behind whatever name or translation.
inline constexpr char kControllerServerName[] = "heddle-controller";

struct IssueTerms {
  Principal principal;
  std::string serial;  // as NewSerial makes them
  absl::Time not_before, not_after;
};

// 127 random bits in hexadecimal, as Certificate::serial.
std::string NewSerial();

// Thread-safe once made.
class Authority {
 public:
  // A new root, for `lifetime` from an hour before `now` (clocks differ).
  static absl::StatusOr<Authority> Create(absl::Time now, absl::Duration lifetime);
  // `roots_pem` may have several; the one of that key signs. FailedPrecondition: none is of it.
  static absl::StatusOr<Authority> Load(absl::string_view roots_pem, absl::string_view key_pem);

  const Root& root() const { return root_; }
  std::string key_pem() const { return key_.ToPem(); }  // secret
  // A leaf certificate in PEM: usable by clients, and by servers when it is a controller's, which
  // then also has kControllerServerName. Never outlives the root: it ends when that does at the
  // latest. InvalidArgument: the key cannot be read or is too weak, or a term is none.
  // FailedPrecondition: the root ends before the certificate would begin.
  absl::StatusOr<std::string> Issue(absl::string_view public_key_der,
                                    const IssueTerms& terms) const;
  // `other` as a certificate of this root's, in PEM: after the leaf in a chain it leads who
  // believes only this root to what the other signed. Ends with the earlier of both. Errors as
  // Issue's; InvalidArgument: `other` cannot be read.
  absl::StatusOr<std::string> CrossSign(const Root& other) const;

 private:
  Authority(Root root, std::shared_ptr<x509_st> certificate, PrivateKey key)
      : root_(std::move(root)), certificate_(std::move(certificate)), key_(std::move(key)) {}
  // `key` signs for that certificate, which is a root.
  static absl::StatusOr<Authority> Of(std::shared_ptr<x509_st> certificate, PrivateKey key);

  Root root_;
  std::shared_ptr<x509_st> certificate_;  // as root_.pem; only read
  PrivateKey key_;
};

}  // namespace heddle::identity
