// The completion scripts, run by the shells themselves where they are installed.

#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "cli/command_line.h"
#include "cli/golden.h"

namespace heddle::cli {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

std::string TempFile(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/", name);
  EXPECT_TRUE(WriteFileAtomically(path, text, 0644).ok());
  return path;
}

// What `shell <file>` prints; fails the test when the shell fails.
std::string ShellOutput(const std::string& shell, const std::string& script) {
  const std::string path = TempFile("script", script);
  FILE* pipe = popen(absl::StrCat(shell, " ", path, " 2>&1").c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer;
  while (pipe != nullptr && fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    out += buffer.data();
  }
  EXPECT_EQ(pclose(pipe), 0) << out;
  return out;
}

// What bash offers for the words typed so far, of which the last is being completed.
std::vector<std::string> Offered(const std::vector<std::string>& words) {
  CommandLine line;
  std::string quoted;
  for (const std::string& word : words) absl::StrAppend(&quoted, "'", word, "' ");
  const std::string out = ShellOutput(
      "bash --norc",
      absl::StrCat("set -u\n", BashCompletion(line.app),
                   "heddlectl() { echo host-1; echo host-2; }\n"
                   "COMP_WORDS=(",
                   quoted,
                   ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                   "_heddlectl\n"
                   "[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"\n"));
  return absl::StrSplit(out, '\n', absl::SkipEmpty());
}

TEST(BashCompletion, OffersCommands) {
  EXPECT_THAT(Offered({"heddlectl", ""}),
              IsSupersetOf({"network", "lease", "node", "watch", "status", "completion"}));
  EXPECT_THAT(Offered({"heddlectl", "le"}), ElementsAre("lease"));
  EXPECT_THAT(Offered({"heddlectl", "lease", "re"}), ElementsAre("reserve", "release"));
}

TEST(BashCompletion, OffersIdsOfTheNounThatIsMeant) {
  // The stand-in prints what it is asked to list.
  CommandLine line;
  const auto listed = [&](const std::string& words) {
    return ShellOutput("bash --norc",
                       absl::StrCat("set -u\n", BashCompletion(line.app),
                                    "heddlectl() { echo \"listed-$1\"; }\n_heddlectl_choices ",
                                    words, "\necho \"$choices\"\n"));
  };
  EXPECT_THAT(listed("controller status"), HasSubstr("listed-controller"));
  EXPECT_THAT(listed("node show"), HasSubstr("listed-node"));
  EXPECT_THAT(listed("controller step-down"), Not(HasSubstr("listed-")));
}

TEST(BashCompletion, OffersNodeIds) {
  EXPECT_THAT(Offered({"heddlectl", "node", "show", "h"}), ElementsAre("host-1", "host-2"));
  EXPECT_THAT(Offered({"heddlectl", "node", "list", "h"}), IsEmpty());
  // A node may bear the name of a command.
  EXPECT_THAT(Offered({"heddlectl", "lease", "reserve", "node", "h"}),
              ElementsAre("host-1", "host-2"));
}

TEST(BashCompletion, OffersFlagsAndTheirValues) {
  EXPECT_THAT(Offered({"heddlectl", "lease", "release", "--"}),
              IsSupersetOf({"--wait", "--yes", "--output", "--controller"}));
  EXPECT_THAT(Offered({"heddlectl", "lease", "list", "--"}), Not(Contains("--wait")));
  EXPECT_THAT(Offered({"heddlectl", "lease", "list", "-o", ""}),
              ElementsAre("table", "wide", "json", "yaml", "name"));
  EXPECT_THAT(Offered({"heddlectl", "--timeout-seconds", ""}), IsEmpty());
}

TEST(BashCompletion, LooksPastFlagsAndTheirValues) {
  EXPECT_THAT(Offered({"heddlectl", "--controller", "lease", "node", "sh"}), ElementsAre("show"));
  EXPECT_THAT(Offered({"heddlectl", "lease", "release", "--wait", "h"}),
              ElementsAre("host-1", "host-2"));
}

TEST(BashCompletion, OffersFiles) {
  const std::string file = TempFile("net-conf.json", "{}");
  EXPECT_THAT(Offered({"heddlectl", "network", "set", file.substr(0, file.size() - 3)}),
              ElementsAre(file));
}

TEST(ZshCompletion, MatchesItsGoldenText) {
  CommandLine line;
  ExpectGolden("completion.zsh", ZshCompletion(line.app));
}

TEST(FishCompletion, MatchesItsGoldenText) {
  CommandLine line;
  ExpectGolden("completion.fish", FishCompletion(line.app));
}

TEST(ZshCompletion, IsValidSyntax) {
  if (std::system("command -v zsh >/dev/null") != 0) GTEST_SKIP() << "zsh is not installed";
  CommandLine line;
  EXPECT_EQ(ShellOutput("zsh -n", ZshCompletion(line.app)), "");
}

TEST(FishCompletion, IsValidSyntax) {
  if (std::system("command -v fish >/dev/null") != 0) GTEST_SKIP() << "fish is not installed";
  CommandLine line;
  EXPECT_EQ(ShellOutput("fish -n", FishCompletion(line.app)), "");
}

// Every command's own words end in a sentence, so that help reads as text.
TEST(Help, IsFullSentences) {
  CommandLine line;
  std::vector<const CLI::App*> todo = {&line.app};
  while (!todo.empty()) {
    const CLI::App* app = todo.back();
    todo.pop_back();
    if (app->get_name() != "bash" && app->get_name() != "zsh" && app->get_name() != "fish") {
      EXPECT_EQ(app->get_description().back(), '.') << app->get_name();
    }
    for (const CLI::Option* option : app->get_options()) {
      EXPECT_EQ(option->get_description().back(), '.') << option->get_name();
    }
    for (const CLI::App* child : app->get_subcommands({})) todo.push_back(child);
  }
}

}  // namespace
}  // namespace heddle::cli
