// heddle-node, the controller and the forwarder itself end, are killed and replaced, and pods do
// not notice, or for less than a second.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/version.h"
#include "gtest/gtest.h"
#include "tests/lab/built.h"
#include "tests/lab/error.h"
#include "tests/lab/forwarders.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"
#include "tests/netns/udp_cluster.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);
constexpr absl::Duration kRepairLimit = absl::Seconds(1);

class UdpSurvivalTest : public testing::Test {
 protected:
  void SetUp() override { HEDDLE_SKIP_WITHOUT_LINKS("tun"); }
  void Start(ClusterOptions options = UdpCluster(PodFamilies::kBoth),
             const std::string& forwarder_of_h1 = "") {
    cluster_ = std::make_unique<Cluster>(options);
    node().options().forwarder = forwarder_of_h1;
    ASSERT_TRUE(cluster_->Up());
    ASSERT_TRUE(cluster_->PodsReachEachOther());
  }
  Node& node() { return cluster_->node(1); }
  Host& host() { return cluster_->host(1); }

  // In both families and both ways, from now on.
  void PingAll() {
    for (Family family : cluster_->families()) {
      for (const int from : {1, 2}) {
        streams_.push_back(std::make_unique<PingStream>(cluster_->pod(from).netns(),
                                                        cluster_->pod(3 - from).address(family)));
      }
    }
  }
  void ExpectNoLoss() {
    for (const auto& stream : streams_) EXPECT_TRUE(stream->StopWithoutLoss());
    streams_.clear();
  }
  testing::AssertionResult PodsTalk() {
    for (Family family : cluster_->families()) {
      const auto pings = Pings(cluster_->pod(1).netns(), cluster_->pod(2).address(family), 84,
                               absl::Milliseconds(50));
      if (!pings) return pings;
    }
    return testing::AssertionSuccess();
  }
  testing::AssertionResult PodsTalkAgain() {
    return Within(kRepairLimit, "pods talk again", [&] { return bool(PodsTalk()); });
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<PingStream>> streams_;
};

TEST_F(UdpSurvivalTest, ANodeThatIsKilledOrStoppedLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const std::set<std::string> before = OurObjects(host());
  const pid_t forwarder = ForwarderOf(node());
  PingAll();
  for (int round = 0; round < 4; ++round) {
    if (round % 2 == 0) {
      node().process().Kill();
    } else {
      EXPECT_EQ(node().process().Stop(), 0);
    }
    absl::SleepFor(absl::Milliseconds(300));
    node().Start();
    ASSERT_TRUE(Within(kSoon, "READY", [&] { return node().ready(); }));
  }
  ExpectNoLoss();
  EXPECT_EQ(ForwarderOf(node()), forwarder) << "it is the same one";
  EXPECT_EQ(Difference(before, OurObjects(host())), "");
}

TEST_F(UdpSurvivalTest, AControllerThatIsGoneChangesNothing) {
  ClusterOptions options = UdpCluster(PodFamilies::kBoth);
  options.controller_flags = {"--heartbeat-seconds", "1"};
  ASSERT_NO_FATAL_FAILURE(Start(options));
  PingAll();
  cluster_->controller().process().Kill();
  absl::SleepFor(absl::Seconds(5));  // several missed heartbeats
  cluster_->controller().Start();
  ASSERT_TRUE(Answers(cluster_->ctl()));
  ExpectNoLoss();
}

// The same program but for the version that it says it has, which has as many letters.
std::string WriteOtherVersion(const std::string& program, const std::string& path) {
  std::ifstream in(program, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string ours = absl::StrCat(std::string(1, '\0'), kVersion, std::string(1, '\0'));
  std::string other = ours;
  other[1] = other[1] == '9' ? '8' : '9';
  int found = 0;
  for (std::size_t at = 0; (at = bytes.find(ours, at)) != std::string::npos; ++at, ++found) {
    bytes.replace(at, ours.size(), other);
  }
  if (found == 0) throw LabError("there is no version in " + program);
  std::ofstream(path, std::ios::binary) << bytes;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

TEST_F(UdpSurvivalTest, AnotherVersionTakesOverWithoutLoss) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "with AddressSanitizer the version stands in instructions, where it is not found";
#endif
  const std::string program = Built("node/dataplane/forwarder/heddle-forwarder");
  const std::string other = WriteOtherVersion(program, "/run/lab/heddle-forwarder");
  ASSERT_NO_FATAL_FAILURE(Start(UdpCluster(PodFamilies::kBoth), other));
  const pid_t former = ForwarderOf(node());
  const auto program_of = [](pid_t pid) {
    return std::filesystem::read_symlink(absl::StrCat("/proc/", pid, "/exe")).string();
  };
  ASSERT_EQ(program_of(former), other);
  const std::set<std::string> before = OurObjects(host());
  PingAll();
  absl::SleepFor(absl::Milliseconds(300));
  node().options().forwarder.clear();
  node().process().Kill();
  node().Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node().ready(); }));
  EXPECT_TRUE(Within(kSoon, "another forwarder alone", [&] {
    const std::vector<pid_t> found = ForwardersAt(node().forwarder_socket());
    return found.size() == 1 && found.front() != former;
  }));
  absl::SleepFor(absl::Milliseconds(300));
  ExpectNoLoss();
  EXPECT_EQ(program_of(ForwarderOf(node())), std::filesystem::canonical(program).string());
  EXPECT_EQ(Difference(before, OurObjects(host())), "");
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

TEST_F(UdpSurvivalTest, AForwarderThatIsKilledIsBackInUnderASecond) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const std::set<std::string> before = OurObjects(host());
  for (int round = 0; round < 3; ++round) {
    const pid_t killed = ForwarderOf(node());
    const absl::Time began = absl::Now();
    ASSERT_EQ(kill(killed, SIGKILL), 0);
    EXPECT_TRUE(PodsTalkAgain());
    std::cout << "pods talk again after " << absl::Now() - began << "\n";
    EXPECT_NE(ForwarderOf(node()), killed);
  }
  EXPECT_EQ(Difference(before, OurObjects(host())), "");
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

TEST_F(UdpSurvivalTest, AForwarderThatDiesWhileTheNodeIsAwayIsBackWithIt) {
  ASSERT_NO_FATAL_FAILURE(Start());
  node().process().Kill();
  ASSERT_EQ(kill(ForwarderOf(node()), SIGKILL), 0);
  EXPECT_TRUE(
      Within(kSoon, "it ends", [&] { return ForwardersAt(node().forwarder_socket()).empty(); }));
  EXPECT_FALSE(PodsTalk());
  node().Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node().ready(); }));
  EXPECT_TRUE(PodsTalkAgain());
}

struct Drift {
  const char* name;
  std::vector<std::string> commands;  // of one `ip -batch` on the host
};

class UdpDriftTest : public UdpSurvivalTest, public testing::WithParamInterface<Drift> {};

TEST_P(UdpDriftTest, IsRepairedInUnderASecond) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const std::set<std::string> before = OurObjects(host());
  node().process().Signal(SIGSTOP);  // or it is quicker than the second command
  RunIpBatch(&host().netns(), GetParam().commands);
  EXPECT_NE(Difference(before, OurObjects(host())), "");
  node().process().Signal(SIGCONT);
  EXPECT_TRUE(Within(kRepairLimit, "all of ours as before", [&]() -> std::string {
    try {
      return Difference(before, OurObjects(host()));
    } catch (const LabError& error) {  // a device that was listed is gone when it is looked at
      return error.what();
    }
  }));
  EXPECT_TRUE(PodsTalkAgain());
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

INSTANTIATE_TEST_SUITE_P(
    Of, UdpDriftTest,
    testing::Values(Drift{"Device", {"link delete heddle.udp"}},
                    Drift{"DeviceDown", {"link set heddle.udp down"}},
                    Drift{"Mtu", {"link set heddle.udp mtu 1300"}},
                    Drift{"Addresses", {"addr flush dev heddle.udp scope global"}},
                    Drift{"Nexthops", {"nexthop flush proto 104"}},
                    Drift{"ForeignDevice",
                          {"link delete heddle.udp", "tuntap add dev heddle.udp mode tap"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(UdpSurvivalTest, CleanupLeavesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(node().process().Stop(), 0);
  EXPECT_TRUE(PodsTalk()) << "the network stays when the node stops";
  ASSERT_FALSE(ForwardersAt(node().forwarder_socket()).empty());
  const CommandResult cleanup = node().Cleanup();
  EXPECT_EQ(cleanup.exit_code, 0) << cleanup.err;
  EXPECT_EQ(Difference({}, OurObjects(host())), "");
  EXPECT_TRUE(Within(absl::Seconds(1), "no forwarder: it has nothing to wait for",
                     [&] { return ForwardersAt(node().forwarder_socket()).empty(); }));
  EXPECT_FALSE(std::filesystem::exists(node().forwarder_socket()));
}

// A backend that is left takes its forwarder along.
TEST_F(UdpSurvivalTest, AnotherBackendLeavesNoForwarder) {
  ClusterOptions options = UdpCluster(PodFamilies::kV4);
  options.controller_flags = {"--rollout-grace", "3s"};
  ASSERT_NO_FATAL_FAILURE(Start(options));
  const std::string path = "/run/lab/next-net-conf.json";
  std::ofstream(path) << R"({"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}})";
  const CommandResult set = cluster_->ctl().Try("network set " + path + " --wait");
  ASSERT_EQ(set.exit_code, 0) << set.err;
  EXPECT_TRUE(Within(kSoon, "no forwarder",
                     [&] { return ForwardersAt(node().forwarder_socket()).empty(); }));
  for (const std::string& line : OurObjects(host())) {
    EXPECT_FALSE(absl::StrContains(line, kUdpDevice)) << line;
  }
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

}  // namespace
}  // namespace heddle::lab
