// heddle-controller itself, as a program: what it makes, refuses and says.
#include "base/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "controller/flags.h"
#include "storage/etcd/test_ports.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kProgram[] = "controller/heddle-controller";

struct Ended {
  int exit_code;
  std::string output;
};

class ProgramTest : public ::testing::Test {
 protected:
  Ended Run(std::vector<std::string> words) {
    ProgramOptions options;
    options.words = std::move(words);
    const auto end = RunProgram(options);
    EXPECT_TRUE(end.ok()) << end.status();
    EXPECT_FALSE(end->is_timed_out) << end->output << end->errors;
    return {WEXITSTATUS(end->wait_status), absl::StrCat(end->output, end->errors)};
  }
  Ended Controller(std::vector<std::string> flags) {
    flags.insert(flags.begin(), kProgram);
    flags.insert(flags.end(), {"--data-dir", data_});
    return Run(std::move(flags));
  }
  Ended Init() { return Controller({"init", "--id", "c1", "--admin-identity", admin_}); }
  // Starts it with `flags`, runs `commands` with its process id in $p once its log says `word`, and
  // ends it. Prints the log.
  Ended WhileItRuns(const std::string& flags, const std::string& word,
                    const std::string& commands) {
    return Run({"bash", "-c",
                absl::StrCat(kProgram, " --listen ", address_, " --data-dir ", data_, " ", flags,
                             " > ", log_, " 2>&1 & p=$!\n", "for i in $(seq 80); do grep -q '",
                             word, "' ", log_, " && break; sleep 0.1; done\n", commands,
                             "\nkill $p; wait $p; code=$?; cat ", log_, "; exit $code")});
  }

  const storage::ScratchFolder folder_;
  const std::string data_ = folder_.path() + "/data";
  const std::string admin_ = folder_.path() + "/etc/admin.pem";
  const std::string address_ = *storage::FreeEndpoint("127.0.0.1");
  const std::string log_ = folder_.path() + "/log";
};

TEST_F(ProgramTest, WithoutCertificatesItDoesNotStartAndSaysWhatToDo) {
  const Ended end = Controller({});
  EXPECT_EQ(end.exit_code, kExitConfiguration);
  EXPECT_THAT(end.output, AllOf(HasSubstr("heddle-controller init"), HasSubstr("--insecure")));
}

TEST_F(ProgramTest, InitSaysWhatItMadeAndNoSecret) {
  const Ended first = Init();
  EXPECT_EQ(first.exit_code, kExitOk) << first.output;
  EXPECT_THAT(first.output,
              AllOf(HasSubstr("made a CA"), HasSubstr("controller/c1"),
                    HasSubstr("heddlectl token create"), Not(HasSubstr("PRIVATE KEY"))));
  const Ended second = Init();
  EXPECT_EQ(second.exit_code, kExitOk) << second.output;
  EXPECT_THAT(second.output, Not(HasSubstr("made ")));
}

TEST_F(ProgramTest, TheStepsOfTheCaAreCommands) {
  EXPECT_EQ(Controller({"ca", "add"}).exit_code, kExitConfiguration);
  ASSERT_EQ(Init().exit_code, kExitOk);
  EXPECT_THAT(Controller({"ca", "show"}).output, HasSubstr("signs"));
  EXPECT_EQ(Controller({"ca", "add"}).exit_code, kExitOk);
  EXPECT_THAT(Controller({"ca", "show"}).output, HasSubstr("`ca promote` lets it sign"));
  EXPECT_EQ(Controller({"ca", "promote"}).exit_code, kExitOk);
  const Ended early = Controller({"ca", "retire"});
  EXPECT_EQ(early.exit_code, kExitConfiguration);
  EXPECT_THAT(early.output, HasSubstr("start it"));
}

TEST_F(ProgramTest, WithCertificatesItServesAndLeavesNoCore) {
  ASSERT_EQ(Init().exit_code, kExitOk);
  const Ended end = WhileItRuns("--id c1", " serves, data in ", "grep '^Max core' /proc/$p/limits");
  EXPECT_EQ(end.exit_code, kExitOk) << end.output;
  EXPECT_THAT(end.output, ::testing::ContainsRegex("Max core file size +0 +0 "));
  EXPECT_THAT(end.output, AllOf(HasSubstr("controller/c1"), Not(HasSubstr("--insecure"))));
}

TEST_F(ProgramTest, InsecureIsWarnedOfAtEachStart) {
  const Ended end = WhileItRuns("--insecure", " serves, data in ", ":");
  EXPECT_EQ(end.exit_code, kExitOk) << end.output;
  EXPECT_THAT(end.output, HasSubstr("WHOEVER REACHES " + address_));
}

}  // namespace
}  // namespace heddle::controller
