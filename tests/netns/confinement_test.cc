// The programs as their systemd units confine them. The controller has a user of its own then, so
// this takes real root and not a sandbox with one user.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/lab/built.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/private_network.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

// /proc/PID/status, by its fields' names.
std::map<std::string, std::string> StatusOf(pid_t pid) {
  std::map<std::string, std::string> fields;
  std::ifstream lines(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(lines, line);) {
    const std::pair<std::string, std::string> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    fields[field.first] = std::string(absl::StripAsciiWhitespace(field.second));
  }
  return fields;
}

void ExpectConfined(pid_t pid, const std::string& user, const std::string& capabilities) {
  auto status = StatusOf(pid);
  EXPECT_TRUE(absl::StartsWith(status["Uid"], user + "\t")) << status["Uid"];
  for (const char* set : {"CapEff", "CapPrm", "CapBnd"}) EXPECT_EQ(status[set], capabilities);
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Seccomp"], "2") << "a filter of system calls";
}

class ConfinementTest : public testing::TestWithParam<const char*> {
 protected:
  static ClusterOptions Options() {
    ClusterOptions options;
    options.net_conf = absl::StrCat(
        R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
            "Backend": {"Type": ")",
        GetParam(), "\"}}");
    options.controller_flags = {"--certificate-ttl", "10s"};
    options.node_flags = {"--ip-masq"};
    return options;
  }

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: another user for the controller takes root";
    if (TryRun({{"systemd-analyze", "--version"}}).exit_code != 0) {
      GTEST_SKIP() << "SKIPPED: systemd-analyze, which knows the sets of system calls, is missing";
    }
    cluster_ = std::make_unique<Cluster>(Options());
  }
  static Flags Confine(const std::string& unit) {
    return {Built("tests/netns/confine.py"), Built("deploy/systemd/" + unit)};
  }
  // As systemd does before it starts a unit with DynamicUser.
  void GiveToNobody(const std::string& folder) {
    RunCommand(nullptr, "chown -R nobody:nogroup " + folder);
  }
  // As systemd does for heddle-forwarder.socket and its service: the program starts when somebody
  // connects, and is given the socket.
  void StartForwarders() {
    for (int number = 1; number <= cluster_->size(); ++number) {
      const Node& node = cluster_->node(number);
      const std::filesystem::path path = node.forwarder_socket();
      std::filesystem::create_directories(path.parent_path());
      Program program;
      program.argv = {"systemd-socket-activate", "--listen", path};
      for (const std::string& word : Confine("heddle-forwarder.service")) {
        program.argv.push_back(word);
      }
      program.argv.push_back(Built("node/dataplane/forwarder/heddle-forwarder"));
      forwarders_.push_back(std::make_unique<Process>("heddle-forwarder of " + node.id(),
                                                      node.host().folder() + "/forwarder.log"));
      forwarders_.back()->Start(program);
      EXPECT_TRUE(Within(kSoon, path, [&] { return std::filesystem::exists(path); }));
    }
  }
  void Ca(const std::string& step) {
    RunCommand(nullptr, absl::StrCat(Built("controller/heddle-controller"), " ca ", step,
                                     " --tls-dir ", cluster_->controller().tls_dir()));
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<Process>> forwarders_;
};

TEST_P(ConfinementTest, AllWorks) {
  Controller& controller = cluster_->controller();
  controller.process().Stop();
  GiveToNobody(controller.data_folder());
  GiveToNobody(controller.tls_dir());
  controller.launcher() = Confine("heddle-controller.service");
  controller.Start();
  ASSERT_TRUE(Answers(cluster_->ctl()));
  for (int number = 1; number <= cluster_->size(); ++number) {
    cluster_->node(number).options().launcher = Confine("heddle-node.service");
    // As the README has it set.
    cluster_->host(number).netns().SetSysctl("net/ipv4/ping_group_range", "0 2147483647");
  }
  if (GetParam() == std::string("udp")) StartForwarders();
  ASSERT_TRUE(cluster_->Up());
  EXPECT_TRUE(cluster_->PodsReachEachOther());
  ExpectConfined(controller.process().pid(), "65534", "0000000000000000");
  for (int number = 1; number <= cluster_->size(); ++number) {
    ExpectConfined(cluster_->node(number).process().pid(), "0", "0000000000001000");
  }
  for (const auto& forwarder : forwarders_) {
    ExpectConfined(forwarder->pid(), "65534", "0000000000000000");
  }
  const CommandResult doctor = cluster_->ctl().Try("doctor");
  EXPECT_EQ(doctor.exit_code, 0) << "every node probes every other: " << doctor.out << doctor.err;

  // Each writes what it must keep.
  EXPECT_TRUE(Within(kSoon, "a node has renewed its certificate", [&] {
    return absl::StrContains(cluster_->node(1).process().Log(), "was renewed");
  }));
  Ca("add");
  Ca("promote");
  EXPECT_TRUE(Within(kSoon, "the controller has renewed its own", [&] {
    return absl::StrContains(controller.process().Log(), "renewed the certificate of controller/");
  }));
  // And does well what it does at a start with something there.
  cluster_->node(2).process().Stop();
  cluster_->node(2).Start();
  controller.process().Stop();
  controller.Start();
  EXPECT_TRUE(cluster_->Mesh(kSoon));
  for (const auto& forwarder : forwarders_) EXPECT_TRUE(forwarder->running());
  EXPECT_TRUE(cluster_->PodsReachEachOther());
  std::vector<std::string> logs = {controller.process().Log(), cluster_->node(2).process().Log()};
  for (const auto& forwarder : forwarders_) logs.push_back(forwarder->Log());
  for (const std::string& log : logs) {
    EXPECT_FALSE(absl::StrContains(log, "not permitted")) << log;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, ConfinementTest, testing::Values("vxlan", "host-gw", "udp"),
                         [](const auto& info) {
                           const std::string backend = info.param;
                           if (backend == "host-gw") return "HostGw";
                           return backend == "vxlan" ? "Vxlan" : "Udp";
                         });

}  // namespace
}  // namespace heddle::lab

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (geteuid() == 0) heddle::lab::EnterPrivateNetwork();
  return RUN_ALL_TESTS();
}
