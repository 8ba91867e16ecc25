#include "identity/authority.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "identity/openssl.h"
#include "identity/test_x509.h"

namespace heddle::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string RequestedDer(const PrivateKey& key) {
  return CheckCertificateRequest(MakeCertificateRequest(key, {Role::kNode, "x"}).value())
      ->public_key_der;
}

IssueTerms TermsFor(const Principal& principal) {
  return {principal, NewSerial(), kNow - absl::Hours(1), kNow + absl::Hours(720)};
}

// OpenSSL's own verdict, as at a TLS handshake with that purpose at `when`.
bool Verifies(const std::string& chain_pem, const std::string& root_pem, int purpose,
              absl::Time when = kNow) {
  const auto chain = ReadCertificates(chain_pem), roots = ReadCertificates(root_pem);
  STACK_OF(X509)* const rest = sk_X509_new_null();
  for (std::size_t i = 1; i < chain->size(); ++i) sk_X509_push(rest, (*chain)[i].get());
  X509_STORE* const store = X509_STORE_new();
  for (const X509Owner& root : *roots) X509_STORE_add_cert(store, root.get());
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, (*chain)[0].get(), rest);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_STORE_CTX_set_time(context, 0, absl::ToTimeT(when));
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
  const bool verified = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  sk_X509_free(rest);
  return verified;
}

TEST(AuthorityTest, AnIssuedCertificateIsWhatWasAsked) {
  const auto authority = Authority::Create(kNow, absl::Hours(87600));
  ASSERT_TRUE(authority.ok()) << authority.status();
  const auto key = PrivateKey::Generate();
  const IssueTerms terms = TermsFor({Role::kNode, std::string(253, 'h')});
  const auto pem = authority->Issue(RequestedDer(*key), terms);
  ASSERT_TRUE(pem.ok()) << pem.status();
  const auto certificate = ParseCertificate(*pem);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->principal, terms.principal);
  EXPECT_EQ(certificate->serial, terms.serial);
  EXPECT_EQ(certificate->not_before, terms.not_before);
  EXPECT_EQ(certificate->not_after, terms.not_after);
  EXPECT_EQ(certificate->key_digest, key->key_digest());
  EXPECT_EQ(certificate->issuer, authority->root().key_id);
}

TEST(AuthorityTest, OnlyAControllersCertificateServes) {
  const auto authority = Authority::Create(kNow, absl::Hours(87600));
  for (const Role role : {Role::kNode, Role::kController, Role::kAdmin, Role::kViewer}) {
    const auto pem = authority->Issue(RequestedDer(*PrivateKey::Generate()), TermsFor({role, "a"}));
    ASSERT_TRUE(pem.ok()) << pem.status();
    EXPECT_TRUE(Verifies(*pem, authority->root().pem, X509_PURPOSE_SSL_CLIENT)) << RoleName(role);
    EXPECT_EQ(Verifies(*pem, authority->root().pem, X509_PURPOSE_SSL_SERVER),
              role == Role::kController);
    const auto x509 = ReadCertificates(*pem);
    EXPECT_EQ(X509_check_host((*x509)[0].get(), kControllerServerName, 0, 0, nullptr) == 1,
              role == Role::kController);
    EXPECT_FALSE(IsRoot((*x509)[0].get()));
  }
}

TEST(AuthorityTest, AnotherRootsAndAnotherTimesDoNotVerify) {
  const auto ours = Authority::Create(kNow, absl::Hours(87600));
  const auto other = Authority::Create(kNow, absl::Hours(87600));
  const auto pem = ours->Issue(RequestedDer(*PrivateKey::Generate()), TermsFor({Role::kNode, "a"}));
  const std::string both = other->root().pem + ours->root().pem;
  EXPECT_TRUE(Verifies(*pem, both, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(Verifies(*pem, other->root().pem, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(Verifies(*pem, both, X509_PURPOSE_SSL_CLIENT, kNow + absl::Hours(721)));
  EXPECT_FALSE(Verifies(*pem, both, X509_PURPOSE_SSL_CLIENT, kNow - absl::Hours(2)));
}

TEST(AuthorityTest, ACrossSignedRootLeadsFromTheOneToTheOther) {
  const auto former = Authority::Create(kNow, absl::Hours(87600));
  const auto next = Authority::Create(kNow, absl::Hours(87600));
  const auto leaf =
      next->Issue(RequestedDer(*PrivateKey::Generate()), TermsFor({Role::kController, "c1"}));
  const auto cross = former->CrossSign(next->root());
  ASSERT_TRUE(cross.ok()) << cross.status();
  const std::string chain = *leaf + *cross;
  EXPECT_FALSE(Verifies(*leaf, former->root().pem, X509_PURPOSE_SSL_SERVER));
  EXPECT_TRUE(Verifies(chain, former->root().pem, X509_PURPOSE_SSL_SERVER));
  EXPECT_TRUE(Verifies(chain, next->root().pem, X509_PURPOSE_SSL_SERVER));
  EXPECT_TRUE(Verifies(chain, former->root().pem + next->root().pem, X509_PURPOSE_SSL_SERVER));
  // Nothing leads the other way round, and it is no root of its own.
  const auto old =
      former->Issue(RequestedDer(*PrivateKey::Generate()), TermsFor({Role::kController, "c1"}));
  EXPECT_FALSE(Verifies(*old + *cross, next->root().pem, X509_PURPOSE_SSL_SERVER));
  EXPECT_TRUE(ParseRoots(*cross)->empty());
  EXPECT_EQ(former->CrossSign({*leaf, "", kNow, kNow}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(AuthorityTest, TheRootIsBackdatedAnHour) {
  const auto authority = Authority::Create(kNow, absl::Hours(24));
  EXPECT_EQ(authority->root().not_before, kNow - absl::Hours(1));
  EXPECT_EQ(authority->root().not_after, kNow + absl::Hours(23));
}

TEST(AuthorityTest, NothingOutlivesTheRoot) {
  const auto authority = Authority::Create(kNow, absl::Hours(24));
  IssueTerms terms = TermsFor({Role::kNode, "h1"});
  const std::string der = RequestedDer(*PrivateKey::Generate());
  EXPECT_EQ(ParseCertificate(*authority->Issue(der, terms))->not_after,
            authority->root().not_after);
  terms.not_before = authority->root().not_after + absl::Seconds(1);
  EXPECT_EQ(authority->Issue(der, terms).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(AuthorityTest, WrongTermsAreRefused) {
  const auto authority = Authority::Create(kNow, absl::Hours(24));
  const std::string der = RequestedDer(*PrivateKey::Generate());
  for (const std::string& serial : {std::string(), std::string("0"), std::string("-1"),
                                    std::string("xyz"), std::string("12 "), std::string(41, '1')}) {
    IssueTerms terms = TermsFor({Role::kNode, "h1"});
    terms.serial = serial;
    EXPECT_EQ(authority->Issue(der, terms).status().code(), absl::StatusCode::kInvalidArgument)
        << serial;
  }
  for (const std::string& key : {std::string(), std::string("garbage"), der.substr(0, 20)}) {
    EXPECT_EQ(authority->Issue(key, TermsFor({Role::kNode, "h1"})).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(AuthorityTest, LoadsTheRootOfTheKey) {
  const auto first = Authority::Create(kNow, absl::Hours(24));
  const auto second = Authority::Create(kNow, absl::Hours(24));
  const std::string roots = first->root().pem + second->root().pem;
  const auto loaded = Authority::Load(roots, second->key_pem());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->root().pem, second->root().pem);
  EXPECT_EQ(Authority::Load(first->root().pem, second->key_pem()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Authority::Load(roots, "").status().code(), absl::StatusCode::kInvalidArgument);
  // A leaf is no root, even of its own key.
  const TestPair leaf = Make({});
  EXPECT_EQ(Authority::Load(leaf.certificate_pem, leaf.key_pem).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(AuthorityTest, IssuesOnManyThreads) {
  const auto authority = Authority::Create(kNow, absl::Hours(24));
  const std::string der = RequestedDer(*PrivateKey::Generate());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const Principal principal{Role::kNode, absl::StrCat("h", i, "-", j)};
        EXPECT_EQ(ParseCertificate(*authority->Issue(der, TermsFor(principal)))->principal,
                  principal);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SerialTest, NeverTheSameAndAlwaysPositive) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const std::string serial = NewSerial();
    EXPECT_TRUE(seen.insert(serial).second);
    EXPECT_NE(serial[0], '0');
    EXPECT_GE(serial.size(), 31u);
    EXPECT_LE(serial.size(), 32u);
    EXPECT_TRUE(serial.size() < 32 || serial[0] < '8');
  }
}

}  // namespace
}  // namespace heddle::identity
