// What the programs leave of their secrets for others to find.
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

// Whatever the system allows.
TEST(SecretsTest, AProgramThatDiesLeavesNoCoreFile) {
  ClusterOptions options;
  options.lab.hosts = 1;
  Cluster cluster(options);
  cluster.StartNodes();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(1).ready(); }));
  for (Process* process : {&cluster.node(1).process(), &cluster.controller().process()}) {
    const std::string limits = ReadFile(absl::StrCat("/proc/", process->pid(), "/limits")).value();
    EXPECT_TRUE(absl::StrContains(limits, "Max core file size        0                    0  "))
        << limits;
    const std::string core = absl::StrCat("core.", process->pid());
    process->Signal(SIGABRT);  // a sanitizer would take SIGSEGV for a finding
    EXPECT_EQ(process->Wait(kSoon), 128 + SIGABRT);
    EXPECT_FALSE(std::filesystem::exists("core") || std::filesystem::exists(core));
  }
}

// With everything running that runs in a cluster.
TEST(SecretsTest, NoSecretIsInAProcessListOrLog) {
  Cluster cluster{ClusterOptions()};
  ASSERT_TRUE(cluster.Up());
  const std::string ticket = ReadFile(cluster.node(1).options().ticket_path).value();
  ASSERT_GT(ticket.size(), 200u);
  std::vector<std::string> secrets = {ticket.substr(ticket.size() / 2, 40), "PRIVATE KEY"};
  for (const std::string& path :
       {cluster.node(1).identity_path(), cluster.controller().tls_dir() + "/ca-key.pem",
        cluster.pki()->admin_identity()}) {
    const std::vector<std::string> lines = absl::StrSplit(ReadFile(path).value(), '\n');
    ASSERT_TRUE(absl::StrContains(lines[0], "PRIVATE KEY")) << path << " begins with its key";
    secrets.push_back(lines[2]);
  }
  int own = 0;
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto command = ReadFile(entry.path().string() + "/cmdline");
    if (!command.ok()) continue;  // no process, or one that has just ended
    own += absl::StrContains(*command, "heddle-node") ? 1 : 0;
    texts.push_back(*command);
    const auto environment = ReadFile(entry.path().string() + "/environ");
    if (environment.ok()) texts.push_back(*environment);
  }
  EXPECT_GE(own, cluster.size()) << "the list has this cluster's programs";
  texts.push_back(cluster.controller().process().Log());
  for (int number = 1; number <= cluster.size(); ++number) {
    texts.push_back(cluster.node(number).process().Log());
  }
  for (const char* command : {"node list -o json", "status -o json", "token list -o json",
                              "cert list --all -o json", "lease list -o json"}) {
    const CommandResult result = cluster.ctl().Try(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    texts.push_back(result.out);
  }
  for (const std::string& text : texts) {
    for (const std::string& secret : secrets) {
      EXPECT_FALSE(absl::StrContains(text, secret)) << text;
    }
  }
}

}  // namespace
}  // namespace heddle::lab
