#include "controller/certificate_record.h"

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/identity.pb.h"
#include "api/peer.h"
#include "base/status_macros.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kMaxTextBytes = 512;  // of who or what it was on the word of

absl::Status CheckText(absl::string_view name, absl::string_view text) {
  if (text.size() <= kMaxTextBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", text.size(), " bytes long"));
}

absl::Status CheckDigest(absl::string_view name, absl::string_view digest) {
  if (digest.size() == kDigestBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", digest.size(), " bytes long, not ", kDigestBytes));
}

// Of those that were revoked by their serial alone nothing else is known.
absl::Status CheckIssued(const IssuedCertificate& certificate) {
  HEDDLE_RETURN_IF_ERROR(CheckText("issuer", certificate.issuer));
  HEDDLE_RETURN_IF_ERROR(CheckText("issued_to", certificate.issued_to));
  if (certificate.not_after < certificate.not_before) {
    return absl::InvalidArgumentError("it ends before it begins");
  }
  if (certificate.principal.name.empty()) {
    return certificate.is_revoked() ? absl::OkStatus()
                                    : absl::InvalidArgumentError("it is nobody's and not revoked");
  }
  return CheckDigest("key_digest", certificate.key_digest);
}

absl::Status CheckToken(const JoinToken& token) {
  HEDDLE_RETURN_IF_ERROR(CheckDigest("secret_digest", token.secret_digest));
  HEDDLE_RETURN_IF_ERROR(CheckText("created_by", token.created_by));
  if (!token.node_id.empty()) HEDDLE_RETURN_IF_ERROR(ValidateNodeId(token.node_id));
  for (const std::string& digest : token.used_by) {
    HEDDLE_RETURN_IF_ERROR(CheckDigest("used_by_key_digests", digest));
  }
  if (token.uses_left > token.uses || token.used_by.size() != token.uses - token.uses_left) {
    return absl::InvalidArgumentError(absl::StrCat(token.uses_left, " of ", token.uses,
                                                   " uses are left after ", token.used_by.size()));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeCertificate(const IssuedCertificate& certificate) {
  v1::CertificateRecord record;
  if (!certificate.principal.name.empty()) {
    record.set_principal(identity::ToString(certificate.principal));
  }
  record.set_not_before_unix_ms(absl::ToUnixMillis(certificate.not_before));
  record.set_not_after_unix_ms(absl::ToUnixMillis(certificate.not_after));
  record.set_key_digest(certificate.key_digest);
  record.set_issuer(certificate.issuer);
  record.set_issued_to(certificate.issued_to);
  if (certificate.is_revoked()) {
    record.set_revoked_unix_ms(absl::ToUnixMillis(certificate.revoked));
  }
  return record.SerializeAsString();
}

absl::StatusOr<IssuedCertificate> DecodeCertificate(const storage::Record& record) {
  const auto serial = SerialOfKey(record.key);
  if (!serial) return absl::InvalidArgumentError("the key does not name a serial");
  v1::CertificateRecord message;
  if (!message.ParseFromString(record.value)) {
    return absl::InvalidArgumentError("the value is not a record of its kind");
  }
  IssuedCertificate certificate;
  certificate.serial = *serial;
  if (!message.principal().empty()) {
    HEDDLE_ASSIGN_OR_RETURN(certificate.principal, identity::ParsePrincipal(message.principal()));
  }
  certificate.not_before = absl::FromUnixMillis(message.not_before_unix_ms());
  certificate.not_after = absl::FromUnixMillis(message.not_after_unix_ms());
  certificate.key_digest = message.key_digest();
  certificate.issuer = message.issuer();
  certificate.issued_to = message.issued_to();
  if (message.revoked_unix_ms() != 0) {
    certificate.revoked = absl::FromUnixMillis(message.revoked_unix_ms());
  }
  certificate.modified = record.modified;
  HEDDLE_RETURN_IF_ERROR(CheckIssued(certificate));
  return certificate;
}

std::string EncodeToken(const JoinToken& token) {
  v1::TokenRecord record;
  record.set_secret_digest(token.secret_digest);
  record.set_created_unix_ms(absl::ToUnixMillis(token.created));
  record.set_expires_unix_ms(absl::ToUnixMillis(token.expires));
  record.set_uses_left(token.uses_left);
  record.set_uses(token.uses);
  record.set_node_id(token.node_id);
  record.set_created_by(token.created_by);
  for (const std::string& digest : token.used_by) record.add_used_by_key_digests(digest);
  return record.SerializeAsString();
}

absl::StatusOr<JoinToken> DecodeToken(const storage::Record& record) {
  const auto id = TokenIdOfKey(record.key);
  if (!id) return absl::InvalidArgumentError("the key does not name a token");
  v1::TokenRecord message;
  if (!message.ParseFromString(record.value)) {
    return absl::InvalidArgumentError("the value is not a record of its kind");
  }
  JoinToken token;
  token.id = *id;
  token.secret_digest = message.secret_digest();
  token.created = absl::FromUnixMillis(message.created_unix_ms());
  token.expires = absl::FromUnixMillis(message.expires_unix_ms());
  token.uses_left = message.uses_left();
  token.uses = message.uses();
  token.node_id = message.node_id();
  token.created_by = message.created_by();
  token.used_by.assign(message.used_by_key_digests().begin(), message.used_by_key_digests().end());
  token.modified = record.modified;
  HEDDLE_RETURN_IF_ERROR(CheckToken(token));
  return token;
}

}  // namespace heddle::controller
