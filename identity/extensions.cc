#include "identity/extensions.h"

#include <openssl/asn1.h>

#include <utility>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace heddle::identity {
namespace {

constexpr std::size_t kLongestCommonName = 64;  // RFC 5280, ub-common-name

using NameOwner = std::unique_ptr<GENERAL_NAME, FreeWith<GENERAL_NAME_free>>;
using OctetsOwner = std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>>;
using AuthorityOwner = std::unique_ptr<AUTHORITY_KEYID, FreeWith<AUTHORITY_KEYID_free>>;

absl::Status AddEntry(X509_NAME* name, const char* field, absl::string_view text) {
  if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) != 1) {
    return OpensslFailed("make a distinguished name");
  }
  return absl::OkStatus();
}

absl::Status AddName(GENERAL_NAMES* names, int type, const std::string& text) {
  NameOwner name(GENERAL_NAME_new());
  ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
  if (name == nullptr || value == nullptr) {
    ASN1_IA5STRING_free(value);
    return OpensslFailed("make a subjectAltName");
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1 ||
      sk_GENERAL_NAME_push(names, name.get()) <= 0) {
    return OpensslFailed("make a subjectAltName");
  }
  name.release();
  return absl::OkStatus();
}

}  // namespace

absl::Status SetName(X509_NAME* name, const std::string& common_name) {
  HEDDLE_RETURN_IF_ERROR(AddEntry(name, "O", "Heddle"));
  return AddEntry(name, "CN", absl::string_view(common_name).substr(0, kLongestCommonName));
}

absl::StatusOr<ExtensionOwner> AlternativeName(const std::string& uri,
                                               const std::string& dns_name) {
  const NamesOwner names(GENERAL_NAMES_new());
  if (names == nullptr) return OpensslFailed("make a subjectAltName");
  HEDDLE_RETURN_IF_ERROR(AddName(names.get(), GEN_URI, uri));
  if (!dns_name.empty()) HEDDLE_RETURN_IF_ERROR(AddName(names.get(), GEN_DNS, dns_name));
  ExtensionOwner extension(X509V3_EXT_i2d(NID_subject_alt_name, 0, names.get()));
  if (extension == nullptr) return OpensslFailed("encode a subjectAltName");
  return extension;
}

absl::Status AddExtension(X509* certificate, int nid, const char* text) {
  const ExtensionOwner extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, text));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return OpensslFailed("add an extension to a certificate");
  }
  return absl::OkStatus();
}

absl::Status AddKeyId(X509* certificate, int nid, const std::string& key_id) {
  OctetsOwner octets(ASN1_OCTET_STRING_new());
  if (octets == nullptr ||
      ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(key_id.data()),
                            static_cast<int>(key_id.size())) != 1) {
    return OpensslFailed("make a key identifier");
  }
  int added = 0;
  if (nid == NID_authority_key_identifier) {
    const AuthorityOwner authority(AUTHORITY_KEYID_new());
    if (authority == nullptr) return OpensslFailed("make a key identifier");
    authority->keyid = octets.release();
    added = X509_add1_ext_i2d(certificate, nid, authority.get(), 0, X509V3_ADD_DEFAULT);
  } else {
    added = X509_add1_ext_i2d(certificate, nid, octets.get(), 0, X509V3_ADD_DEFAULT);
  }
  return added == 1 ? absl::OkStatus() : OpensslFailed("add a key identifier");
}

}  // namespace heddle::identity
