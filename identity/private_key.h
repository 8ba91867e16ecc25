// A private key (ECDSA on P-256), made and kept on the host whose identity it proves, and the
// request for a certificate of it (PKCS #10, RFC 2986).
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "identity/principal.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace heddle::identity {

// Movable. Its memory is wiped when it ends.
class PrivateKey {
 public:
  static absl::StatusOr<PrivateKey> Generate();
  // The first private key in `pem`; RSA keys of at least 2048 bits will do, too, for one's own PKI.
  // InvalidArgument never quotes `pem`.
  static absl::StatusOr<PrivateKey> Parse(absl::string_view pem);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  // Secret: for files of mode 0600 and gRPC only.
  std::string ToPem() const;
  std::string key_digest() const;  // as Certificate::key_digest
  evp_pkey_st* get() const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit PrivateKey(evp_pkey_st* key);
  std::unique_ptr<evp_pkey_st, Free> key_;
};

// Asks for a certificate of `key` for `principal`. PEM.
absl::StatusOr<std::string> MakeCertificateRequest(const PrivateKey& key,
                                                   const Principal& principal);

// What a request proves: that its maker has the key. Who it is to be for is the receiver's to
// decide; what the request itself says of that is not read.
struct RequestedKey {
  std::string public_key_der;  // SubjectPublicKeyInfo
  std::string key_digest;      // as Certificate::key_digest
};
// InvalidArgument: no request, a signature that is not of its key, or a key that is too weak.
absl::StatusOr<RequestedKey> CheckCertificateRequest(absl::string_view pem);

}  // namespace heddle::identity
