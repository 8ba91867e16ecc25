#include "controller/issuing_messages.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace heddle::controller {

v1::Token ToMessage(const JoinToken& token) {
  v1::Token message;
  message.set_id(token.id);
  message.set_created_unix_ms(absl::ToUnixMillis(token.created));
  message.set_expires_unix_ms(absl::ToUnixMillis(token.expires));
  message.set_uses_left(token.uses_left);
  message.set_uses(token.uses);
  message.set_node_id(token.node_id);
  message.set_created_by(token.created_by);
  return message;
}

v1::CertificateEntry ToMessage(const CertificateBook& book, const IssuedCertificate& certificate) {
  v1::CertificateEntry entry;
  entry.set_serial(certificate.serial);
  if (!certificate.principal.name.empty()) {
    entry.set_principal(identity::ToString(certificate.principal));
    entry.set_newest(book.Newest(certificate.principal) == &certificate);
  }
  entry.set_not_before_unix_ms(absl::ToUnixMillis(certificate.not_before));
  entry.set_not_after_unix_ms(absl::ToUnixMillis(certificate.not_after));
  if (certificate.is_revoked()) entry.set_revoked_unix_ms(absl::ToUnixMillis(certificate.revoked));
  entry.set_issuer(certificate.issuer);
  entry.set_issued_to(certificate.issued_to);
  return entry;
}

void FillCertificates(const CertificateBook& book, bool superseded,
                      v1::ListCertificatesResponse* response) {
  // What is not after another of its principal: valid before revoked, then the later end first.
  using Place = std::tuple<bool, std::string, bool, absl::Duration, std::string>;
  std::vector<std::pair<Place, const IssuedCertificate*>> ordered;
  for (const auto& [serial, certificate] : book.certificates()) {
    const bool nobodys = certificate.principal.name.empty();
    ordered.push_back(
        {{nobodys, nobodys ? "" : identity::ToString(certificate.principal),
          certificate.is_revoked(), absl::UnixEpoch() - certificate.not_after, serial},
         &certificate});
  }
  std::sort(ordered.begin(), ordered.end());
  const IssuedCertificate* before = nullptr;
  for (const auto& [place, certificate] : ordered) {
    const bool follows = before != nullptr && !certificate->principal.name.empty() &&
                         before->principal == certificate->principal;
    before = certificate;
    if (!follows || superseded) *response->add_certificates() = ToMessage(book, *certificate);
  }
}

}  // namespace heddle::controller
