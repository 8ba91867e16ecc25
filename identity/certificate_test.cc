#include "identity/certificate.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "identity/authority.h"
#include "identity/private_key.h"
#include "identity/test_x509.h"

namespace heddle::identity {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TestX509 Named(std::vector<TestName> names) {
  TestX509 wanted;
  wanted.names = std::move(names);
  return wanted;
}

// The refusal of a certificate with those names, or "".
std::string Refusal(const TestX509& wanted) {
  const auto parsed = ParseCertificate(Make(wanted).certificate_pem);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), kInvalid);
  return std::string(parsed.status().message());
}

TEST(CertificateTest, ReadsWhatTheWholeProjectNeeds) {
  TestX509 wanted = Named({{true, "https://elsewhere.example/"}, {true, "heddle://admin/alice"}});
  wanted.serial_hex = "0ABC";
  wanted.not_before = absl::FromUnixSeconds(1700000000);
  wanted.not_after = absl::FromUnixSeconds(4102444800);  // 2100
  const TestPair made = Make(wanted);
  const auto read = ParseCertificate(made.certificate_pem);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->principal, (Principal{Role::kAdmin, "alice"}));
  EXPECT_EQ(read->serial, "abc");
  EXPECT_EQ(read->not_before, wanted.not_before);
  EXPECT_EQ(read->not_after, wanted.not_after);
  EXPECT_EQ(read->key_digest, PrivateKey::Parse(made.key_pem)->key_digest());
  EXPECT_EQ(read->issuer, "");  // no authorityKeyIdentifier
}

TEST(CertificateTest, TheFirstCertificateCountsWhateverStandsAround) {
  const TestPair first = Make(Named({{true, "heddle://node/h1"}}));
  const TestPair second = Make(Named({{true, "heddle://node/h2"}}));
  const auto read = ParseCertificate(
      absl::StrCat("words\n", first.key_pem, first.certificate_pem, second.certificate_pem));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->principal.name, "h1");
}

TEST(CertificateTest, ExactlyOneUriOfOurs) {
  EXPECT_TRUE(absl::StrContains(Refusal(Named({})), "no subjectAltName"));
  EXPECT_TRUE(absl::StrContains(Refusal(Named({{false, "heddle-controller"}})), "no URI"));
  EXPECT_TRUE(absl::StrContains(Refusal(Named({{true, "https://node/h1"}})), "no URI"));
  EXPECT_TRUE(absl::StrContains(
      Refusal(Named({{true, "heddle://node/h1"}, {true, "heddle://admin/alice"}})),
      "more than one"));
  EXPECT_TRUE(absl::StrContains(
      Refusal(Named({{true, "heddle://node/h1"}, {true, "heddle://node/h1"}})), "more than one"));
  TestX509 twice = Named({{true, "heddle://node/h1"}});
  twice.second_names = true;
  EXPECT_TRUE(absl::StrContains(Refusal(twice), "or several"));
}

TEST(CertificateTest, WrongUrisAreRefused) {
  for (const std::string& uri :
       {std::string("heddle://node/h1\0.example", 25), std::string("heddle://node/\0", 15),
        std::string("heddle://root/h1"), std::string("HEDDLE://node/h1"),
        std::string("heddle:node/h1"), std::string("heddle://node/"),
        std::string("heddle://node/\xc3\xa9"), "heddle://node/" + std::string(300, 'a')}) {
    EXPECT_TRUE(absl::StrContains(Refusal(Named({{true, uri}})), "wrong URI")) << uri;
  }
}

TEST(CertificateTest, SerialsAreOfOneTo20Bytes) {
  TestX509 wanted = Named({{true, "heddle://node/h1"}});
  for (const std::string& serial :
       {std::string("0"), std::string("-1"), std::string(42, '7'), std::string(2000, '7')}) {
    wanted.serial_hex = serial;
    EXPECT_TRUE(absl::StrContains(Refusal(wanted), "serial number")) << serial;
  }
  wanted.serial_hex = std::string(40, '7');
  EXPECT_EQ(Refusal(wanted), "");
}

TEST(CertificateTest, ATermThatEndsBeforeItBeginsIsRefused) {
  TestX509 wanted = Named({{true, "heddle://node/h1"}});
  wanted.not_after = wanted.not_before - absl::Seconds(1);
  EXPECT_TRUE(absl::StrContains(Refusal(wanted), "before it begins"));
}

TEST(CertificateTest, HostileTextIsRefusedWhole) {
  const std::string good = Make(Named({{true, "heddle://node/h1"}})).certificate_pem;
  for (std::size_t length = 0; length + 30 < good.size(); length += 7) {
    EXPECT_EQ(ParseCertificate(good.substr(0, length)).status().code(), kInvalid) << length;
  }
  for (std::size_t at = 30; at + 30 < good.size(); at += 3) {
    std::string changed = good;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto read = ParseCertificate(changed);  // may still be one; never crashes
    EXPECT_TRUE(read.ok() || read.status().code() == kInvalid) << at;
  }
  EXPECT_EQ(ParseCertificate("").status().code(), kInvalid);
  EXPECT_EQ(ParseCertificate(absl::string_view("\0\xff", 2)).status().code(), kInvalid);
  EXPECT_EQ(ParseCertificate("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
                .status()
                .code(),
            kInvalid);
}

TEST(CertificateTest, ATextThatIsTooLongIsRefused) {
  const std::string good = Make(Named({{true, "heddle://node/h1"}})).certificate_pem;
  EXPECT_TRUE(ParseCertificate(good + std::string(kMaxPemBytes - good.size(), '\n')).ok());
  EXPECT_FALSE(ParseCertificate(good + std::string(kMaxPemBytes - good.size() + 1, '\n')).ok());
  EXPECT_FALSE(ParseRoots(good + std::string(kMaxPemBytes - good.size() + 1, '\n')).ok());
}

TEST(RootsTest, OnlyWhatMaySignOthersAndEachOnce) {
  const auto a = Authority::Create(absl::Now(), absl::Hours(9));
  const auto b = Authority::Create(absl::Now(), absl::Hours(9));
  ASSERT_TRUE(a.ok() && b.ok());
  const std::string leaf = Make(Named({{true, "heddle://node/h1"}})).certificate_pem;
  const auto roots = ParseRoots(
      absl::StrCat(b->key_pem(), leaf, b->root().pem, "words\n", a->root().pem, b->root().pem));
  ASSERT_TRUE(roots.ok()) << roots.status();
  ASSERT_EQ(roots->size(), 2u);
  EXPECT_EQ((*roots)[0].pem, b->root().pem);
  EXPECT_EQ((*roots)[1].key_id, a->root().key_id);
  EXPECT_EQ(a->root().key_id.size(), 16u);
  EXPECT_EQ(ParseRoots("no certificate in it").value().size(), 0u);
}

TEST(RootsTest, OneThatCannotBeReadSpoilsAll) {
  const auto a = Authority::Create(absl::Now(), absl::Hours(9));
  ASSERT_TRUE(a.ok());
  const std::string cut = a->root().pem.substr(0, a->root().pem.size() / 2);
  EXPECT_EQ(ParseRoots(absl::StrCat(a->root().pem, cut)).status().code(), kInvalid);
  EXPECT_EQ(ParseRoots(absl::StrCat(cut, a->root().pem)).status().code(), kInvalid);
}

Certificate WithTerm(absl::Time not_before, absl::Time not_after) {
  Certificate certificate;
  certificate.principal = {Role::kNode, "h1"};
  certificate.not_before = not_before;
  certificate.not_after = not_after;
  return certificate;
}

TEST(RenewAtTest, AThirdBeforeTheEndAndUpToATenthOfItEarlier) {
  const absl::Time from = absl::FromUnixSeconds(0);
  const Certificate certificate = WithTerm(from, from + absl::Hours(300));
  EXPECT_EQ(RenewAt(certificate, 0), from + absl::Hours(200));
  EXPECT_EQ(RenewAt(certificate, 1), from + absl::Hours(190));
  EXPECT_EQ(RenewAt(certificate, 0.5), from + absl::Hours(195));
}

TEST(CheckValidityTest, BothEndsAreInside) {
  const absl::Time from = absl::FromUnixSeconds(1000), to = absl::FromUnixSeconds(2000);
  const Certificate certificate = WithTerm(from, to);
  EXPECT_TRUE(CheckValidity(certificate, from).ok());
  EXPECT_TRUE(CheckValidity(certificate, to).ok());
  const absl::Status early = CheckValidity(certificate, from - absl::Seconds(1));
  const absl::Status late = CheckValidity(certificate, to + absl::Seconds(1));
  EXPECT_EQ(early.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(late.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_TRUE(absl::StrContains(early.message(), "node/h1 is not valid before"));
  EXPECT_TRUE(absl::StrContains(late.message(), "node/h1 has expired at"));
}

}  // namespace
}  // namespace heddle::identity
