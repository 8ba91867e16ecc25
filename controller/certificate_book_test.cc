#include "controller/certificate_book.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "controller/certificate_bench.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

class CertificateBookTest : public ::testing::Test {
 protected:
  std::string Newest(const std::string& node_id) {
    const IssuedCertificate* newest = bench_.book.Newest(NodePrincipal(node_id));
    return newest == nullptr ? "none" : newest->serial;
  }
  std::string RevokeAll(const std::string& node_id) {
    return bench_.Run(bench_.book.DecideRevokeAll(NodePrincipal(node_id), bench_.now));
  }
  std::string RevokeSerial(const std::string& serial) {
    return bench_.Run(bench_.book.DecideRevokeSerial(serial, bench_.now));
  }
  const JoinToken& Token(const JoinToken& token) { return bench_.book.tokens().at(token.id); }

  CertificateBench bench_;
};

TEST_F(CertificateBookTest, ATicketMakesANodeOnce) {
  const JoinToken token = bench_.MakeToken(1);
  EXPECT_EQ(bench_.CreateToken(token), "");
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  EXPECT_EQ(Newest("h1"), "c1");
  const IssuedCertificate* certificate = bench_.book.Find("c1");
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(certificate->issued_to, "ticket 0000000000000001");
  EXPECT_EQ(certificate->not_after, bench_.now + bench_.lifetime);
  EXPECT_EQ(certificate->key_digest, CertificateBench::KeyDigest(1));
  EXPECT_EQ(Token(token).uses_left, 0u);

  EXPECT_EQ(bench_.Join(token, "h2", 2), "PERMISSION_DENIED");
  EXPECT_EQ(bench_.why_denied, "the token is used up");
}

TEST_F(CertificateBookTest, WhoAsksAgainIsAnsweredAndNotCounted) {
  const JoinToken token = bench_.MakeToken(1, 2);
  bench_.CreateToken(token);
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  EXPECT_EQ(Token(token).uses_left, 1u);
  EXPECT_EQ(bench_.Join(token, "h2", 2), "");
  EXPECT_EQ(bench_.Join(token, "h1", 1), "") << "though it is used up";
}

TEST_F(CertificateBookTest, OneUseIsNotManyNodesOfOneKey) {
  const JoinToken token = bench_.MakeToken(1);
  bench_.CreateToken(token);
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  EXPECT_EQ(bench_.Join(token, "h2", 1), "PERMISSION_DENIED");
  EXPECT_EQ(bench_.why_denied, "the token is used up");
}

TEST_F(CertificateBookTest, EachRefusalIsTheSameToTheCallerAndNamedForTheAudit) {
  const JoinToken token = bench_.MakeToken(1, 9), bound = bench_.MakeToken(2, 9, "h9");
  bench_.CreateToken(token);
  bench_.CreateToken(bound);
  const auto denied = [&](const JoinProof& proof, const std::string& node_id) {
    bench_.why_denied.clear();
    const auto decision = bench_.book.DecideJoin(proof, bench_.Terms(NodePrincipal(node_id), 1),
                                                 bench_.now, &bench_.why_denied);
    EXPECT_TRUE(absl::IsPermissionDenied(decision.status())) << decision.status();
    return std::string(decision.status().message());
  };
  const std::string unknown = denied({"00000000000000ff", token.secret_digest}, "h1");
  EXPECT_EQ(bench_.why_denied, "there is no such token");
  EXPECT_EQ(denied({token.id, bound.secret_digest}, "h1"), unknown);
  EXPECT_EQ(bench_.why_denied, "the secret is not that token's");
  EXPECT_EQ(denied({token.id, ""}, "h1"), unknown);
  EXPECT_EQ(denied({bound.id, bound.secret_digest}, "h1"), unknown);
  EXPECT_EQ(bench_.why_denied, "the token is for node 'h9' only");
  bench_.now += absl::Hours(1);
  EXPECT_EQ(denied({token.id, token.secret_digest}, "h1"), unknown);
  EXPECT_TRUE(absl::StartsWith(bench_.why_denied, "the token expired at ")) << bench_.why_denied;
}

TEST_F(CertificateBookTest, AnotherKeyTakesANodesPlaceOnlyWithATicketForThatNode) {
  const JoinToken token = bench_.MakeToken(1, 9), bound = bench_.MakeToken(2, 1, "h1");
  bench_.CreateToken(token);
  bench_.CreateToken(bound);
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  EXPECT_EQ(bench_.Join(token, "h1", 2), "ALREADY_EXISTS");
  EXPECT_EQ(Token(token).uses_left, 8u) << "a refusal is no use";
  EXPECT_EQ(bench_.Join(bound, "h1", 2), "");
}

// Whoever took the host over may have seen any ticket of before.
TEST_F(CertificateBookTest, ARevokedNodeComesBackOnlyWithALaterTicketForItAlone) {
  const JoinToken open = bench_.MakeToken(1, 9), before = bench_.MakeToken(2, 9, "h1");
  bench_.CreateToken(open);
  bench_.CreateToken(before);
  EXPECT_EQ(bench_.Join(open, "h1", 1), "");
  bench_.now += absl::Minutes(1);
  EXPECT_EQ(RevokeAll("h1"), "");
  bench_.now += absl::Minutes(1);
  const JoinToken later = bench_.MakeToken(3, 9), back = bench_.MakeToken(4, 1, "h1");
  bench_.CreateToken(later);
  bench_.CreateToken(back);
  for (const JoinToken* token : {&open, &before, &later}) {
    EXPECT_EQ(bench_.Join(*token, "h1", 2), "PERMISSION_DENIED");
    EXPECT_TRUE(absl::StrContains(bench_.why_denied, "c1 of node 'h1' was revoked"))
        << bench_.why_denied;
  }
  EXPECT_EQ(bench_.Join(open, "h2", 3), "") << "it is about that node alone";
  EXPECT_EQ(bench_.Join(back, "h1", 2), "");
  EXPECT_EQ(bench_.Join(back, "h1", 2), "") << "again, as when the answer was lost";
  EXPECT_EQ(bench_.Join(later, "h1", 4), "ALREADY_EXISTS");
  bench_.now += absl::Minutes(1);
  EXPECT_EQ(RevokeAll("h1"), "");
  EXPECT_EQ(bench_.Join(back, "h1", 5), "PERMISSION_DENIED");
}

TEST_F(CertificateBookTest, AfterItsEndANodeIdIsFree) {
  bench_.lifetime = absl::Minutes(10);
  const JoinToken token = bench_.MakeToken(1, 9);
  bench_.CreateToken(token);
  EXPECT_EQ(bench_.Join(token, "h1", 1), "");
  bench_.now += absl::Minutes(10);
  EXPECT_EQ(bench_.Join(token, "h1", 2), "");
}

TEST_F(CertificateBookTest, ARevokedKeyDoesNotComeBack) {
  const JoinToken token = bench_.MakeToken(1, 9), bound = bench_.MakeToken(2, 9, "h1");
  bench_.CreateToken(token);
  bench_.CreateToken(bound);
  bench_.Join(token, "h1", 1);
  EXPECT_EQ(RevokeAll("h1"), "");
  EXPECT_EQ(bench_.revoked, std::vector<std::string>{"c1"});
  EXPECT_EQ(bench_.Join(token, "h1", 1), "PERMISSION_DENIED");
  EXPECT_EQ(bench_.why_denied, "a certificate of the same key, c1, was revoked");
  EXPECT_EQ(bench_.Join(bound, "h1", 1), "PERMISSION_DENIED");
  EXPECT_EQ(bench_.Renew("c1", "h1", 1), "PERMISSION_DENIED");
  EXPECT_EQ(Newest("h1"), "none");
}

TEST_F(CertificateBookTest, RenewalsFollowOneAnother) {
  bench_.Run(bench_.book.DecideIssue(bench_.Terms(NodePrincipal("h1"), 1), "admin/a", bench_.now));
  bench_.now += absl::Hours(480);
  EXPECT_EQ(bench_.Renew("c1", "h1", 2), "");
  EXPECT_EQ(Newest("h1"), "c2");
  EXPECT_EQ(bench_.book.Find("c2")->issued_to, "renewal");
  EXPECT_EQ(bench_.Renew("f00", "h1", 2), "") << "of a time before a restore";
  EXPECT_EQ(RevokeSerial("c3"), "");
  EXPECT_EQ(Newest("h1"), "c2");
  EXPECT_EQ(RevokeSerial("f00"), "");
  EXPECT_EQ(bench_.Renew("f00", "h1", 2), "PERMISSION_DENIED");
}

TEST_F(CertificateBookTest, ARenewalLosesToARevocationThatItDidNotSee) {
  for (const std::string present : {"c1", "f00"}) {
    bench_.Run(
        bench_.book.DecideIssue(bench_.Terms(NodePrincipal("h1"), 1), "admin/a", bench_.now));
    const auto renewal =
        bench_.book.DecideRenew(present, bench_.Terms(NodePrincipal("h1"), 1), bench_.now);
    EXPECT_EQ(RevokeSerial(present), "");
    EXPECT_EQ(bench_.Run(renewal), "guard");
  }
}

TEST_F(CertificateBookTest, ACommandThatIsMadeAgainChangesNothing) {
  const JoinToken token = bench_.MakeToken(1, 2);
  bench_.CreateToken(token);
  EXPECT_EQ(bench_.CreateToken(token), "no change");
  std::string why;
  const JoinProof proof{token.id, token.secret_digest};
  const CertificateTerms terms = bench_.Terms(NodePrincipal("h1"), 1);
  EXPECT_EQ(bench_.Run(bench_.book.DecideJoin(proof, terms, bench_.now, &why)), "");
  EXPECT_EQ(bench_.Run(bench_.book.DecideJoin(proof, terms, bench_.now, &why)), "no change");
  const CertificateTerms next = bench_.Terms(NodePrincipal("h1"), 1);
  EXPECT_EQ(bench_.Run(bench_.book.DecideRenew(terms.serial, next, bench_.now)), "");
  EXPECT_EQ(bench_.Run(bench_.book.DecideRenew(terms.serial, next, bench_.now)), "no change");
  EXPECT_EQ(bench_.Run(bench_.book.DecideIssue(next, "x", bench_.now)), "no change");
  EXPECT_EQ(RevokeSerial(next.serial), "");
  EXPECT_EQ(RevokeSerial(next.serial), "no change");
}

TEST_F(CertificateBookTest, ASerialThatIsNotKnownIsKeptAsRevokedForLong) {
  EXPECT_EQ(RevokeSerial("abc123"), "");
  EXPECT_TRUE(bench_.book.IsRevoked("abc123"));
  EXPECT_EQ(bench_.revoked, std::vector<std::string>{"abc123"});
  EXPECT_EQ(bench_.book.RevokedSerials(), bench_.revoked);
  bench_.now += absl::Hours(24 * 3640);
  EXPECT_EQ(bench_.Run(bench_.book.DecideForget(bench_.now)), "no change");
  for (const char* wrong : {"", "ABC", "0abc", "xyz", "../config"}) {
    EXPECT_EQ(RevokeSerial(wrong), "INVALID_ARGUMENT") << wrong;
  }
  EXPECT_EQ(RevokeSerial(std::string(41, 'a')), "INVALID_ARGUMENT");
  EXPECT_EQ(RevokeAll("h1"), "NOT_FOUND");
}

TEST_F(CertificateBookTest, WhoAsksWithoutEndIsRefused) {
  for (std::size_t i = 0; i < CertificateBook::kMaxValid; ++i) {
    ASSERT_EQ(bench_.Renew("f00", "h1", 1), "");
  }
  EXPECT_EQ(bench_.Renew("f00", "h1", 1), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(bench_.Renew("f00", "h2", 1), "");
  EXPECT_EQ(RevokeAll("h1"), "") << "all of them in one transaction";
  EXPECT_EQ(bench_.revoked.size(), CertificateBook::kMaxValid);
  EXPECT_EQ(Newest("h1"), "none");
  EXPECT_EQ(bench_.Renew("f00", "h1", 1), "");
}

TEST_F(CertificateBookTest, OpenTokensAreBounded) {
  for (std::size_t i = 0; i < CertificateBook::kMaxTokens; ++i) {
    ASSERT_EQ(bench_.CreateToken(bench_.MakeToken(static_cast<int>(i))), "");
  }
  EXPECT_EQ(bench_.CreateToken(bench_.MakeToken(5000)), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(bench_.Run(bench_.book.DecideDeleteToken(bench_.MakeToken(3).id)), "");
  EXPECT_EQ(bench_.CreateToken(bench_.MakeToken(5000)), "");
  EXPECT_EQ(bench_.Run(bench_.book.DecideDeleteToken(bench_.MakeToken(3).id)), "NOT_FOUND");
  bench_.now += absl::Hours(1);
  EXPECT_EQ(bench_.CreateToken(bench_.MakeToken(5001)), "") << "the others have expired";
}

TEST_F(CertificateBookTest, WhatIsOverIsForgottenADayLater) {
  for (int i = 0; i < 100; ++i) bench_.Renew("f00", absl::StrCat("h", i), i);
  bench_.CreateToken(bench_.MakeToken(1));
  bench_.now += absl::Hours(25);
  EXPECT_EQ(bench_.Run(bench_.book.DecideForget(bench_.now)), "");
  EXPECT_TRUE(bench_.book.tokens().empty());
  EXPECT_EQ(bench_.book.certificates().size(), 100u);
  bench_.now += bench_.lifetime;
  EXPECT_EQ(bench_.Run(bench_.book.DecideForget(bench_.now)), "");
  EXPECT_EQ(bench_.book.certificates().size(), 36u) << "as many as a transaction takes";
  EXPECT_EQ(bench_.Run(bench_.book.DecideForget(bench_.now)), "");
  EXPECT_TRUE(bench_.store.records().empty());
  EXPECT_EQ(bench_.Run(bench_.book.DecideForget(bench_.now)), "no change");
}

TEST_F(CertificateBookTest, WhatCannotBeReadIsReportedAndNotBelieved) {
  const JoinToken token = bench_.MakeToken(1);
  bench_.CreateToken(token);
  bench_.Renew("f00", "h1", 1);
  EXPECT_TRUE(bench_.problems.empty());
  bench_.Inject(CertificateKey("c1"), "\xff");
  EXPECT_TRUE(bench_.book.IsRevoked("c1"));
  EXPECT_EQ(bench_.revoked, std::vector<std::string>{"c1"});
  EXPECT_EQ(bench_.book.RevokedSerials(), bench_.revoked);
  EXPECT_EQ(Newest("h1"), "none");
  EXPECT_EQ(bench_.Renew("c1", "h1", 1), "PERMISSION_DENIED");
  bench_.Inject(TokenKey(token.id), "\xff");
  EXPECT_EQ(bench_.Join(token, "h2", 2), "PERMISSION_DENIED");
  bench_.Inject(std::string(kCertificatePrefix) + "XYZ", "");
  bench_.Inject(std::string(kTokenPrefix) + "1", "");
  bench_.Inject(CertificateKey("d1"), "");  // nobody's, and not revoked
  ASSERT_EQ(bench_.problems.size(), 5u);
  EXPECT_EQ(bench_.problems[0],
            "the record net/_/cert/c1 (revision 3) cannot be read and counts as revoked: the value "
            "is not a record of its kind");

  EXPECT_EQ(RevokeSerial("c1"), "") << "an administrator can write over it";
  EXPECT_EQ(bench_.Run(bench_.book.DecideDeleteToken(token.id)), "");
  EXPECT_EQ(bench_.revoked, (std::vector<std::string>{"c1", "d1"})) << "c1 was already";
}

}  // namespace
}  // namespace heddle::controller
