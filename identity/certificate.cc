#include "identity/certificate.h"

#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

constexpr int kMostSerialBytes = 20;    // RFC 5280, 4.1.2.2
constexpr std::size_t kKeyIdBytes = 8;  // enough to tell the few roots of a cluster apart

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the certificate ", why));
}

absl::string_view BytesOf(const ASN1_STRING* string) {
  return absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                           static_cast<std::size_t>(ASN1_STRING_length(string)));
}

absl::StatusOr<std::string> SerialOf(const X509* certificate) {
  const NumberOwner serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (serial == nullptr || BN_is_zero(serial.get()) || BN_is_negative(serial.get()) ||
      BN_num_bytes(serial.get()) > kMostSerialBytes) {
    return Wrong(absl::StrCat("has a serial number that is not positive and of at most ",
                              kMostSerialBytes, " bytes"));
  }
  char* hex = BN_bn2hex(serial.get());
  if (hex == nullptr) return OpensslFailed("print a serial number");
  std::string text = absl::AsciiStrToLower(hex);
  OPENSSL_free(hex);
  return text.substr(text.find_first_not_of('0'));
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm fields = {};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return Wrong("has a time that cannot be read");
  return absl::FromTM(fields, absl::UTCTimeZone());
}

absl::Status ReadTerm(const X509* certificate, absl::Time* not_before, absl::Time* not_after) {
  HEDDLE_ASSIGN_OR_RETURN(*not_before, TimeOf(X509_get0_notBefore(certificate)));
  HEDDLE_ASSIGN_OR_RETURN(*not_after, TimeOf(X509_get0_notAfter(certificate)));
  return *not_after < *not_before ? Wrong("ends before it begins") : absl::OkStatus();
}

absl::StatusOr<Principal> PrincipalOf(const X509* certificate) {
  int critical = 0;
  const NamesOwner names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (names == nullptr && critical == -1) {
    return Wrong("says not whose it is: there is no subjectAltName in it");
  }
  if (names == nullptr) return Wrong("has a subjectAltName that cannot be read, or several");
  absl::string_view ours;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const absl::string_view uri = BytesOf(name->d.uniformResourceIdentifier);
    if (!absl::StartsWithIgnoreCase(uri, "heddle:")) continue;
    if (!ours.empty()) return Wrong("has more than one URI of heddle://");
    ours = uri;
  }
  if (ours.empty()) {
    return Wrong("says not whose it is: there is no URI such as heddle://node/h1 in it");
  }
  auto principal = PrincipalOfUri(ours);
  if (!principal.ok())
    return Wrong(absl::StrCat("has a wrong URI: ", principal.status().message()));
  return principal;
}

std::string ShortKeyId(const ASN1_OCTET_STRING* key_id) {
  return absl::BytesToHexString(BytesOf(key_id).substr(0, kKeyIdBytes));
}

// As the certificate has it, which saves encoding it again: each call of each service comes by
// here.
absl::StatusOr<std::string> KeyDigestOf(X509* certificate) {
  if (X509_get0_pubkey(certificate) == nullptr) {
    return Wrong(WithReason("has a key that cannot be read"));
  }
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return OpensslFailed("encode a public key");
  const std::string digest = Sha256(
      absl::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length)));
  OPENSSL_free(der);
  return digest;
}

absl::StatusOr<Root> RootOf(X509* certificate) {
  Root root;
  HEDDLE_ASSIGN_OR_RETURN(root.pem, PemOf(certificate));
  HEDDLE_RETURN_IF_ERROR(ReadTerm(certificate, &root.not_before, &root.not_after));
  if (const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(certificate); id != nullptr) {
    root.key_id = ShortKeyId(id);
    return root;
  }
  HEDDLE_ASSIGN_OR_RETURN(const std::string digest, KeyDigestOf(certificate));
  root.key_id = absl::BytesToHexString(absl::string_view(digest).substr(0, kKeyIdBytes));
  return root;
}

}  // namespace

absl::StatusOr<Certificate> ParseCertificate(absl::string_view pem) {
  const ErrorQueue queue;
  const auto reader = PemReader(pem);
  if (!reader.ok()) return Wrong(reader.status().message());
  const auto next = NextCertificate(reader->get());
  if (!next.ok()) return next.status();
  X509* const x509 = next->get();
  if (x509 == nullptr) return absl::InvalidArgumentError("there is no certificate in PEM");
  Certificate certificate;
  HEDDLE_ASSIGN_OR_RETURN(certificate.principal, PrincipalOf(x509));
  HEDDLE_ASSIGN_OR_RETURN(certificate.serial, SerialOf(x509));
  HEDDLE_RETURN_IF_ERROR(ReadTerm(x509, &certificate.not_before, &certificate.not_after));
  HEDDLE_ASSIGN_OR_RETURN(certificate.key_digest, KeyDigestOf(x509));
  if (const ASN1_OCTET_STRING* issuer = X509_get0_authority_key_id(x509); issuer != nullptr) {
    certificate.issuer = ShortKeyId(issuer);
  }
  return certificate;
}

absl::StatusOr<std::vector<Root>> ParseRoots(absl::string_view pem) {
  const ErrorQueue queue;
  auto certificates = ReadCertificates(pem);
  if (!certificates.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text with the roots ", certificates.status().message()));
  }
  std::vector<Root> roots;
  for (std::size_t i = 0; i < certificates->size(); ++i) {
    X509* const certificate = (*certificates)[i].get();
    if (!IsRoot(certificate)) continue;
    bool is_known = false;
    for (std::size_t j = 0; j < i; ++j) {
      is_known = is_known || X509_cmp((*certificates)[j].get(), certificate) == 0;
    }
    if (is_known) continue;
    HEDDLE_ASSIGN_OR_RETURN(Root root, RootOf(certificate));
    roots.push_back(std::move(root));
  }
  return roots;
}

absl::Time RenewAt(const Certificate& certificate, double chance) {
  const absl::Duration third = (certificate.not_after - certificate.not_before) / 3;
  return certificate.not_after - third - third / 10 * chance;
}

absl::Status CheckValidity(const Certificate& certificate, absl::Time now) {
  const std::string whose = absl::StrCat("the certificate of ", ToString(certificate.principal));
  const auto utc = [](absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); };
  if (now < certificate.not_before) {
    return absl::UnauthenticatedError(
        absl::StrCat(whose, " is not valid before ", utc(certificate.not_before), ", and it is ",
                     utc(now), " here: set the clocks of both hosts right"));
  }
  if (now > certificate.not_after) {
    return absl::UnauthenticatedError(absl::StrCat(
        whose, " has expired at ", utc(certificate.not_after), ", and it is ", utc(now),
        " here: get another one (a node joins with a new ticket; an administrator or controller "
        "has one issued), or set the clock right"));
  }
  return absl::OkStatus();
}

}  // namespace heddle::identity
