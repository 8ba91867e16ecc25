// The certificates that the cluster issued or revoked, and the tokens that new nodes join with.
// Pure: the same feed gives the same book on every replica. What to commit is decided here; keys
// and signatures are not: identity/ has them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
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
  std::string serial;  // as identity::Certificate has it
  identity::Principal principal;
  absl::Time not_before, not_after;
  std::string key_digest, issuer;  // empty: revoked by serial, and not issued here
  std::string issued_to;           // on whose word
  absl::Time revoked = absl::InfiniteFuture();
  storage::Revision modified = 0;

  bool is_revoked() const { return revoked != absl::InfiniteFuture(); }
};

struct JoinToken {
  std::string id;
  std::string secret_digest;
  absl::Time created, expires;
  std::uint32_t uses_left = 0, uses = 0;
  std::string node_id;               // empty: for any
  std::string created_by;            // "admin/alice"
  std::vector<std::string> used_by;  // key digests
  storage::Revision modified = 0;
};

// A certificate to be, before it is signed: committed first, so that none is out that no replica
// knows of.
struct CertificateTerms {
  std::string serial;
  identity::Principal principal;
  absl::Time not_before, not_after;
  std::string key_digest, issuer;
};

class CertificateBook {
 public:
  // ---- What is ----
  const IssuedCertificate* Find(absl::string_view serial) const;
  bool IsRevoked(absl::string_view serial) const;
  // The unrevoked one of that principal that lasts longest, or null.
  const IssuedCertificate* Newest(const identity::Principal& principal) const;
  const absl::btree_map<std::string, IssuedCertificate>& certificates() const {
    return certificates_;
  }
  const absl::btree_map<std::string, JoinToken>& tokens() const { return tokens_; }

  // ---- What to commit; a transaction without writes: it is so already ----
  // ResourceExhausted: more than kMaxTokens are open.
  absl::StatusOr<storage::Transaction> DecideCreateToken(const JoinToken& token) const;
  // NotFound.
  absl::StatusOr<storage::Transaction> DecideDeleteToken(absl::string_view id) const;
  // A node's first certificate, on a token's word. PermissionDenied (`why_denied` says which
  // refusal it is, for the audit log and not for the caller): no such token, another secret, it is
  // over, used up or for another node. AlreadyExists: another key has a valid certificate for that
  // node, and the token is not bound to it. A key that has used this token before is not counted.
  absl::StatusOr<storage::Transaction> DecideJoin(absl::string_view token_id,
                                                  absl::string_view secret_digest,
                                                  const CertificateTerms& terms, absl::Time now,
                                                  std::string* why_denied) const;
  // Another one for who has proven `present_serial`. PermissionDenied: that is revoked.
  absl::StatusOr<storage::Transaction> DecideRenew(absl::string_view present_serial,
                                                   const CertificateTerms& terms,
                                                   absl::Time now) const;
  // On an administrator's word. AlreadyExists: the serial is known.
  absl::StatusOr<storage::Transaction> DecideIssue(const CertificateTerms& terms,
                                                   absl::string_view issued_to) const;
  // One by its serial, known here or not (then it is kept as revoked for ten years); or all that a
  // principal has. NotFound: the principal has none that is valid.
  absl::StatusOr<storage::Transaction> DecideRevokeSerial(absl::string_view serial,
                                                          absl::Time now) const;
  absl::StatusOr<storage::Transaction> DecideRevokeAll(const identity::Principal& principal,
                                                       absl::Time now) const;
  // Forgets tokens and certificates a day after their time, a bounded number at once.
  storage::Transaction DecideForget(absl::Time now) const;

  // ---- What was committed ----
  // The serials that are revoked since, for streams to be ended.
  std::vector<std::string> Apply(storage::Revision revision,
                                 const std::vector<storage::Change>& changes);

  static constexpr std::size_t kMaxTokens = 1000;

 private:
  absl::btree_map<std::string, IssuedCertificate> certificates_;  // by serial
  absl::btree_map<std::string, JoinToken> tokens_;                // by id
  absl::flat_hash_map<identity::Principal, absl::btree_set<std::string>> serials_of_;
  absl::btree_set<std::pair<absl::Time, std::string>> by_end_;
};

}  // namespace heddle::controller
