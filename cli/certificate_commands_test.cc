// cert list|show|create|revoke.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "cli/json.h"

namespace heddle::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(Commands, CertListMatchesItsGoldenText) {
  ExpectGolden("cert_list.txt", Run({"cert", "list"}).out);
  ExpectGolden("cert_list_wide.txt", Run({"cert", "list", "--all", "-o", "wide"}).out);
  ExpectGolden("cert_list.json", Run({"cert", "list", "-o", "json"}).out);
  EXPECT_EQ(Run({"cert", "list", "-o", "name"}).out, "11ff\n5a0c\n7b0d6c4e0a\n");
  EXPECT_EQ(admin_.requests()[1], "ListCertificates{include_superseded: true}");
}

TEST_F(Commands, CertRevokeSaysWhatItDid) {
  const Result result = Run({"cert", "revoke", "5a0c"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  ExpectGolden("cert_revoke.txt", result.out);
  admin_.state().revoked.set_lease_released(true);
  EXPECT_THAT(Run({"cert", "revoke", "--node", "host-2", "--release"}).out,
              HasSubstr("Its lease is released"));
  Run({"cert", "revoke", "--principal", "admin/alice"});
  EXPECT_THAT(admin_.requests(),
              ElementsAre("RevokeCertificate{serial: \"5a0c\"}",
                          "RevokeCertificate{principal: \"node/host-2\" release_lease: true}",
                          "RevokeCertificate{principal: \"admin/alice\"}"));
}

TEST_F(Commands, CertRevokeTellsWhenThereWasNothing) {
  admin_.state().revoked.clear_revoked();
  EXPECT_THAT(Run({"cert", "revoke", "--node", "host-2", "--release"}).out,
              AllOf(HasSubstr("No certificate of node/host-2 was valid any more."),
                    HasSubstr("It had no lease to release.")));
  admin_.state().errors["RevokeCertificate"] = absl::NotFoundError("node/host-9 has none");
  const Result result = Run({"cert", "revoke", "--node", "host-9"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_THAT(result.err, HasSubstr("see what there is with \"heddlectl cert list\""));
}

TEST_F(Commands, CertRevokeAsksFirst) {
  const Result no = Run({"cert", "revoke", "--node", "host-2", "--release"}, "n\n", true);
  EXPECT_EQ(no.code, ExitCode::kUsage);
  EXPECT_THAT(no.err, HasSubstr("all certificates of node/host-2 and release its lease?"));
  EXPECT_THAT(admin_.requests(), IsEmpty());
  EXPECT_EQ(Run({"cert", "revoke", "5a0c", "--yes"}, "", true).code, ExitCode::kOk);
}

TEST_F(Commands, CertRevokeNeedsOneOfThree) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cert", "revoke"},
           {"cert", "revoke", "5a0c", "--node", "host-2"},
           {"cert", "revoke", "--node", "host-2", "--principal", "admin/alice"},
           {"cert", "revoke", "5a0c", "--release"},
           {"cert", "revoke", "--principal", "admin/alice", "--release"}}) {
    EXPECT_EQ(Run(words).code, ExitCode::kUsage);
  }
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

class CertCreate : public Commands {
 protected:
  CertCreate() { unlink(file_.c_str()); }
  Result Create(std::vector<std::string> words) {
    words.insert(words.begin(), {"cert", "create", "--out", file_});
    return Run(words);
  }
  const std::string file_ = std::string(std::getenv("TEST_TMPDIR")) + "/made/bob.pem";
};

TEST_F(CertCreate, WritesAnIdentityThatWorks) {
  const Result result = Create({"--role", "viewer", "bob", "--ttl", "30d"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Wrote the identity of viewer/bob to " + file_));
  EXPECT_THAT(admin_.requests(),
              ElementsAre("IssueCertificate{role: \"viewer\" name: \"bob\" ttl_seconds: 2592000}"));
  struct stat made;
  ASSERT_EQ(stat(file_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0600u);
  EXPECT_EQ(RunWords({"--identity", file_, "--controller", admin_.address(), "status"}).code,
            ExitCode::kOk);
}

TEST_F(CertCreate, ReplacesNoFile) {
  ASSERT_TRUE(WriteFileAtomically(file_, "mine", 0600).ok());
  const Result result = Create({"--role", "admin", "bob"});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_EQ(*ReadFile(file_), "mine");
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(CertCreate, RefusesBeforeAsking) {
  EXPECT_EQ(Create({"--role", "node", "h1"}).code, ExitCode::kUsage);
  EXPECT_EQ(Create({"--role", "admin", "a/b"}).code, ExitCode::kUsage);
  EXPECT_EQ(Create({"--role", "admin", "bob", "--ttl", "long"}).code, ExitCode::kUsage);
  EXPECT_EQ(Create({"--role", "admin"}).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(CertCreate, ACertificateOfSomebodyElseIsNotWritten) {
  admin_.state().issued_to = "viewer/eve";
  EXPECT_EQ(Create({"--role", "viewer", "bob"}).code, ExitCode::kFailure);
  EXPECT_NE(access(file_.c_str(), F_OK), 0);
}

// ---- show ----

TEST_F(Commands, CertShowTellsAllButTheKey) {
  const std::string file = FakeIdentityFile("viewer/bob");
  const identity::Credentials credentials =
      *identity::LoadCredentials(identity::IdentityFile(file));
  const Result result = RunWords({"cert", "show", file});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr(file), HasSubstr("viewer/bob"), HasSubstr(credentials.leaf.serial),
            HasSubstr("authority " + FakeAuthority().root().key_id), Not(HasSubstr("KEY"))));
  const Json json = Json::parse(RunWords({"cert", "show", file, "-o", "json"}).out);
  EXPECT_EQ(json["principal"], "viewer/bob");
  EXPECT_EQ(json["roots"][0]["keyId"], FakeAuthority().root().key_id);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Commands, CertShowIsOfTheIdentityInUse) {
  EXPECT_THAT(RunWords({"--identity", FakeAdminFile(), "cert", "show"}).out,
              HasSubstr("admin/alice"));
  EXPECT_EQ(RunWords({"--insecure", "cert", "show"}).code, ExitCode::kUsage);
  EXPECT_EQ(RunWords({"cert", "show", "/nonexistent"}).code, ExitCode::kUsage);
}

TEST_F(Commands, CertShowSaysWhenItIsNotValid) {
  // By the clock of the tests, which is long before.
  EXPECT_THAT(RunWords({"cert", "show", FakeAdminFile()}).out, HasSubstr("is not valid before"));
}

}  // namespace
}  // namespace heddle::cli
