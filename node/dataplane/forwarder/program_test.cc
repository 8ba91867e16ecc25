// The program itself: how it starts, goes on without whoever started it, and ends.
#include "base/program.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/control_channel.h"

namespace heddle::node::forwarder {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(10);

class ProgramTest : public testing::Test {
 protected:
  ~ProgramTest() override {
    for (int pid : started_) kill(pid, SIGKILL);
    unlink(socket_.c_str());
    rmdir(folder_);
  }
  static ProgramEnd Run(const std::vector<std::string>& flags,
                        const std::vector<std::string>& environment = {}) {
    ProgramOptions options;
    options.words = {"node/dataplane/forwarder/heddle-forwarder"};
    options.words.insert(options.words.end(), flags.begin(), flags.end());
    options.environment = environment;
    absl::StatusOr<ProgramEnd> end = RunProgram(options);
    EXPECT_EQ(end.status(), absl::OkStatus());
    return end.ok() ? *std::move(end) : ProgramEnd();
  }
  // Its process, once it listens.
  int Start() {
    const ProgramEnd end = Run({"--socket", socket_});
    EXPECT_EQ(end.status(), absl::OkStatus());
    const auto channel = ControlChannel::Connect(socket_);
    EXPECT_EQ(channel.status(), absl::OkStatus());
    started_.push_back(channel.ok() ? channel->peer_pid() : 0);
    return started_.back();
  }
  static std::string StatusOf(int pid) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static bool Ends(int pid) {
    for (const absl::Time end = absl::Now() + kLimit; absl::Now() < end;) {
      // Who takes in orphans may not be quick to wait for them.
      if (kill(pid, 0) != 0 || StatusOf(pid).find("State:\tZ") != std::string::npos) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  char folder_[40] = "/tmp/forwarder_program_test.XXXXXX";
  const std::string socket_ = std::string(mkdtemp(folder_)) + "/forwarder.sock";
  std::vector<int> started_;
};

TEST_F(ProgramTest, SaysWhatItIsAndWhatIsWrong) {
  EXPECT_THAT(Run({"--version"}).output, HasSubstr(kVersion));
  EXPECT_THAT(Run({"--help"}).output, HasSubstr("--without"));
  const ProgramEnd flag = Run({"--nonsense"});
  EXPECT_EQ(WEXITSTATUS(flag.wait_status), 2);
  const ProgramEnd word = Run({"--without", "tso,warp"});
  EXPECT_EQ(WEXITSTATUS(word.wait_status), 2);
  EXPECT_THAT(word.errors, HasSubstr("'warp'"));
  const ProgramEnd variable = Run({"--socket", socket_}, {"HEDDLE_FORWARDER_WITHOUT=warp"});
  EXPECT_EQ(WEXITSTATUS(variable.wait_status), 2);
  const ProgramEnd path = Run({"--socket", "here"});
  EXPECT_EQ(WEXITSTATUS(path.wait_status), 2);
  EXPECT_THAT(path.errors, HasSubstr("'here' is no absolute path"));
  const ProgramEnd folder = Run({"--socket", "/nonexistent/forwarder.sock"});
  EXPECT_EQ(WEXITSTATUS(folder.wait_status), 1);
  EXPECT_THAT(folder.errors, HasSubstr("cannot listen at /nonexistent/forwarder.sock"));
}

TEST_F(ProgramTest, ListensWhenTheCommandReturnsAndHasNoPrivileges) {
  const int pid = Start();
  const std::string status = StatusOf(pid);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(status, HasSubstr(absl::StrCat(set, ":\t0000000000000000")));
  }
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  const ProgramEnd second = Run({"--socket", socket_});
  EXPECT_EQ(WEXITSTATUS(second.wait_status), 3);
  EXPECT_THAT(second.errors, HasSubstr("another heddle-forwarder"));
}

TEST_F(ProgramTest, EndsWhenToldToAndLeavesNothing) {
  const int pid = Start();
  ASSERT_EQ(kill(pid, SIGTERM), 0);
  EXPECT_TRUE(Ends(pid));
  struct stat file;
  EXPECT_NE(lstat(socket_.c_str(), &file), 0);
}

TEST_F(ProgramTest, ATerminalThatCloses) {
  const int pid = Start();
  ASSERT_EQ(kill(pid, SIGHUP), 0);
  const auto channel = ControlChannel::Connect(socket_);
  EXPECT_EQ(channel.status(), absl::OkStatus());
}

TEST_F(ProgramTest, EndsByItselfWithNothingToDo) { EXPECT_TRUE(Ends(Start())); }

TEST_F(ProgramTest, OneThatWasKilledIsReplaced) {
  const int killed = Start();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  ASSERT_TRUE(Ends(killed));
  EXPECT_NE(Start(), killed);
}

TEST_F(ProgramTest, HandsOverToTheNext) {
  const int former = Start();
  auto channel = ControlChannel::Connect(socket_);
  ASSERT_EQ(channel.status(), absl::OkStatus());
  control::Request request;
  request.mutable_hand_over();
  ASSERT_EQ(channel->Send(request.SerializeAsString(), {}, kLimit), absl::OkStatus());
  const auto message = channel->Receive(kLimit);
  ASSERT_EQ(message.status(), absl::OkStatus());
  control::Answer answer;
  ASSERT_TRUE(answer.ParseFromString(message->bytes));
  EXPECT_EQ(answer.state().version(), kVersion);
  // While the former is still there.
  const int next = Start();
  EXPECT_NE(next, former);
  channel = absl::UnknownError("closed");
  EXPECT_TRUE(Ends(former));
  EXPECT_EQ(ControlChannel::Connect(socket_).status(), absl::OkStatus());
}

}  // namespace
}  // namespace heddle::node::forwarder
