// What is said when TLS makes no connection, by heddlectl against real servers.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "identity/test_x509.h"

namespace heddle::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const identity::TestTerm kPast = {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)};
const identity::TestTerm kFuture = {absl::Now() + absl::Hours(1), absl::Now() + absl::Hours(2)};

Result Ask(const std::string& controller, std::vector<std::string> flags) {
  flags.insert(flags.end(), {"--controller", controller, "node", "list"});
  return RunWords(std::move(flags));
}

// Of a controller that shows what is in `file`, to a good administrator.
Result AskOneWith(const std::string& file, std::vector<std::string> flags = {}) {
  FakeAdmin admin(SampleState(), file);
  flags.insert(flags.end(), {"--identity", FakeAdminFile()});
  Result result = Ask(admin.address(), std::move(flags));
  if (result.code != ExitCode::kOk) {
    EXPECT_THAT(admin.requests(), IsEmpty());
  }
  return result;
}

void ExpectNotTrusted(const Result& result, const std::string& why, const std::string& remedy) {
  EXPECT_EQ(result.code, ExitCode::kNotTrusted) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("heddlectl: cannot list the nodes: "), HasSubstr(why),
                                HasSubstr(remedy)));
}

TEST(TlsDiagnosis, TheControllersCertificateHasExpired) {
  ExpectNotTrusted(AskOneWith(FakeIdentityFile("controller/c-1", kPast)), "has expired",
                   "Set this host's clock right");
}

TEST(TlsDiagnosis, TheControllersCertificateIsNotValidYet) {
  ExpectNotTrusted(AskOneWith(FakeIdentityFile("controller/c-1", kFuture)), "is not valid yet",
                   "Set the clocks of both hosts right");
}

TEST(TlsDiagnosis, TheControllerIsOfAnotherAuthority) {
  const identity::Authority other = identity::MakeTestAuthority();
  ExpectNotTrusted(AskOneWith(FakeIdentityFile("controller/c-1", {}, other)),
                   "of another authority", "use an identity of that cluster (--identity)");
}

TEST(TlsDiagnosis, WhatAnswersIsNoController) {
  identity::TestX509 wanted;
  wanted.names = {{true, "heddle://node/h1"}, {false, "other.example"}};
  wanted.root_pem = FakeAuthority().root().pem;
  wanted.root_key = FakeAuthority().key_pem();
  const identity::TestPair pair = identity::Make(wanted);
  const std::string file = std::string(std::getenv("TEST_TMPDIR")) + "/other.pem";
  const auto credentials =
      identity::MakeCredentials(pair.key_pem, pair.certificate_pem, wanted.root_pem);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  ASSERT_TRUE(identity::WriteIdentityFile(file, *credentials).ok());
  ExpectNotTrusted(AskOneWith(file), "is not for the name \"heddle-controller\"",
                   "--tls-server-name");
  EXPECT_EQ(AskOneWith(file, {"--tls-server-name", "other.example"}).code, ExitCode::kOk);
  // The host that is dialled is an address that is not in it.
  ExpectNotTrusted(AskOneWith(file, {"--tls-server-name", ""}), "not for the host that was dialled",
                   "--tls-server-name");
}

TEST(TlsDiagnosis, OnlyOneSideSpeaksTls) {
  FakeAdmin secure, plain(SampleState(), "");
  ExpectNotTrusted(Ask(plain.address(), {"--identity", FakeAdminFile()}), "does not speak TLS",
                   "give --insecure here, too");
  ExpectNotTrusted(Ask(secure.address(), {"--insecure"}), "speaks TLS", "Leave out --insecure");
  EXPECT_THAT(secure.requests(), IsEmpty());
  EXPECT_THAT(plain.requests(), IsEmpty());
}

TEST(TlsDiagnosis, OfSeveralControllersEachIsSpokenOf) {
  FakeAdmin expired(SampleState(), FakeIdentityFile("controller/c-1", kPast)), good;
  const Result passed =
      Ask(expired.address() + "," + good.address(), {"--identity", FakeAdminFile()});
  EXPECT_EQ(passed.code, ExitCode::kOk) << passed.err;
  const Result none = Ask("127.0.0.1:1," + expired.address(), {"--identity", FakeAdminFile()});
  ExpectNotTrusted(none, "cannot connect to a controller at 127.0.0.1:1", "has expired");
}

TEST(TlsDiagnosis, StreamsAreSpokenOfAlike) {
  FakeAdmin expired(SampleState(), FakeIdentityFile("controller/c-1", kPast));
  const Result result =
      RunWords({"--identity", FakeAdminFile(), "--controller", expired.address(), "watch"});
  EXPECT_EQ(result.code, ExitCode::kNotTrusted) << result.err;
  EXPECT_THAT(result.err, HasSubstr("has expired"));
}

// ---- What a controller itself says ----

TEST_F(Commands, RefusalsOfTheControllerHaveTheirOwnCodes) {
  admin_.state().errors["ListNodes"] =
      absl::UnauthenticatedError("the certificate of admin/alice, serial 12, is revoked");
  const Result revoked = Run({"node", "list"});
  EXPECT_EQ(revoked.code, ExitCode::kNotTrusted);
  EXPECT_THAT(revoked.err, HasSubstr("is revoked. See who you are with \"heddlectl cert show\""));
  admin_.state().errors["RemoveNode"] =
      absl::PermissionDeniedError("viewer/bob may not ask for this: RemoveNode is for an admin");
  EXPECT_EQ(Run({"node", "remove", "host-2"}).code, ExitCode::kRefused);
}

TEST(TlsDiagnosis, NothingIsMadeUpWhereNothingAnswers) {
  const Result result = Ask("127.0.0.1:1", {"--identity", FakeAdminFile()});
  EXPECT_EQ(result.code, ExitCode::kUnreachable);
  EXPECT_THAT(result.err, HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace heddle::cli
