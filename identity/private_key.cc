#include "identity/private_key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/extensions.h"
#include "identity/openssl.h"

namespace heddle::identity {

void PrivateKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

PrivateKey::PrivateKey(evp_pkey_st* key) : key_(key) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;
evp_pkey_st* PrivateKey::get() const { return key_.get(); }

absl::StatusOr<PrivateKey> PrivateKey::Generate() {
  const ErrorQueue queue;
  KeyOwner key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpensslFailed("make an ECDSA key");
  return PrivateKey(key.release());
}

absl::StatusOr<PrivateKey> PrivateKey::Parse(absl::string_view pem) {
  const ErrorQueue queue;
  const auto reader = PemReader(pem);
  if (!reader.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the key ", reader.status().message()));
  }
  KeyOwner key(PEM_read_bio_PrivateKey(reader->get(), nullptr, &NoPassPhrase, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        WithReason("there is no private key in PEM without a pass phrase"));
  }
  if (const absl::Status strong = CheckKeyStrength(key.get()); !strong.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the private key ", strong.message()));
  }
  return PrivateKey(key.release());
}

std::string PrivateKey::ToPem() const {
  const ErrorQueue queue;
  // Memory that is wiped when it is freed.
  const BioOwner memory(BIO_new(BIO_s_secmem()));
  if (memory == nullptr || PEM_write_bio_PKCS8PrivateKey(memory.get(), key_.get(), nullptr, nullptr,
                                                         0, nullptr, nullptr) != 1) {
    return "";
  }
  return WrittenTo(memory.get());
}

std::string PrivateKey::key_digest() const {
  const ErrorQueue queue;
  const auto der = PublicKeyDer(key_.get());
  return der.ok() ? Sha256(*der) : "";
}

absl::StatusOr<std::string> MakeCertificateRequest(const PrivateKey& key,
                                                   const Principal& principal) {
  const ErrorQueue queue;
  const RequestOwner request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1) {
    return OpensslFailed("make a certificate request");
  }
  HEDDLE_RETURN_IF_ERROR(SetName(X509_REQ_get_subject_name(request.get()), ToString(principal)));
  HEDDLE_ASSIGN_OR_RETURN(const ExtensionOwner name, AlternativeName(ToUri(principal), ""));
  STACK_OF(X509_EXTENSION)* const extensions = sk_X509_EXTENSION_new_null();
  const bool is_named = extensions != nullptr &&
                        sk_X509_EXTENSION_push(extensions, name.get()) == 1 &&
                        X509_REQ_add_extensions(request.get(), extensions) == 1;
  sk_X509_EXTENSION_free(extensions);
  if (!is_named || X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return OpensslFailed("sign a certificate request");
  }
  const BioOwner memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509_REQ(memory.get(), request.get()) != 1) {
    return OpensslFailed("write a certificate request");
  }
  return WrittenTo(memory.get());
}

absl::StatusOr<RequestedKey> CheckCertificateRequest(absl::string_view pem) {
  const ErrorQueue queue;
  const auto wrong = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate request ", why));
  };
  const auto reader = PemReader(pem);
  if (!reader.ok()) return wrong(reader.status().message());
  const RequestOwner request(PEM_read_bio_X509_REQ(reader->get(), nullptr, &NoPassPhrase, nullptr));
  if (request == nullptr) return wrong(WithReason("cannot be read"));
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return wrong(WithReason("has a key that cannot be read"));
  if (const absl::Status strong = CheckKeyStrength(key); !strong.ok()) {
    return wrong(absl::StrCat("is for what ", strong.message()));
  }
  if (X509_REQ_verify(request.get(), key) != 1) return wrong("is not signed with its own key");
  RequestedKey requested;
  HEDDLE_ASSIGN_OR_RETURN(requested.public_key_der, PublicKeyDer(key));
  requested.key_digest = Sha256(requested.public_key_der);
  return requested;
}

}  // namespace heddle::identity
