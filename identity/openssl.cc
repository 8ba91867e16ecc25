#include "identity/openssl.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::identity {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // larger ones cost the one who checks them too much

bool IsNamedNistCurve(EVP_PKEY* key) {
  int is_explicit = 0;
  EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
  char curve[64] = "";
  std::size_t length = 0;
  if (is_explicit != 0 || EVP_PKEY_get_group_name(key, curve, sizeof curve, &length) != 1) {
    return false;
  }
  const int nid = OBJ_sn2nid(curve);
  return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
}

}  // namespace

std::string WithReason(absl::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  if (reason == nullptr) return std::string(what);
  return absl::StrCat(what, " (", reason, ")");
}

absl::Status OpensslFailed(absl::string_view what) {
  return absl::InternalError(WithReason(absl::StrCat("OpenSSL cannot ", what)));
}

absl::StatusOr<BioOwner> PemReader(absl::string_view text) {
  if (text.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", text.size(), " bytes long; at most ", kMaxPemBytes, " are read"));
  }
  BioOwner reader(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (reader == nullptr) return OpensslFailed("read from memory");
  return reader;
}

int NoPassPhrase(char*, int, int, void*) { return -1; }

absl::StatusOr<X509Owner> NextCertificate(BIO* reader) {
  X509Owner certificate(PEM_read_bio_X509(reader, nullptr, &NoPassPhrase, nullptr));
  if (certificate != nullptr) return certificate;
  const auto error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
    ERR_clear_error();
    return X509Owner();
  }
  return absl::InvalidArgumentError(WithReason("has a certificate that cannot be read"));
}

absl::StatusOr<std::vector<X509Owner>> ReadCertificates(absl::string_view pem) {
  HEDDLE_ASSIGN_OR_RETURN(const BioOwner reader, PemReader(pem));
  std::vector<X509Owner> all;
  for (;;) {
    HEDDLE_ASSIGN_OR_RETURN(X509Owner certificate, NextCertificate(reader.get()));
    if (certificate == nullptr) return all;
    all.push_back(std::move(certificate));
  }
}

absl::StatusOr<std::string> PemOf(X509* certificate) {
  const BioOwner memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), certificate) != 1) {
    return OpensslFailed("write a certificate");
  }
  return WrittenTo(memory.get());
}

std::string WrittenTo(BIO* memory) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(memory, &bytes);
  return length > 0 ? std::string(bytes, static_cast<std::size_t>(length)) : std::string();
}

absl::StatusOr<std::string> PublicKeyDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  if (length <= 0) return OpensslFailed("encode a public key");
  std::string copy(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return copy;
}

std::string Sha256(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(&digest[0]));
  return digest;
}

absl::Status CheckKeyStrength(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") && bits >= kLeastRsaBits && bits <= kMostRsaBits) {
    return absl::OkStatus();
  }
  if (EVP_PKEY_is_a(key, "EC") && IsNamedNistCurve(key)) return absl::OkStatus();
  const char* type = EVP_PKEY_get0_type_name(key);
  return absl::InvalidArgumentError(
      absl::StrCat("is a key of ", bits, " bits (", type == nullptr ? "unknown" : type,
                   "); ECDSA on P-256, P-384 or P-521, or RSA of ", kLeastRsaBits, " to ",
                   kMostRsaBits, " bits is asked for"));
}

bool IsRoot(X509* certificate) {
  return (X509_get_extension_flags(certificate) & EXFLAG_SI) != 0 &&
         X509_check_ca(certificate) == 1;
}

}  // namespace heddle::identity
