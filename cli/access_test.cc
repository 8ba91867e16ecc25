// Whom heddlectl says it is, and where it looks for that.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/commands_fixture.h"
#include "cli/identity_choice.h"

namespace heddle::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Without what the one who runs the tests has.
class Access : public Commands {
 protected:
  Access() {
    setenv("HOME", home_.c_str(), 1);
    unsetenv("HEDDLECTL_IDENTITY");
    unlink(own_.c_str());
  }
  Result Ask(std::vector<std::string> words) {
    words.insert(words.end(), {"status", "--controller", admin_.address()});
    return RunWords(words);
  }
  void Put(const std::string& path, const std::string& from, int mode = 0600) {
    ASSERT_TRUE(WriteFileAtomically(path, *ReadFile(from), mode).ok());
  }

  const std::string home_ = std::string(std::getenv("TEST_TMPDIR")) + "/home";
  const std::string own_ = home_ + "/.config/heddle/identity.pem";
};

TEST_F(Access, TheFileNamedIsUsed) {
  EXPECT_EQ(Ask({"--identity", FakeAdminFile()}).code, ExitCode::kOk);
  EXPECT_EQ(Ask({"--tls-cert-file", FakeAdminFile(), "--tls-key-file", FakeAdminFile(),
                 "--tls-ca-file", FakeAdminFile()})
                .code,
            ExitCode::kOk);
}

TEST_F(Access, TheEnvironmentWinsOverTheHomeFolderAndFlagsOverBoth) {
  Put(own_, FakeAdminFile());
  EXPECT_EQ(Ask({}).code, ExitCode::kOk);
  setenv("HEDDLECTL_IDENTITY", "/nonexistent/named.pem", 1);
  EXPECT_THAT(Ask({}).err, HasSubstr("/nonexistent/named.pem"));
  EXPECT_EQ(Ask({"--identity", FakeAdminFile()}).code, ExitCode::kOk);
}

TEST_F(Access, WithoutAnyItSaysWhereItLookedAndWhatToDo) {
  const auto nowhere = FindIdentity({}, {"", own_, home_ + "/etc/admin.pem"});
  ASSERT_TRUE(absl::IsNotFound(nowhere.status())) << nowhere.status();
  EXPECT_THAT(std::string(nowhere.status().message()),
              AllOf(HasSubstr(own_), HasSubstr(home_ + "/etc/admin.pem"),
                    HasSubstr("run heddlectl as root"), HasSubstr("heddlectl cert create")));
}

TEST_F(Access, TheMachinesFileIsTheLast) {
  const std::string machine = home_ + "/etc/admin.pem";
  Put(machine, FakeAdminFile());
  EXPECT_EQ(FindIdentity({}, {"", own_, machine})->path, machine);
  Put(own_, FakeIdentityFile("viewer/bob"));
  EXPECT_EQ(FindIdentity({}, {"", own_, machine})->path, own_);
}

TEST_F(Access, WhatCannotBeUsedIsAConfigurationError) {
  Put(own_, FakeAdminFile(), 0644);
  const Result open = Ask({});
  EXPECT_EQ(open.code, ExitCode::kUsage);
  EXPECT_THAT(open.err, AllOf(HasSubstr(own_), HasSubstr("others than its owner")));
  ASSERT_TRUE(WriteFileAtomically(own_, "no identity", 0600).ok());
  EXPECT_EQ(Ask({}).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Access, FlagsThatContradictEachOtherAreRefused) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--tls-cert-file", "a"},
           {"--tls-cert-file", "a", "--tls-key-file", "b"},
           {"--identity", "a", "--insecure"},
           {"--identity", "a", "--tls-cert-file", "a", "--tls-key-file", "b", "--tls-ca-file", "c"},
           {"--insecure", "--tls-cert-file", "a", "--tls-key-file", "b", "--tls-ca-file", "c"}}) {
    EXPECT_EQ(Ask(words).code, ExitCode::kUsage) << words[0];
  }
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Access, InsecureIsWarnedOfOnce) {
  FakeAdmin plain(SampleState(), "");
  const Result result =
      RunWords({"--insecure", "--controller", plain.address(), "node", "remove", "host-2"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  const std::size_t first = result.err.find("warning: --insecure");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(result.err.find("--insecure", first + 20), std::string::npos) << result.err;
}

TEST_F(Access, WhatAsksNoControllerNeedsNoIdentity) {
  EXPECT_EQ(RunWords({"completion", "bash"}).code, ExitCode::kOk);
  EXPECT_EQ(RunWords({"--help"}).code, ExitCode::kOk);
}

// ---- Renewal ----

class LaterClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

// In the last third of its life.
const identity::TestTerm kOld = {absl::Now() - absl::Hours(20), absl::Now() + absl::Hours(4)};

class Renewing : public Access {
 protected:
  Result AskWith(const std::string& file, std::vector<std::string> words) {
    words.insert(words.begin(), {"--identity", file, "--controller", admin_.address()});
    return RunWords(words, "", false, LaterClock());
  }
  static identity::Credentials Load(const std::string& file) {
    return *identity::LoadCredentials(identity::IdentityFile(file));
  }
};

TEST_F(Renewing, ACommandRenewsAnOldIdentitySilently) {
  const std::string file = FakeIdentityFile("admin/alice", kOld);
  const identity::Credentials before = Load(file);
  const Result result = AskWith(file, {"node", "list", "-o", "name"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.err, IsEmpty());
  const identity::Credentials after = Load(file);
  EXPECT_NE(after.leaf.serial, before.leaf.serial);
  EXPECT_NE(after.leaf.key_digest, before.leaf.key_digest);
  EXPECT_EQ(identity::ToString(after.leaf.principal), "admin/alice");
  EXPECT_GT(after.leaf.not_after, before.leaf.not_after);
  struct stat mode;
  ASSERT_EQ(stat(file.c_str(), &mode), 0);
  EXPECT_EQ(mode.st_mode & 07777, 0600u);
  EXPECT_EQ(AskWith(file, {"status"}).code, ExitCode::kOk) << "with the new one";
  EXPECT_THAT(admin_.requests(), ::testing::Contains("Renew{}").Times(1));
}

TEST_F(Renewing, AYoungOneAndAnOwnPkiAreLeftAlone) {
  EXPECT_EQ(AskWith(FakeIdentityFile("admin/alice"), {"status"}).code, ExitCode::kOk);
  const std::string own = FakeIdentityFile("admin/alice", kOld);
  EXPECT_EQ(RunWords({"--tls-cert-file", own, "--tls-key-file", own, "--tls-ca-file", own,
                      "--controller", admin_.address(), "status"},
                     "", false, LaterClock())
                .code,
            ExitCode::kOk);
  EXPECT_THAT(admin_.requests(), Not(::testing::Contains("Renew{}")));
}

TEST_F(Renewing, ACommandThatFailedRenewsNothing) {
  admin_.state().errors["ListNodes"] = absl::InternalError("the disk is on fire");
  EXPECT_EQ(AskWith(FakeIdentityFile("admin/alice", kOld), {"node", "list"}).code,
            ExitCode::kFailure);
  EXPECT_THAT(admin_.requests(), Not(::testing::Contains("Renew{}")));
}

TEST_F(Renewing, ItsFailureIsAWarningAndKeepsTheFile) {
  const std::string file = FakeIdentityFile("admin/alice", kOld);
  const std::string before = *ReadFile(file);
  admin_.state().errors["Renew"] = absl::FailedPreconditionError("there is no key of the CA here");
  const Result result = AskWith(file, {"node", "list", "-o", "name"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.err, AllOf(HasSubstr("warning: " + file + " was not renewed"),
                                HasSubstr("there is no key of the CA here")));
  admin_.state().errors.clear();
  admin_.state().issued_to = "admin/mallory";
  EXPECT_THAT(AskWith(file, {"status"}).err, HasSubstr("of admin/mallory, and not of admin/alice"));
  EXPECT_EQ(*ReadFile(file), before);
}

TEST_F(Renewing, CertRenewAsksAtAnyAgeAndOnce) {
  for (const identity::TestTerm& term : {identity::TestTerm(), kOld}) {
    const std::string file = FakeIdentityFile("viewer/bob", term);
    const std::string before = *ReadFile(file);
    const Result result = AskWith(file, {"cert", "renew"});
    EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
    EXPECT_THAT(result.out, HasSubstr("Renewed viewer/bob in " + file));
    EXPECT_NE(*ReadFile(file), before);
  }
  EXPECT_THAT(admin_.requests(), ::testing::ElementsAre("Renew{}", "Renew{}"));
  FakeAdmin plain(SampleState(), "");
  EXPECT_EQ(RunWords({"--insecure", "--controller", plain.address(), "cert", "renew"}).code,
            ExitCode::kUsage);
}

}  // namespace
}  // namespace heddle::cli
