// The half of CertificateBook that decides.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/certificate_book.h"
#include "controller/certificate_record.h"
#include "controller/keys.h"
#include "identity/ticket.h"

namespace heddle::controller {
namespace {

using storage::Guard;
using storage::Transaction;
using storage::Write;

constexpr absl::Duration kKeepAfterEnd = absl::Hours(24);
// Longer than a certificate of any root that is in use.
constexpr absl::Duration kKeepUnknownRevoked = absl::Hours(24 * 3653);

void GuardAt(const std::string& key, storage::Revision modified, Transaction* transaction) {
  const auto kind = modified == 0 ? Guard::Kind::kAbsent : Guard::Kind::kModifiedAt;
  transaction->guards.push_back({kind, key, modified});
}

void Put(const std::string& key, storage::Revision modified, std::string value,
         Transaction* transaction) {
  GuardAt(key, modified, transaction);
  transaction->writes.push_back({Write::Kind::kPut, key, std::move(value)});
}

void Delete(const std::string& key, storage::Revision modified, Transaction* transaction) {
  GuardAt(key, modified, transaction);
  transaction->writes.push_back({Write::Kind::kDelete, key, ""});
}

void PutNew(const CertificateTerms& terms, std::string issued_to, Transaction* transaction) {
  IssuedCertificate certificate;
  certificate.serial = terms.serial;
  certificate.principal = terms.principal;
  certificate.not_before = terms.not_before;
  certificate.not_after = terms.not_after;
  certificate.key_digest = terms.key_digest;
  certificate.issuer = terms.issuer;
  certificate.issued_to = std::move(issued_to);
  Put(CertificateKey(terms.serial), 0, EncodeCertificate(certificate), transaction);
}

std::string IssuedToTicket(absl::string_view token_id) { return absl::StrCat("ticket ", token_id); }

// One answer for all, so that nobody finds out by trying what there is.
absl::Status Denied(std::string why, std::string* why_denied) {
  *why_denied = std::move(why);
  return absl::PermissionDeniedError(
      "the ticket was refused: it is unknown, over, used up or for another node, or the node was "
      "revoked and this is not a ticket made for it since. The controllers' audit log says which");
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

template <typename Visit>
void CertificateBook::EachLasting(const identity::Principal& principal, absl::Time now,
                                  Visit visit) const {
  const auto found = of_principal_.find(principal);
  if (found == of_principal_.end()) return;
  for (auto entry = found->second.rbegin(); entry != found->second.rend(); ++entry) {
    if (entry->first <= now || !visit(certificates_.at(entry->second))) return;
  }
}

// Whoever asks without end fills neither the store nor what one transaction can revoke.
absl::Status CertificateBook::CheckRoom(const identity::Principal& principal,
                                        absl::Time now) const {
  std::size_t valid = 0;
  EachLasting(principal, now, [&](const IssuedCertificate& certificate) {
    valid += certificate.is_revoked() ? 0 : 1;
    return true;
  });
  if (valid < kMaxValid) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("'", identity::ToString(principal), "' has ", valid,
                   " certificates that are valid: it asks for new ones much too often. See "
                   "`heddlectl cert list`, and revoke those that nobody uses"));
}

bool CertificateBook::IsMade(const CertificateTerms& terms) const {
  const IssuedCertificate* made = Find(terms.serial);
  return made != nullptr && made->principal == terms.principal &&
         made->key_digest == terms.key_digest;
}

absl::StatusOr<Transaction> CertificateBook::DecideCreateToken(const JoinToken& token) const {
  Transaction transaction;
  const auto same = tokens_.find(token.id);
  if (same != tokens_.end() && same->second.secret_digest == token.secret_digest) {
    return transaction;
  }
  const auto open = std::count_if(tokens_.begin(), tokens_.end(), [&](const auto& entry) {
    return entry.second.uses_left > 0 && entry.second.expires > token.created;
  });
  if (static_cast<std::size_t>(open) >= kMaxTokens) {
    return absl::ResourceExhaustedError(
        absl::StrCat(open,
                     " tokens are open already; delete those that are not needed: see "
                     "`heddlectl token list`"));
  }
  Put(TokenKey(token.id), 0, EncodeToken(token), &transaction);
  return transaction;
}

absl::StatusOr<Transaction> CertificateBook::DecideDeleteToken(absl::string_view id) const {
  Transaction transaction;
  const auto token = tokens_.find(id);
  const auto unreadable = unreadable_tokens_.find(id);
  if (token != tokens_.end()) {
    Delete(TokenKey(id), token->second.modified, &transaction);
  } else if (unreadable != unreadable_tokens_.end()) {
    Delete(TokenKey(id), unreadable->second, &transaction);
  } else {
    return absl::NotFoundError(
        absl::StrCat("there is no token '", id, "'; see `heddlectl token list`"));
  }
  return transaction;
}

absl::Status CertificateBook::CheckToken(const JoinToken* token, const JoinProof& proof,
                                         const std::string& node_id, absl::Time now,
                                         std::string* why_denied) const {
  if (token == nullptr) return Denied("there is no such token", why_denied);
  if (!identity::DigestsEqual(token->secret_digest, proof.secret_digest)) {
    return Denied("the secret is not that token's", why_denied);
  }
  if (now >= token->expires) {
    return Denied(absl::StrCat("the token expired at ", TimeText(token->expires)), why_denied);
  }
  if (!token->node_id.empty() && token->node_id != node_id) {
    return Denied(absl::StrCat("the token is for node '", token->node_id, "' only"), why_denied);
  }
  return absl::OkStatus();
}

// Whether the node's key may have a certificate beside those that the node has.
absl::Status CertificateBook::CheckKey(const JoinToken& token, const CertificateTerms& terms,
                                       absl::Time now, std::string* why_denied) const {
  absl::Status status;
  EachLasting(terms.principal, now, [&](const IssuedCertificate& certificate) {
    const bool same_key = certificate.key_digest == terms.key_digest;
    if (same_key && certificate.is_revoked()) {
      status = Denied(
          absl::StrCat("a certificate of the same key, ", certificate.serial, ", was revoked"),
          why_denied);
    } else if (!same_key && !certificate.is_revoked() && token.node_id.empty()) {
      status = absl::AlreadyExistsError(absl::StrCat(
          "another key has a certificate for node '", terms.principal.name, "', valid until ",
          TimeText(certificate.not_after),
          ". If this host takes that one's place, make a ticket for this node alone, with "
          "`heddlectl token create --node ",
          terms.principal.name, "`; if it does not, give it another --node-id"));
    }
    return status.ok();
  });
  return status;
}

// A node that was revoked comes back only on an administrator's later word for that very node: who
// took its host over may have any ticket that there was by then. Known while the record is kept.
absl::Status CertificateBook::CheckReturn(const JoinToken& token,
                                          const identity::Principal& principal,
                                          std::string* why_denied) const {
  const auto found = of_principal_.find(principal);
  if (found == of_principal_.end()) return absl::OkStatus();
  for (const auto& [end, serial] : found->second) {
    const IssuedCertificate& certificate = certificates_.at(serial);
    if (!certificate.is_revoked()) continue;
    if (!token.node_id.empty() && token.created > certificate.revoked) continue;
    return Denied(
        absl::StrCat("the certificate ", serial, " of node '", principal.name, "' was revoked at ",
                     TimeText(certificate.revoked), ", and the token is ",
                     token.node_id.empty() ? "not for that node alone" : "from before"),
        why_denied);
  }
  return absl::OkStatus();
}

// The same host once more, as when the answer was lost. The key alone would not do: with one use it
// could become many nodes.
bool CertificateBook::IsRepeat(const JoinToken& token, const CertificateTerms& terms) const {
  const auto& used_by = token.used_by;
  if (std::find(used_by.begin(), used_by.end(), terms.key_digest) == used_by.end()) return false;
  const auto found = of_principal_.find(terms.principal);
  if (found == of_principal_.end()) return false;
  const std::string issued_to = IssuedToTicket(token.id);
  return std::any_of(found->second.begin(), found->second.end(), [&](const auto& entry) {
    const IssuedCertificate& certificate = certificates_.at(entry.second);
    return certificate.key_digest == terms.key_digest && certificate.issued_to == issued_to;
  });
}

absl::StatusOr<Transaction> CertificateBook::DecideJoin(const JoinProof& proof,
                                                        const CertificateTerms& terms,
                                                        absl::Time now,
                                                        std::string* why_denied) const {
  Transaction transaction;
  const auto found = tokens_.find(proof.token_id);
  const JoinToken* token = found == tokens_.end() ? nullptr : &found->second;
  HEDDLE_RETURN_IF_ERROR(CheckToken(token, proof, terms.principal.name, now, why_denied));
  if (IsMade(terms)) return transaction;
  const bool repeat = IsRepeat(*token, terms);
  if (!repeat && token->uses_left == 0) return Denied("the token is used up", why_denied);
  HEDDLE_RETURN_IF_ERROR(CheckKey(*token, terms, now, why_denied));
  HEDDLE_RETURN_IF_ERROR(CheckReturn(*token, terms.principal, why_denied));
  HEDDLE_RETURN_IF_ERROR(CheckRoom(terms.principal, now));
  if (repeat) {
    GuardAt(TokenKey(token->id), token->modified, &transaction);
  } else {
    JoinToken used = *token;
    --used.uses_left;
    used.used_by.push_back(terms.key_digest);
    Put(TokenKey(token->id), token->modified, EncodeToken(used), &transaction);
  }
  PutNew(terms, IssuedToTicket(token->id), &transaction);
  return transaction;
}

absl::StatusOr<Transaction> CertificateBook::DecideRenew(absl::string_view present_serial,
                                                         const CertificateTerms& terms,
                                                         absl::Time now) const {
  Transaction transaction;
  if (IsRevoked(present_serial)) {
    return absl::PermissionDeniedError(absl::StrCat("the certificate ", present_serial, " of '",
                                                    identity::ToString(terms.principal),
                                                    "' is revoked, so it cannot be renewed"));
  }
  if (IsMade(terms)) return transaction;
  HEDDLE_RETURN_IF_ERROR(CheckRoom(terms.principal, now));
  // Nobody revokes it meanwhile. One that is not known is from before a restore.
  const IssuedCertificate* present = Find(present_serial);
  GuardAt(CertificateKey(present_serial), present == nullptr ? 0 : present->modified, &transaction);
  PutNew(terms, "renewal", &transaction);
  return transaction;
}

absl::StatusOr<Transaction> CertificateBook::DecideIssue(const CertificateTerms& terms,
                                                         absl::string_view issued_to,
                                                         absl::Time now) const {
  Transaction transaction;
  if (IsMade(terms)) return transaction;
  HEDDLE_RETURN_IF_ERROR(CheckRoom(terms.principal, now));
  PutNew(terms, std::string(issued_to), &transaction);
  return transaction;
}

void CertificateBook::AddRevocation(IssuedCertificate certificate, absl::Time now,
                                    Transaction* transaction) const {
  certificate.revoked = now;
  Put(CertificateKey(certificate.serial), certificate.modified, EncodeCertificate(certificate),
      transaction);
}

absl::StatusOr<Transaction> CertificateBook::DecideRevokeSerial(absl::string_view serial,
                                                                absl::Time now) const {
  Transaction transaction;
  if (!IsSerial(serial)) {
    return absl::InvalidArgumentError(
        "a certificate's serial is up to 40 lower-case hexadecimal digits without leading zeros, "
        "as `heddlectl cert list` shows it");
  }
  if (const IssuedCertificate* known = Find(serial)) {
    if (!known->is_revoked()) AddRevocation(*known, now, &transaction);
    return transaction;
  }
  IssuedCertificate unknown;
  unknown.serial = std::string(serial);
  unknown.not_before = now;
  unknown.not_after = now + kKeepUnknownRevoked;
  const auto unreadable = unreadable_certificates_.find(serial);
  if (unreadable != unreadable_certificates_.end()) unknown.modified = unreadable->second;
  AddRevocation(std::move(unknown), now, &transaction);
  return transaction;
}

absl::StatusOr<Transaction> CertificateBook::DecideRevokeAll(const identity::Principal& principal,
                                                             absl::Time now) const {
  Transaction transaction;
  EachLasting(principal, now, [&](const IssuedCertificate& certificate) {
    if (!certificate.is_revoked()) AddRevocation(certificate, now, &transaction);
    return transaction.writes.size() < storage::Limits().max_writes;
  });
  if (!transaction.writes.empty()) return transaction;
  return absl::NotFoundError(absl::StrCat("'", identity::ToString(principal),
                                          "' has no valid certificate that is known here; see "
                                          "`heddlectl cert list`, or revoke one by its serial"));
}

Transaction CertificateBook::DecideForget(absl::Time now) const {
  Transaction transaction;
  const std::size_t room = storage::Limits().max_writes;
  for (const auto& [end, serial] : by_end_) {
    if (end + kKeepAfterEnd > now || transaction.writes.size() == room) break;
    Delete(CertificateKey(serial), certificates_.at(serial).modified, &transaction);
  }
  for (const auto& [id, token] : tokens_) {
    if (transaction.writes.size() == room) break;
    if (token.expires + kKeepAfterEnd <= now) Delete(TokenKey(id), token.modified, &transaction);
  }
  return transaction;
}

}  // namespace heddle::controller
