// Real programs: small scripts that leave traces in a folder of the test's own.
#include "node/dataplane/hooks.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/command.h"
#include "node/dataplane/hook_record.h"

namespace heddle::node {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Operation::Kind;

class HooksTest : public testing::Test {
 protected:
  HooksTest()
      : folder_(absl::StrCat(testing::TempDir(), "/hooks-", getpid(), "-",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    options_.record_file = Path("run/hooks.json");
    options_.run_commands = true;
    Restart();
  }

  std::string Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }
  // A process without memory.
  void Restart() { hooks_.emplace(options_); }
  std::string Script(const std::string& name, const std::string& body) {
    EXPECT_TRUE(
        WriteFileAtomically(Path(name), absl::StrCat("#!/bin/sh\n", body, "\n"), 0755).ok());
    return Path(name);
  }
  // A script that appends its first argument to the trace.
  std::string Tracer() { return Script("trace", absl::StrCat("echo $1 >>", Path("log"))); }
  std::vector<std::string> Trace() {
    const auto text = ReadFile(Path("log"));
    if (!text.ok()) return {};
    return absl::StrSplit(*text, '\n', absl::SkipEmpty());
  }
  Hook Traced(const std::string& name) {
    const std::string tracer = Tracer();
    return {absl::StrCat(tracer, " +", name), absl::StrCat(tracer, " -", name), {}, ""};
  }
  std::vector<std::string> Done() {
    NetworkState state;
    hooks_->Read(&state);
    std::vector<std::string> purposes;
    for (const auto& [key, hook] : state.hooks) purposes.push_back(key.purpose);
    return purposes;
  }
  absl::Status Add(const std::string& purpose, const Hook& hook) {
    return hooks_->Write(Kind::kAdd, {purpose}, hook);
  }
  absl::Status Remove(const std::string& purpose) {
    return hooks_->Write(Kind::kRemove, {purpose}, {});
  }

  const std::string folder_;
  HooksOptions options_;
  std::optional<Hooks> hooks_;
};

TEST_F(HooksTest, RunsOnceAndUndoesOnceAcrossRestarts) {
  ASSERT_TRUE(Add("subnet a", Traced("a")).ok());
  ASSERT_TRUE(Add("subnet b", Traced("b")).ok());
  EXPECT_THAT(Trace(), ElementsAre("+a", "+b"));
  struct stat file;
  ASSERT_EQ(stat(options_.record_file.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);

  Restart();
  EXPECT_THAT(Done(), ElementsAre("subnet a", "subnet b"));
  EXPECT_TRUE(Add("subnet a", Traced("a")).ok());
  EXPECT_THAT(Trace(), ElementsAre("+a", "+b")) << "run already";
  EXPECT_TRUE(Remove("subnet b").ok()) << "gone while this process was down";
  EXPECT_THAT(Trace(), ElementsAre("+a", "+b", "-b"));

  Restart();
  EXPECT_TRUE(Remove("subnet b").ok());
  EXPECT_TRUE(Remove("subnet a").ok());
  EXPECT_THAT(Trace(), ElementsAre("+a", "+b", "-b", "-a"));
  EXPECT_TRUE(absl::IsNotFound(ReadFile(options_.record_file).status())) << "nothing is left";
}

TEST_F(HooksTest, AChangeUndoesWhatWasRunAndRunsAnew) {
  ASSERT_TRUE(Add("subnet a", Traced("a1")).ok());
  EXPECT_TRUE(hooks_->Write(Kind::kChange, {"subnet a"}, Traced("a2")).ok());
  EXPECT_THAT(Trace(), ElementsAre("+a1", "-a1", "+a2"));
}

// Whatever a peer announces stays bytes on standard input.
TEST_F(HooksTest, HostileInputIsInputAndNeverAWord) {
  const std::string hostile =
      "'; touch " + Path("owned") + " #\n$(touch " + Path("owned") + ")`id`\n\"${SUBNET}\" -rf /\n";
  Hook hook;
  hook.run =
      Script("save", absl::StrCat("cat >", Path("input"), "; echo \"$# $1\" >", Path("words"))) +
      " $SUBNET";
  hook.environment = {{"PUBLIC_IP", "192.0.2.1"}, {"SUBNET", "10.3.2.0/24"}};
  hook.input = hostile;
  ASSERT_EQ(Add("subnet a", hook), absl::OkStatus());
  EXPECT_EQ(*ReadFile(Path("input")), hostile);
  EXPECT_EQ(*ReadFile(Path("words")), "1 10.3.2.0/24\n");
  EXPECT_TRUE(absl::IsNotFound(ReadFile(Path("owned")).status()));
}

TEST_F(HooksTest, TheEnvironmentIsAPathAndWhatTheHookHas) {
  setenv("HEDDLE_TEST_SECRET", "1", 1);
  Hook hook;
  hook.run = Script("save", absl::StrCat("cat /proc/self/environ >", Path("environment")));
  hook.environment = {{"SUBNET", "10.3.2.0/24"}};
  ASSERT_EQ(Add("subnet a", hook), absl::OkStatus());
  const std::string environment = *ReadFile(Path("environment"));
  EXPECT_THAT(environment, AllOf(HasSubstr("SUBNET=10.3.2.0/24"), HasSubstr("PATH=/usr/local")));
  EXPECT_THAT(environment, testing::Not(HasSubstr("HEDDLE_TEST_SECRET")));
}

TEST_F(HooksTest, AFailedCommandIsNotDoneAndSaysWhy) {
  Hook hook = Traced("a");
  hook.run = Script("fail", "echo 'no \\033such device' >&2; exit 7");
  const absl::Status status = Add("subnet a", hook);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("exited with 7"), HasSubstr("such device")));
  hook.run = "/no/such/program";
  EXPECT_EQ(Add("subnet a", hook).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Done(), IsEmpty());
}

TEST_F(HooksTest, ATimeOutKillsTheCommand) {
  options_.time_limit = absl::Milliseconds(300);
  Restart();
  Hook hook = Traced("a");
  hook.run = "sleep 1000";
  EXPECT_EQ(Add("subnet a", hook).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Done(), IsEmpty());
}

TEST_F(HooksTest, AFailedUndoIsNotForgotten) {
  Hook hook = Traced("a");
  hook.undo = Script("undo", "exit 1");
  ASSERT_TRUE(Add("subnet a", hook).ok());
  EXPECT_THAT(std::string(Remove("subnet a").message()), HasSubstr("undoing it with"));
  Restart();
  EXPECT_THAT(Done(), ElementsAre("subnet a"));
  Script("undo", "exit 0");
  EXPECT_TRUE(Remove("subnet a").ok());
  EXPECT_THAT(Done(), IsEmpty());
}

TEST_F(HooksTest, ABudgetBoundsAPassAndFailuresLetOthersGoFirst) {
  options_.budget = absl::Milliseconds(50);
  Restart();
  Hook slow;
  slow.run = Script("slow", absl::StrCat("sleep 0.2; echo slow >>", Path("log"), "; exit 1"));
  const auto pass = [&] {
    hooks_->Start();
    return std::vector<absl::StatusCode>{Add("subnet a", slow).code(),
                                         Add("subnet b", Traced("b")).code()};
  };
  EXPECT_THAT(pass(), ElementsAre(absl::StatusCode::kInternal, absl::StatusCode::kUnavailable));
  EXPECT_THAT(pass(), ElementsAre(absl::StatusCode::kUnavailable, absl::StatusCode::kOk));
  EXPECT_THAT(pass(), ElementsAre(absl::StatusCode::kInternal, absl::StatusCode::kOk));
  EXPECT_THAT(Trace(), ElementsAre("slow", "+b", "slow"));
}

TEST_F(HooksTest, WithoutPermissionNothingIsRunButWhatWasRunIsUndone) {
  ASSERT_TRUE(Add("subnet a", Traced("a")).ok());
  options_.run_commands = false;
  Restart();
  const absl::Status status = Add("subnet b", Traced("b"));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--allow-extension-commands"));
  EXPECT_TRUE(Remove("subnet a").ok());
  EXPECT_THAT(Trace(), ElementsAre("+a", "-a"));
}

TEST_F(HooksTest, ACorruptRecordStopsCommandsUntilItIsRemoved) {
  ASSERT_TRUE(WriteFileAtomically(options_.record_file, "{\"version\": 1, \"hoo", 0600).ok());
  ASSERT_THAT(Done(), ElementsAre("record of commands"));
  for (const absl::Status& status :
       {Remove("record of commands"), Add("subnet a", Traced("a")), Remove("subnet b")}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(options_.record_file), HasSubstr("remove the file")));
  }
  EXPECT_THAT(Trace(), IsEmpty());
  EXPECT_EQ(*ReadFile(options_.record_file), "{\"version\": 1, \"hoo") << "left alone";
  ASSERT_EQ(unlink(options_.record_file.c_str()), 0);
  EXPECT_THAT(Done(), IsEmpty());
  EXPECT_TRUE(Add("subnet a", Traced("a")).ok());
}

TEST_F(HooksTest, ARecordOfAnEarlierBootIsEmpty) {
  HookRecord record;
  record.boot_id = "another";
  record.hooks[{"subnet a"}] = Traced("a");
  ASSERT_TRUE(WriteFileAtomically(options_.record_file, *EncodeHookRecord(record), 0600).ok());
  EXPECT_THAT(Done(), IsEmpty());
  EXPECT_TRUE(Add("subnet a", Traced("a")).ok());
  EXPECT_THAT(Trace(), ElementsAre("+a"));
}

TEST_F(HooksTest, ARecordThatCannotBeWrittenIsSaidAndTriedAgain) {
  ASSERT_TRUE(MakeFolders(options_.record_file, 0755).ok());  // a folder where the file should be
  ASSERT_TRUE(WriteFileAtomically(options_.record_file + "/x", "", 0600).ok());
  options_.record_file += "/x/hooks.json";
  Restart();
  EXPECT_FALSE(Add("subnet a", Traced("a")).ok()) << "it cannot even be read";
  ASSERT_EQ(unlink(Path("run/hooks.json/x").c_str()), 0);
  Restart();
  ASSERT_THAT(Done(), IsEmpty());
  ASSERT_TRUE(WriteFileAtomically(Path("run/hooks.json/x"), "", 0600).ok());
  EXPECT_THAT(std::string(Add("subnet a", Traced("a")).message()), HasSubstr("hooks.json/x"));
  EXPECT_THAT(Trace(), ElementsAre("+a"));
  EXPECT_THAT(Done(), ElementsAre("record of commands", "subnet a"));
  EXPECT_FALSE(Remove("record of commands").ok());
  ASSERT_EQ(unlink(Path("run/hooks.json/x").c_str()), 0);
  EXPECT_TRUE(Remove("record of commands").ok());
  EXPECT_THAT(Done(), ElementsAre("subnet a"));
  EXPECT_THAT(Trace(), ElementsAre("+a")) << "not run again";
}

TEST_F(HooksTest, WithoutAFileNothingIsRun) {
  options_.record_file.clear();
  Restart();
  EXPECT_THAT(Done(), IsEmpty());
  EXPECT_FALSE(Add("subnet a", Traced("a")).ok());
  EXPECT_THAT(Trace(), IsEmpty());
}

TEST(CommandTest, WordsAreSplitOnceAndExpandedOnce) {
  const CommandVariables variables = {{"A", "x y"}, {"B_1", "$A"}, {"EMPTY", ""}};
  const std::pair<const char*, std::vector<std::string>> rows[] = {
      {"", {}},
      {" \t\n", {}},
      {"ip  route\tadd\n$A", {"ip", "route", "add", "x y"}},
      {"<${A}>$A.", {"<x y>x y."}},
      {"$B_1 ${B_1}", {"$A", "$A"}},
      {"$EMPTY ${NONE}$NONE", {"", ""}},
      {"$ $$A a$ ${ ${A ${} $1 $(id) '$A'",
       {"$", "$x y", "a$", "${", "${A", "${}", "$1", "$(id)", "'x y'"}},
  };
  for (const auto& [command, words] : rows) EXPECT_EQ(CommandWords(command, variables), words);
}

}  // namespace
}  // namespace heddle::node
