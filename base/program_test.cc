// Real programs, some of them ill-behaved.
#include "base/program.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string InFolder(const std::string& name) {
  return absl::StrCat(testing::TempDir(), "/program-", getpid(), "-",
                      testing::UnitTest::GetInstance()->current_test_info()->name(), "/", name);
}

// Writes an executable script and gives its path.
std::string Script(const std::string& body) {
  const std::string path = InFolder("script");
  EXPECT_TRUE(WriteFileAtomically(path, absl::StrCat("#!/bin/sh\n", body, "\n"), 0755).ok());
  return path;
}

ProgramEnd EndOf(const ProgramOptions& options) {
  const absl::StatusOr<ProgramEnd> end = RunProgram(options);
  EXPECT_TRUE(end.ok()) << end.status();
  return end.ok() ? *end : ProgramEnd();
}

TEST(ProgramTest, HandsInputThroughAndTellsOutputFromErrors) {
  ProgramOptions options;
  options.words = {Script("cat; echo oops >&2")};
  const std::string input("a 'b' $(c)\n\0d", 13);
  options.input = input;
  const ProgramEnd end = EndOf(options);
  EXPECT_EQ(end.output, input);
  EXPECT_EQ(end.errors, "oops\n");
  EXPECT_TRUE(end.status().ok());
}

TEST(ProgramTest, TheEnvironmentIsExactlyWhatIsGiven) {
  setenv("HEDDLE_TEST_SECRET", "1", 1);
  ProgramOptions options;
  options.words = {"env"};
  options.environment = std::vector<std::string>{"A=b c"};
  EXPECT_EQ(EndOf(options).output, "A=b c\n");
  options.environment.reset();
  EXPECT_THAT(EndOf(options).output, HasSubstr("HEDDLE_TEST_SECRET=1"));
}

TEST(ProgramTest, WordsAreNotSplitAndNoShellReadsThem) {
  ProgramOptions options;
  options.words = {"printf", "%s|", "$(id)", "a b", "", ";"};
  EXPECT_EQ(EndOf(options).output, "$(id)|a b||;|");
}

TEST(ProgramTest, AFailureSaysHowAndQuotesInAscii) {
  ProgramOptions options;
  options.words = {Script("printf 'bad \\033[31m\\377' >&2; exit 3")};
  EXPECT_THAT(std::string(EndOf(options).status().message()),
              AllOf(HasSubstr("exited with 3"), HasSubstr("saying: bad \\033[31m\\377")));
  options.words = {Script("kill -9 $$")};
  EXPECT_THAT(std::string(EndOf(options).status().message()), HasSubstr("signal 9"));
}

TEST(ExcerptTest, EscapesWhatATerminalWouldObeyAndNoQuotationMarks) {
  EXPECT_EQ(Excerpt("  node 'h1' said \"no\" \n"), "node 'h1' said \"no\"");
  EXPECT_EQ(Excerpt("a\nb\x1b[2J\xc3\xa4"), "a\\nb\\033[2J\\303\\244");
  EXPECT_EQ(Excerpt("C:\\'x"), "C:\\\\'x") << "what was escaped can be told from what was not";
  EXPECT_EQ(Excerpt("''''", 3), "'''...");
}

TEST(ProgramTest, AMissingProgramIsNamed) {
  ProgramOptions options;
  for (const char* name : {"no-such-program", "/no/such/program"}) {
    options.words = {name};
    EXPECT_THAT(std::string(RunProgram(options).status().message()), HasSubstr(name));
    EXPECT_EQ(RunProgram(options).status().code(), absl::StatusCode::kNotFound) << name;
  }
  options.words = {};
  EXPECT_EQ(RunProgram(options).status().code(), absl::StatusCode::kNotFound);
}

TEST(ProgramTest, TheWholeGroupIsKilledAtTheLimit) {
  ProgramOptions options;
  options.words = {Script(absl::StrCat("sleep 1000 & echo $! >", InFolder("pid"), "; wait"))};
  options.time_limit = absl::Milliseconds(500);
  const absl::Status status = EndOf(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("500ms"));
  int child = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(*ReadFile(InFolder("pid"))), &child));
  // Once killed it waits for whoever adopts orphans; a zombie runs nothing.
  for (int tries = 0; tries < 100 && kill(child, 0) == 0; ++tries) {
    const auto stat = ReadFile(absl::StrCat("/proc/", child, "/stat"));
    if (!stat.ok() || absl::StrContains(*stat, ") Z")) return;
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_NE(kill(child, 0), 0);
}

TEST(ProgramTest, AFloodIsDrainedAndCut) {
  ProgramOptions options;
  options.words = {"head", "-c", "20000000", "/dev/zero"};
  options.kept_bytes = 4096;
  const ProgramEnd end = EndOf(options);
  EXPECT_TRUE(end.status().ok()) << end.status();
  EXPECT_EQ(end.output.size(), 4096u);
  EXPECT_TRUE(end.is_cut);
}

TEST(ProgramTest, AnEndlessFloodEndsAtTheLimit) {
  ProgramOptions options;
  options.words = {"cat", "/dev/zero"};
  options.kept_bytes = 100;
  options.time_limit = absl::Milliseconds(300);
  EXPECT_TRUE(EndOf(options).is_timed_out);
}

TEST(ProgramTest, WhatStaysInTheBackgroundDoesNotHoldUp) {
  ProgramOptions options;
  options.words = {Script("sleep 3 & echo done")};
  options.time_limit = absl::Seconds(60);
  const absl::Time start = absl::Now();
  EXPECT_EQ(EndOf(options).output, "done\n");
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

TEST(ProgramTest, TheChildHasDefaultSignalsAndNoFileOfOurs) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  const int ours = dup(STDERR_FILENO);  // without close-on-exec
  ProgramOptions options;
  options.words = {Script("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2; ls /proc/$$/fd")};
  const std::string output = EndOf(options).output;
  close(ours);
  const std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  ASSERT_GE(lines.size(), 2u) << output;
  EXPECT_EQ(std::stoull(lines[0], nullptr, 16) & 1ull << (SIGTERM - 1), 0u) << output;
  EXPECT_EQ(std::stoull(lines[1], nullptr, 16) & 1ull << (SIGPIPE - 1), 0u) << output;
  // Its standard ones, and where the shell keeps the script itself.
  EXPECT_THAT(std::vector<std::string>(lines.begin() + 2, lines.end()),
              testing::ElementsAre("0", "1", "10", "2"));
}

TEST(ProgramTest, AProgramThatIsGivenUpIsKilled) {
  ProgramOptions options;
  options.words = {"sleep", "1000"};
  const absl::Time start = absl::Now();
  auto program = Program::Start(options);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_FALSE(program->Poll());
  { const Program given_up = *std::move(program); }
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace heddle
