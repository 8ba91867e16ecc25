#include "identity/private_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "identity/certificate.h"
#include "identity/test_x509.h"

namespace heddle::identity {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PrivateKeyTest, GoesThroughPem) {
  auto key = PrivateKey::Generate();
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string pem = key->ToPem();
  EXPECT_TRUE(absl::StartsWith(pem, "-----BEGIN PRIVATE KEY-----\n"));
  const auto again = PrivateKey::Parse(absl::StrCat("words\n", pem));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->key_digest(), key->key_digest());
  EXPECT_EQ(key->key_digest().size(), 32u);
  EXPECT_NE(PrivateKey::Generate()->key_digest(), key->key_digest());
}

TEST(PrivateKeyTest, KeysOfOnesOwnPkiWillDo) {
  EXPECT_TRUE(PrivateKey::Parse(MakeRsaKey(2048)).ok());
  EXPECT_TRUE(PrivateKey::Parse(MakeEcKey("P-384")).ok());
  EXPECT_TRUE(PrivateKey::Parse(MakeEcKey("P-521")).ok());
}

TEST(PrivateKeyTest, WeakOnesAreRefused) {
  for (const std::string& pem :
       {MakeRsaKey(1024), MakeEcKey("P-224"), MakeEcKey("secp256k1"), MakeEd25519Key()}) {
    const auto refused = PrivateKey::Parse(pem);
    EXPECT_EQ(refused.status().code(), kInvalid);
    EXPECT_TRUE(absl::StrContains(refused.status().message(), "is asked for"));
  }
}

TEST(PrivateKeyTest, RefusalsNeverQuoteTheKey) {
  const std::string pem = PrivateKey::Generate()->ToPem();
  const std::string secret = pem.substr(40, 40);
  for (std::size_t length = 0; length + 28 < pem.size(); length += 5) {
    const auto refused = PrivateKey::Parse(pem.substr(0, length));
    EXPECT_EQ(refused.status().code(), kInvalid) << length;
    EXPECT_FALSE(absl::StrContains(refused.status().message(), secret));
  }
  EXPECT_EQ(PrivateKey::Parse(pem + std::string(kMaxPemBytes, '\n')).status().code(), kInvalid);
}

TEST(PrivateKeyTest, APassPhraseIsNotAskedFor) {
  // What `openssl pkcs8 -topk8` writes begins so; asking on a terminal would block for ever.
  const auto refused = PrivateKey::Parse(
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_EQ(refused.status().code(), kInvalid);
}

TEST(PrivateKeyTest, NoErrorIsLeftInTheQueue) {
  ASSERT_FALSE(PrivateKey::Parse("nothing").ok());
  ASSERT_FALSE(ParseCertificate("nothing").ok());
  ASSERT_FALSE(CheckCertificateRequest("nothing").ok());
  ASSERT_TRUE(ParseRoots("nothing").ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(CertificateRequestTest, ProvesTheKey) {
  const auto key = PrivateKey::Generate();
  const auto request = MakeCertificateRequest(*key, {Role::kNode, std::string(253, 'a')});
  ASSERT_TRUE(request.ok()) << request.status();
  const auto requested = CheckCertificateRequest(*request);
  ASSERT_TRUE(requested.ok()) << requested.status();
  EXPECT_EQ(requested->key_digest, key->key_digest());
  EXPECT_FALSE(requested->public_key_der.empty());
}

TEST(CertificateRequestTest, AnotherKeysSignatureIsRefused) {
  const std::string key = MakeEcKey("P-256");
  EXPECT_TRUE(CheckCertificateRequest(MakeRequest(key, key)).ok());
  const auto refused = CheckCertificateRequest(MakeRequest(key, MakeEcKey("P-256")));
  EXPECT_EQ(refused.status().code(), kInvalid);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "not signed with its own key"));
}

TEST(CertificateRequestTest, WeakKeysAreRefused) {
  for (const std::string& key : {MakeRsaKey(1024), MakeEcKey("P-224"), MakeEd25519Key()}) {
    EXPECT_EQ(CheckCertificateRequest(MakeRequest(key, key)).status().code(), kInvalid);
  }
}

TEST(CertificateRequestTest, HostileTextIsRefusedWhole) {
  const std::string good =
      MakeCertificateRequest(*PrivateKey::Generate(), {Role::kNode, "h1"}).value();
  for (std::size_t length = 0; length + 36 < good.size(); length += 5) {
    EXPECT_EQ(CheckCertificateRequest(good.substr(0, length)).status().code(), kInvalid) << length;
  }
  // Everything inside is signed, so that any change must be found.
  for (std::size_t at = 40; at + 40 < good.size(); at += 3) {
    std::string changed = good;
    if (changed[at] == '\n') continue;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(CheckCertificateRequest(changed).status().code(), kInvalid) << at;
  }
  EXPECT_EQ(CheckCertificateRequest(good + std::string(kMaxPemBytes, ' ')).status().code(),
            kInvalid);
}

}  // namespace
}  // namespace heddle::identity
