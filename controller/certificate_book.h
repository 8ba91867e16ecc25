// The certificates that the cluster issued or revoked, and the tokens that new nodes join with.
//
// Pure, and in two halves as LeaseBook: Decide* answer with a transaction to commit and change
// nothing; Apply takes what was committed. The same feed gives the same book on every replica. Keys
// and signatures are not made here: identity/ has them.
//
// Safety does not rest on who decides, nor on how old the book is: every transaction guards the
// serial it makes with kAbsent and every record it looked at with kModifiedAt, so a token is never
// used more often than it says. That a node id has one key only, which no single record says, rests
// on the caller: changes of one principal are decided one after the other, by the leader.
//
// Not thread-safe: the writer's thread owns it. Time is an argument.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/principal.h"
#include "storage/store.h"

namespace heddle::controller {

struct IssuedCertificate {
  std::string serial;             // as identity::Certificate has it
  identity::Principal principal;  // no name: revoked by serial, and not issued here
  absl::Time not_before, not_after;
  std::string key_digest, issuer;  // as identity::Certificate
  std::string issued_to;           // on whose word: "ticket 0123456789abcdef", "admin/alice"
  absl::Time revoked = absl::InfiniteFuture();
  storage::Revision modified = 0;

  bool is_revoked() const { return revoked != absl::InfiniteFuture(); }

  friend bool operator==(const IssuedCertificate& a, const IssuedCertificate& b) {
    return a.serial == b.serial && a.principal == b.principal && a.not_before == b.not_before &&
           a.not_after == b.not_after && a.key_digest == b.key_digest && a.issuer == b.issuer &&
           a.issued_to == b.issued_to && a.revoked == b.revoked && a.modified == b.modified;
  }
};

struct JoinToken {
  std::string id;
  std::string secret_digest;
  absl::Time created, expires;
  std::uint32_t uses_left = 0, uses = 0;
  std::string node_id;               // empty: for any
  std::string created_by;            // "admin/alice"
  std::vector<std::string> used_by;  // the key digest of each use
  storage::Revision modified = 0;

  friend bool operator==(const JoinToken& a, const JoinToken& b) {
    return a.id == b.id && a.secret_digest == b.secret_digest && a.created == b.created &&
           a.expires == b.expires && a.uses_left == b.uses_left && a.uses == b.uses &&
           a.node_id == b.node_id && a.created_by == b.created_by && a.used_by == b.used_by &&
           a.modified == b.modified;
  }
};

// A certificate to be, before it is signed: committed first, so that none is out that no replica
// knows of.
struct CertificateTerms {
  std::string serial;
  identity::Principal principal;
  absl::Time not_before, not_after;
  std::string key_digest, issuer;
};

// What a node shows for its first certificate.
struct JoinProof {
  std::string token_id;
  std::string secret_digest;
};

struct CertificateChanges {
  std::vector<std::string> revoked;   // serials that were not before
  std::vector<std::string> problems;  // records that could not be read
};

// A record that cannot be read is not believed: such a certificate counts as revoked, and such a
// token is none.
class CertificateBook {
 public:
  // ---- What is ----
  const IssuedCertificate* Find(absl::string_view serial) const;
  bool IsRevoked(absl::string_view serial) const;
  std::vector<std::string> RevokedSerials() const;
  // The unrevoked one of that principal that lasts longest, or null.
  const IssuedCertificate* Newest(const identity::Principal& principal) const;
  const absl::btree_map<std::string, IssuedCertificate>& certificates() const {
    return certificates_;
  }
  const absl::btree_map<std::string, JoinToken>& tokens() const { return tokens_; }

  // ---- What to commit; a transaction without writes: it is so already ----
  // ResourceExhausted: kMaxTokens could still be used when that one is created.
  absl::StatusOr<storage::Transaction> DecideCreateToken(const JoinToken& token) const;
  // NotFound.
  absl::StatusOr<storage::Transaction> DecideDeleteToken(absl::string_view id) const;
  // A node's first certificate, on a token's word. PermissionDenied (`why_denied` says which
  // refusal it is, for the audit log and not for the caller): no such token, another secret, it is
  // over, used up or for another node; the key's certificate was revoked; or one of the node's was,
  // and the token is not bound to that node or not younger than that. AlreadyExists: another key
  // has a valid certificate for that node, and the token is not bound to it. ResourceExhausted: the
  // node has kMaxValid. A key that this token made that node with is not counted again.
  absl::StatusOr<storage::Transaction> DecideJoin(const JoinProof& proof,
                                                  const CertificateTerms& terms, absl::Time now,
                                                  std::string* why_denied) const;
  // Another one for who has proven `present_serial`, which need not be known here.
  // PermissionDenied: that is revoked. ResourceExhausted: as above.
  absl::StatusOr<storage::Transaction> DecideRenew(absl::string_view present_serial,
                                                   const CertificateTerms& terms,
                                                   absl::Time now) const;
  // On an administrator's word. ResourceExhausted: as above.
  absl::StatusOr<storage::Transaction> DecideIssue(const CertificateTerms& terms,
                                                   absl::string_view issued_to,
                                                   absl::Time now) const;
  // One by its serial, known here or not (then it is kept as revoked for ten years); or all that a
  // principal has. InvalidArgument: no serial. NotFound: the principal has none that is valid.
  absl::StatusOr<storage::Transaction> DecideRevokeSerial(absl::string_view serial,
                                                          absl::Time now) const;
  absl::StatusOr<storage::Transaction> DecideRevokeAll(const identity::Principal& principal,
                                                       absl::Time now) const;
  // Forgets tokens and certificates a day after their time, as many as fit.
  storage::Transaction DecideForget(absl::Time now) const;

  // ---- What was committed ----
  CertificateChanges Apply(const std::vector<storage::Change>& changes);

  // Checks that what is kept to find things quickly agrees with what there is. For tests. Internal.
  absl::Status CheckInvariants() const;

  static constexpr std::size_t kMaxTokens = 1000;
  static constexpr std::uint32_t kMaxUses = 1000;  // of one token
  static constexpr std::size_t kMaxValid = 32;     // certificates of one principal

 private:
  using ByEnd = absl::btree_set<std::pair<absl::Time, std::string>>;  // end, serial

  // Calls `visit` for those of the principal that have not ended, the longest lasting first, until
  // it says false.
  template <typename Visit>
  void EachLasting(const identity::Principal& principal, absl::Time now, Visit visit) const;
  absl::Status CheckRoom(const identity::Principal& principal, absl::Time now) const;
  absl::Status CheckToken(const JoinToken* token, const JoinProof& proof,
                          const std::string& node_id, absl::Time now,
                          std::string* why_denied) const;
  absl::Status CheckKey(const JoinToken& token, const CertificateTerms& terms, absl::Time now,
                        std::string* why_denied) const;
  absl::Status CheckReturn(const JoinToken& token, const identity::Principal& principal,
                           std::string* why_denied) const;
  bool IsRepeat(const JoinToken& token, const CertificateTerms& terms) const;
  bool IsMade(const CertificateTerms& terms) const;
  void AddRevocation(IssuedCertificate certificate, absl::Time now,
                     storage::Transaction* transaction) const;

  void ApplyCertificate(const storage::Change& change, CertificateChanges* changes);
  void ApplyToken(const storage::Change& change, CertificateChanges* changes);
  void RemoveCertificate(const std::string& serial);

  absl::btree_map<std::string, IssuedCertificate> certificates_;  // by serial
  absl::btree_map<std::string, JoinToken> tokens_;                // by id
  absl::flat_hash_map<identity::Principal, ByEnd> of_principal_;
  ByEnd by_end_;
  absl::flat_hash_map<std::string, storage::Revision> unreadable_certificates_;  // -> modified
  absl::flat_hash_map<std::string, storage::Revision> unreadable_tokens_;
};

}  // namespace heddle::controller
