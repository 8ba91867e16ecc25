#include "controller/certificate_book.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controller/certificate_record.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

std::string Problem(const storage::Record& record, absl::string_view consequence,
                    const absl::Status& status) {
  return absl::StrCat("the record ", record.key, " (revision ", record.modified, ") cannot be read",
                      consequence, ": ", status.message());
}

}  // namespace

const IssuedCertificate* CertificateBook::Find(absl::string_view serial) const {
  const auto found = certificates_.find(serial);
  return found == certificates_.end() ? nullptr : &found->second;
}

bool CertificateBook::IsRevoked(absl::string_view serial) const {
  const IssuedCertificate* certificate = Find(serial);
  return certificate != nullptr ? certificate->is_revoked()
                                : unreadable_certificates_.contains(serial);
}

std::vector<std::string> CertificateBook::RevokedSerials() const {
  std::vector<std::string> serials;
  for (const auto& [serial, certificate] : certificates_) {
    if (certificate.is_revoked()) serials.push_back(serial);
  }
  for (const auto& [serial, modified] : unreadable_certificates_) serials.push_back(serial);
  return serials;
}

const IssuedCertificate* CertificateBook::Newest(const identity::Principal& principal) const {
  const auto found = of_principal_.find(principal);
  if (found == of_principal_.end()) return nullptr;
  for (auto entry = found->second.rbegin(); entry != found->second.rend(); ++entry) {
    const IssuedCertificate& certificate = certificates_.at(entry->second);
    if (!certificate.is_revoked()) return &certificate;
  }
  return nullptr;
}

CertificateChanges CertificateBook::Apply(const std::vector<storage::Change>& changes) {
  CertificateChanges result;
  for (const storage::Change& change : changes) {
    if (absl::StartsWith(change.record.key, kCertificatePrefix)) {
      ApplyCertificate(change, &result);
    } else if (absl::StartsWith(change.record.key, kTokenPrefix)) {
      ApplyToken(change, &result);
    }
  }
  return result;
}

void CertificateBook::ApplyCertificate(const storage::Change& change, CertificateChanges* changes) {
  const auto serial = SerialOfKey(change.record.key);
  if (!serial) {
    changes->problems.push_back(
        absl::StrCat("the key ", change.record.key, " does not name a certificate's serial"));
    return;
  }
  const bool was_revoked = IsRevoked(*serial);
  RemoveCertificate(*serial);
  if (change.deleted) return;
  auto certificate = DecodeCertificate(change.record);
  if (certificate.ok()) {
    by_end_.emplace(certificate->not_after, *serial);
    if (!certificate->principal.name.empty()) {
      of_principal_[certificate->principal].emplace(certificate->not_after, *serial);
    }
    certificates_[*serial] = *std::move(certificate);
  } else {
    changes->problems.push_back(
        Problem(change.record, " and counts as revoked", certificate.status()));
    unreadable_certificates_[*serial] = change.record.modified;
  }
  if (!was_revoked && IsRevoked(*serial)) changes->revoked.push_back(*serial);
}

void CertificateBook::RemoveCertificate(const std::string& serial) {
  unreadable_certificates_.erase(serial);
  const auto found = certificates_.find(serial);
  if (found == certificates_.end()) return;
  by_end_.erase({found->second.not_after, serial});
  if (const auto of = of_principal_.find(found->second.principal); of != of_principal_.end()) {
    of->second.erase({found->second.not_after, serial});
    if (of->second.empty()) of_principal_.erase(of);
  }
  certificates_.erase(found);
}

void CertificateBook::ApplyToken(const storage::Change& change, CertificateChanges* changes) {
  const auto id = TokenIdOfKey(change.record.key);
  if (!id) {
    changes->problems.push_back(
        absl::StrCat("the key ", change.record.key, " does not name a token"));
    return;
  }
  tokens_.erase(*id);
  unreadable_tokens_.erase(*id);
  if (change.deleted) return;
  auto token = DecodeToken(change.record);
  if (token.ok()) {
    tokens_[*id] = *std::move(token);
  } else {
    changes->problems.push_back(
        Problem(change.record, " and nobody can join with it", token.status()));
    unreadable_tokens_[*id] = change.record.modified;
  }
}

absl::Status CertificateBook::CheckInvariants() const {
  std::size_t of_principals = 0, named = 0;
  for (const auto& [principal, serials] : of_principal_) {
    of_principals += serials.size();
    for (const auto& [end, serial] : serials) {
      const IssuedCertificate* certificate = Find(serial);
      if (certificate != nullptr && certificate->principal == principal &&
          certificate->not_after == end) {
        continue;
      }
      return absl::InternalError(
          absl::StrCat(serial, " is not as found under ", identity::ToString(principal)));
    }
  }
  for (const auto& [serial, certificate] : certificates_) {
    if (!certificate.principal.name.empty()) ++named;
    if (by_end_.contains({certificate.not_after, serial}) &&
        !unreadable_certificates_.contains(serial)) {
      continue;
    }
    return absl::InternalError(absl::StrCat(serial, " is not found by its end, or is unreadable"));
  }
  if (named != of_principals || by_end_.size() != certificates_.size()) {
    return absl::InternalError("an index has certificates that are gone");
  }
  for (const auto& [id, token] : tokens_) {
    if (token.used_by.size() + token.uses_left == token.uses && !unreadable_tokens_.contains(id)) {
      continue;
    }
    return absl::InternalError(absl::StrCat("the uses of token ", id, " do not add up"));
  }
  return absl::OkStatus();
}

}  // namespace heddle::controller
