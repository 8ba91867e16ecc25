// Books on a TestStore, with the short words that their tests are written in.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controller/certificate_book.h"
#include "controller/lease_book_test_store.h"
#include "identity/ticket.h"

namespace heddle::controller {

inline identity::Principal NodePrincipal(const std::string& node_id) {
  return {identity::Role::kNode, node_id};
}

class CertificateBench {
 public:
  // "" when it was committed, "no change" when there was nothing to, "guard" when it failed there,
  // or the error's code.
  std::string Run(const absl::StatusOr<storage::Transaction>& transaction) {
    if (!transaction.ok()) return absl::StatusCodeToString(transaction.status().code());
    if (transaction->writes.empty()) return "no change";
    const auto changes = store.Commit(*transaction);
    if (!changes) return "guard";
    Feed(*changes);
    return "";
  }
  void Inject(const std::string& key, const std::string& value) {
    storage::Transaction transaction;
    transaction.writes.push_back({storage::Write::Kind::kPut, key, value});
    Feed(*store.Commit(transaction));
  }

  // A token of that many uses whose secret is its id.
  JoinToken MakeToken(int number, std::uint32_t uses = 1, std::string node_id = "") const {
    JoinToken token;
    token.id = absl::StrCat(absl::Hex(number, absl::kZeroPad16));
    token.secret_digest = identity::SecretDigest(token.id);
    token.created = now;
    token.expires = now + absl::Hours(1);
    token.uses_left = token.uses = uses;
    token.node_id = std::move(node_id);
    token.created_by = "admin/alice";
    return token;
  }
  std::string CreateToken(const JoinToken& token) { return Run(book.DecideCreateToken(token)); }

  CertificateTerms Terms(const identity::Principal& principal, int key) {
    CertificateTerms terms;
    terms.serial = absl::StrCat("c", absl::Hex(++serials));
    terms.principal = principal;
    terms.not_before = now - absl::Minutes(1);
    terms.not_after = now + lifetime;
    terms.key_digest = KeyDigest(key);
    terms.issuer = "0123456789abcdef";
    return terms;
  }
  static std::string KeyDigest(int key) { return identity::SecretDigest(absl::StrCat("key", key)); }

  std::string Join(const JoinToken& token, const std::string& node_id, int key) {
    why_denied.clear();
    return Run(book.DecideJoin({token.id, identity::SecretDigest(token.id)},
                               Terms(NodePrincipal(node_id), key), now, &why_denied));
  }
  std::string Renew(const std::string& present, const std::string& node_id, int key) {
    return Run(book.DecideRenew(present, Terms(NodePrincipal(node_id), key), now));
  }

  absl::Time now = absl::FromUnixSeconds(1700000000);
  absl::Duration lifetime = absl::Hours(720);
  int serials = 0;
  std::string why_denied;
  TestStore store;
  CertificateBook book;
  std::vector<std::string> revoked, problems;  // all so far

 private:
  void Feed(const std::vector<storage::Change>& changes) {
    const CertificateChanges told = book.Apply(changes);
    revoked.insert(revoked.end(), told.revoked.begin(), told.revoked.end());
    problems.insert(problems.end(), told.problems.begin(), told.problems.end());
    const absl::Status status = book.CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
  }
};

}  // namespace heddle::controller
