// OpenSSL's objects with owners, PEM read with bounds, and errors in words. For this folder's own
// sources only.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "identity/pem_limit.h"

namespace heddle::identity {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BioOwner = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using NumberOwner = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using X509Owner = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestOwner = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using ExtensionOwner = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using NamesOwner = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

// The calling thread's queue of OpenSSL errors, empty when this begins and when it ends: what is
// left there would be taken for an error of a TLS connection that the same thread serves next.
class ErrorQueue {
 public:
  ErrorQueue() { ERR_clear_error(); }
  ~ErrorQueue() { ERR_clear_error(); }
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;
};

// `what`, and OpenSSL's newest reason in brackets when there is one. Never quotes any input.
std::string WithReason(absl::string_view what);
// For what cannot fail but for lack of memory or a broken installation: Internal.
absl::Status OpensslFailed(absl::string_view what);

// Reads `text`, which has to outlive it. InvalidArgument: longer than kMaxPemBytes.
absl::StatusOr<BioOwner> PemReader(absl::string_view text);
// For OpenSSL's callbacks: a pass phrase is never asked for on a terminal.
int NoPassPhrase(char* buffer, int size, int writing, void* context);
// The next certificate, passing over what is none; null at the end. InvalidArgument: one that
// cannot be read.
absl::StatusOr<X509Owner> NextCertificate(BIO* reader);
absl::StatusOr<std::vector<X509Owner>> ReadCertificates(absl::string_view pem);

absl::StatusOr<std::string> PemOf(X509* certificate);
// All that was written to a memory BIO.
std::string WrittenTo(BIO* memory);

// The SubjectPublicKeyInfo in its one encoding (DER), and its SHA-256.
absl::StatusOr<std::string> PublicKeyDer(EVP_PKEY* key);
std::string Sha256(absl::string_view bytes);
// InvalidArgument: neither ECDSA on a NIST curve of 256 bits or more, nor RSA of 2048 to 8192 bits.
absl::Status CheckKeyStrength(EVP_PKEY* key);

// Self-issued, and may sign others.
bool IsRoot(X509* certificate);

}  // namespace heddle::identity
