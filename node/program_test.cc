// The program itself, in a network namespace of its own: what it needs to start, and joining.
#include "base/program.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <functional>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "node/dataplane/private_network.h"
#include "node/enrolment/fake_identity.h"
#include "node/enrolment/state_files.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;

class ProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status entered = EnterPrivateNetwork();
    ASSERT_TRUE(entered.ok()) << entered;
    ASSERT_TRUE(RunShell("ip link set lo up").ok());
  }
  ProgramOptions Node(const std::vector<std::string>& flags) const {
    ProgramOptions options;
    options.words = {"node/heddle-node", "--node-id=h1", absl::StrCat("--state-dir=", folder_),
                     absl::StrCat("--subnet-file=", folder_, "/subnet.env")};
    options.words.insert(options.words.end(), flags.begin(), flags.end());
    options.time_limit = absl::Seconds(60);
    return options;
  }
  ProgramEnd Run(const std::vector<std::string>& flags) const {
    absl::StatusOr<ProgramEnd> end = RunProgram(Node(flags));
    EXPECT_TRUE(end.ok()) << end.status();
    return end.ok() ? *std::move(end) : ProgramEnd();
  }
  static bool Soon(const std::function<bool()>& done) {
    for (const absl::Time end = absl::Now() + absl::Seconds(15); absl::Now() < end;) {
      if (done()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return done();
  }
  // Ends it, and has what it printed.
  static ProgramEnd End(Program* program, int signal) {
    program->Signal(signal);
    for (;;) {
      if (std::optional<ProgramEnd> end = program->Poll(absl::Seconds(1))) return *std::move(end);
    }
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/program-", getpid(), "-",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ProgramTest, WithNothingToProveItselfWithItSaysWhatToDo) {
  const ProgramEnd end = Run({});
  EXPECT_EQ(WEXITSTATUS(end.wait_status), 2) << end.errors;
  for (const char* words : {"no identity", "--join", "--tls-cert-file", "--insecure"}) {
    EXPECT_THAT(end.errors, HasSubstr(words));
  }
}

TEST_F(ProgramTest, InsecureIsAskedForAloneAndWarnedOf) {
  const ProgramEnd end = Run({"--insecure", "--join=/t"});
  EXPECT_EQ(WEXITSTATUS(end.wait_status), 2) << end.errors;
  auto program = Program::Start(Node({"--insecure", "--controllers=127.0.0.1:1"}));
  ASSERT_TRUE(program.ok()) << program.status();
  absl::SleepFor(absl::Seconds(2));
  const ProgramEnd stopped = End(&*program, SIGTERM);
  EXPECT_EQ(WEXITSTATUS(stopped.wait_status), 0) << stopped.errors;
  EXPECT_THAT(stopped.errors, HasSubstr("warning: --insecure: no TLS"));
}

TEST_F(ProgramTest, KilledWhileItJoinsItJoinsWithTheSameKeyAndAttaches) {
  FakeIdentity fake(folder_, [](int, FakeController::Wire* wire) {
    v1::NodeMessage message;
    while (wire->Read(&message)) {
    }
    return grpc::Status::OK;
  });
  const identity::Ticket ticket = fake.Ticket();
  const std::string text = identity::EncodeTicket(ticket);
  const std::string file = folder_ + "/ticket";
  ASSERT_TRUE(WriteFileAtomically(file, text, 0600).ok());
  std::string first_key, last_key;
  std::atomic<int> asked{0};
  fake.set_gate([&](const std::string& key_digest) {
    if (++asked == 1) {
      first_key = key_digest;
      absl::SleepFor(absl::Milliseconds(500));  // it is killed meanwhile
    }
    last_key = key_digest;
    return grpc::Status::OK;
  });
  const std::vector<std::string> flags = {absl::StrCat("--join=", file)};
  std::string printed;
  {
    auto program = Program::Start(Node(flags));
    ASSERT_TRUE(program.ok()) << program.status();
    ASSERT_TRUE(Soon([&] { return asked == 1; }));
    printed += End(&*program, SIGKILL).errors;
  }
  const StateFiles state = StateFilesIn(folder_);
  EXPECT_NE(access(state.identity.c_str(), F_OK), 0);
  auto program = Program::Start(Node(flags));
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(Soon([&] { return fake.controller().streams() > 0; }));
  const ProgramEnd shown = Run({"show"});
  EXPECT_THAT(shown.output, HasSubstr("identity node/h1 serial "));
  printed += End(&*program, SIGTERM).errors;
  EXPECT_EQ(first_key, last_key);
  EXPECT_THAT(printed, testing::Not(HasSubstr(text))) << "the ticket is a secret";
  const auto kept = identity::LoadCredentials(identity::IdentityFile(state.identity));
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->leaf.key_digest, first_key);
  EXPECT_THAT(printed, HasSubstr("joined as node/h1"));
}

TEST_F(ProgramTest, ShowsWhyItHasNotJoined) {
  FakeIdentity fake(folder_);
  identity::Ticket used_up = fake.Ticket();
  used_up.secret = identity::NewSecret();
  const std::string file = folder_ + "/ticket";
  ASSERT_TRUE(WriteFileAtomically(file, identity::EncodeTicket(used_up), 0600).ok());
  auto program = Program::Start(Node({absl::StrCat("--join=", file)}));
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(Soon([&] { return !ReadProblem(StateFilesIn(folder_).problem).empty(); }));
  const ProgramEnd shown = Run({"show"});
  EXPECT_THAT(shown.output, HasSubstr("identity none"));
  EXPECT_THAT(shown.output, HasSubstr("this ticket is not good"));
  ASSERT_TRUE(Soon([&] { return fake.joins() >= 2; }));
  const ProgramEnd end = End(&*program, SIGTERM);
  const std::size_t told = end.errors.find("this ticket is not good");
  ASSERT_NE(told, std::string::npos) << end.errors;
  EXPECT_EQ(end.errors.find("this ticket is not good", told + 1), std::string::npos)
      << "once: " << end.errors;
}

}  // namespace
}  // namespace heddle::node
