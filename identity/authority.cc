#include "identity/authority.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/extensions.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

constexpr absl::Duration kBackdated = absl::Hours(1);
constexpr std::size_t kKeyIdBytes = 20;  // RFC 7093 takes as many of a SHA-256

absl::Status SetSerial(X509* certificate, const std::string& serial) {
  BIGNUM* parsed = nullptr;
  const int digits = BN_hex2bn(&parsed, serial.c_str());
  const NumberOwner number(parsed);
  if (serial.empty() || digits != static_cast<int>(serial.size()) || BN_is_zero(number.get()) ||
      BN_is_negative(number.get()) || digits > 40) {
    return absl::InvalidArgumentError("a serial number is 1 to 40 hexadecimal digits, and not 0");
  }
  if (BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return OpensslFailed("set a serial number");
  }
  return absl::OkStatus();
}

absl::Status SetTerm(X509* certificate, absl::Time not_before, absl::Time not_after) {
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(not_after)) == nullptr) {
    return absl::InvalidArgumentError(
        WithReason(absl::StrCat("a certificate cannot be valid from ", absl::FormatTime(not_before),
                                " to ", absl::FormatTime(not_after))));
  }
  return absl::OkStatus();
}

// Everything that a root and a leaf have in common.
absl::StatusOr<X509Owner> Begin(EVP_PKEY* key, const std::string& key_id, const std::string& serial,
                                absl::Time not_before, absl::Time not_after) {
  X509Owner certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return OpensslFailed("make a certificate");
  }
  HEDDLE_RETURN_IF_ERROR(SetSerial(certificate.get(), serial));
  HEDDLE_RETURN_IF_ERROR(SetTerm(certificate.get(), not_before, not_after));
  HEDDLE_RETURN_IF_ERROR(AddKeyId(certificate.get(), NID_subject_key_identifier, key_id));
  return certificate;
}

absl::Status AddUses(X509* certificate, Role role) {
  HEDDLE_RETURN_IF_ERROR(AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE"));
  HEDDLE_RETURN_IF_ERROR(AddExtension(certificate, NID_key_usage, "critical,digitalSignature"));
  return AddExtension(certificate, NID_ext_key_usage,
                      role == Role::kController ? "serverAuth,clientAuth" : "clientAuth");
}

absl::Status AddPrincipal(X509* certificate, const Principal& principal) {
  HEDDLE_RETURN_IF_ERROR(SetName(X509_get_subject_name(certificate), ToString(principal)));
  HEDDLE_ASSIGN_OR_RETURN(
      const ExtensionOwner names,
      AlternativeName(ToUri(principal),
                      principal.role == Role::kController ? kControllerServerName : ""));
  if (X509_add_ext(certificate, names.get(), -1) != 1) return OpensslFailed("name a certificate");
  return absl::OkStatus();
}

std::string KeyIdOf(absl::string_view public_key_der) {
  return Sha256(public_key_der).substr(0, kKeyIdBytes);
}

std::string IssuerKeyId(X509* root) {
  const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(root);
  if (id == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)),
                     static_cast<std::size_t>(ASN1_STRING_length(id)));
}

}  // namespace

std::string NewSerial() {
  unsigned char bytes[16];
  do {
    // Without random numbers nothing here is safe: better no answer than a wrong one.
    if (RAND_bytes(bytes, sizeof bytes) != 1) std::abort();
    bytes[0] &= 0x7f;  // positive in as many bytes
  } while (bytes[0] == 0);
  const std::string hex =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
  return hex.substr(hex.find_first_not_of('0'));
}

absl::StatusOr<Authority> Authority::Create(absl::Time now, absl::Duration lifetime) {
  const ErrorQueue queue;
  HEDDLE_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  HEDDLE_ASSIGN_OR_RETURN(const std::string der, PublicKeyDer(key.get()));
  const std::string key_id = KeyIdOf(der);
  const absl::Time not_before = now - kBackdated;
  HEDDLE_ASSIGN_OR_RETURN(X509Owner root,
                          Begin(key.get(), key_id, NewSerial(), not_before, not_before + lifetime));
  HEDDLE_RETURN_IF_ERROR(AddExtension(root.get(), NID_basic_constraints,
                                      "critical,CA:TRUE,pathlen:1"));  // 1: CrossSign
  HEDDLE_RETURN_IF_ERROR(AddExtension(root.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  // A name of its own: with two roots in one file it is the name that leads to the right one.
  HEDDLE_RETURN_IF_ERROR(
      SetName(X509_get_subject_name(root.get()),
              absl::StrCat("Heddle CA ", absl::BytesToHexString(key_id.substr(0, 8)))));
  if (X509_set_issuer_name(root.get(), X509_get_subject_name(root.get())) != 1 ||
      X509_sign(root.get(), key.get(), EVP_sha256()) <= 0) {
    return OpensslFailed("sign a root certificate");
  }
  return Of(std::shared_ptr<X509>(std::move(root)), std::move(key));
}

absl::StatusOr<Authority> Authority::Load(absl::string_view roots_pem, absl::string_view key_pem) {
  const ErrorQueue queue;
  auto key = PrivateKey::Parse(key_pem);
  if (!key.ok()) return key.status();
  auto certificates = ReadCertificates(roots_pem);
  if (!certificates.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text with the roots ", certificates.status().message()));
  }
  for (X509Owner& certificate : *certificates) {
    EVP_PKEY* const certified = X509_get0_pubkey(certificate.get());
    if (IsRoot(certificate.get()) && certified != nullptr &&
        EVP_PKEY_eq(certified, key->get()) == 1) {
      return Of(std::shared_ptr<X509>(std::move(certificate)), *std::move(key));
    }
  }
  return absl::FailedPreconditionError("none of the roots is of that key");
}

absl::StatusOr<Authority> Authority::Of(std::shared_ptr<x509_st> certificate, PrivateKey key) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string pem, PemOf(certificate.get()));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ParseRoots(pem));
  if (roots.size() != 1) return absl::InvalidArgumentError("the certificate is no root");
  return Authority(roots[0], std::move(certificate), std::move(key));
}

absl::StatusOr<std::string> Authority::Issue(absl::string_view public_key_der,
                                             const IssueTerms& terms) const {
  const ErrorQueue queue;
  const auto* at = reinterpret_cast<const unsigned char*>(public_key_der.data());
  const KeyOwner key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key_der.size())));
  if (key == nullptr) return absl::InvalidArgumentError(WithReason("the key cannot be read"));
  if (const absl::Status strong = CheckKeyStrength(key.get()); !strong.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("what is to be certified ", strong.message()));
  }
  const absl::Time not_after = std::min(terms.not_after, root_.not_after);
  if (not_after < terms.not_before) {
    return absl::FailedPreconditionError(
        absl::StrCat("a certificate from ", absl::FormatTime(terms.not_before), " to ",
                     absl::FormatTime(not_after), " would end before it begins; the root ends at ",
                     absl::FormatTime(root_.not_after)));
  }
  HEDDLE_ASSIGN_OR_RETURN(const X509Owner leaf, Begin(key.get(), KeyIdOf(public_key_der),
                                                      terms.serial, terms.not_before, not_after));
  if (const std::string issuer = IssuerKeyId(certificate_.get()); !issuer.empty()) {
    HEDDLE_RETURN_IF_ERROR(AddKeyId(leaf.get(), NID_authority_key_identifier, issuer));
  }
  HEDDLE_RETURN_IF_ERROR(AddUses(leaf.get(), terms.principal.role));
  HEDDLE_RETURN_IF_ERROR(AddPrincipal(leaf.get(), terms.principal));
  if (X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate_.get())) != 1 ||
      X509_sign(leaf.get(), key_.get(), EVP_sha256()) <= 0) {
    return OpensslFailed("sign a certificate");
  }
  return PemOf(leaf.get());
}

absl::StatusOr<std::string> Authority::CrossSign(const Root& other) const {
  const ErrorQueue queue;
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<X509Owner> others, ReadCertificates(other.pem));
  if (others.size() != 1 || !IsRoot(others[0].get())) {
    return absl::InvalidArgumentError("what is to be signed is not one root");
  }
  X509* const root = others[0].get();
  HEDDLE_ASSIGN_OR_RETURN(const X509Owner cross,
                          Begin(X509_get0_pubkey(root), IssuerKeyId(root), NewSerial(),
                                std::max(other.not_before, root_.not_before),
                                std::min(other.not_after, root_.not_after)));
  HEDDLE_RETURN_IF_ERROR(
      AddKeyId(cross.get(), NID_authority_key_identifier, IssuerKeyId(certificate_.get())));
  HEDDLE_RETURN_IF_ERROR(
      AddExtension(cross.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  HEDDLE_RETURN_IF_ERROR(AddExtension(cross.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  if (X509_set_subject_name(cross.get(), X509_get_subject_name(root)) != 1 ||
      X509_set_issuer_name(cross.get(), X509_get_subject_name(certificate_.get())) != 1 ||
      X509_sign(cross.get(), key_.get(), EVP_sha256()) <= 0) {
    return OpensslFailed("sign another root");
  }
  return PemOf(cross.get());
}

}  // namespace heddle::identity
