// The cluster moves to another range, node by node, while pods talk.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr const char* kOld =
    R"({"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
        "Backend": {"Type": "vxlan"}})";
constexpr const char* kNew =
    R"({"Network": "10.60.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:60::/48",
        "Backend": {"Type": "vxlan"}})";
constexpr const char* kThird =
    R"({"Network": "10.70.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:60::/48",
        "Backend": {"Type": "vxlan"}})";
constexpr const char* kOldNetworks[] = {"10.244.", "fd00:244:"};

std::string File(const std::string& net_conf) {
  const std::string path = "/run/lab/new-net-conf.json";
  std::ofstream(path) << net_conf;
  return path;
}

class RangeTest : public testing::Test {
 protected:
  RangeTest() : cluster_(Options()) {}

  static ClusterOptions Options() {
    ClusterOptions options;
    options.net_conf = kOld;
    options.node_flags = {"--ip-masq"};
    return options;
  }
  void Ctl(const std::string& command) {
    const CommandResult result = cluster_.ctl().Try(command);
    EXPECT_EQ(result.exit_code, 0) << command << ": " << result.out << result.err;
  }
  // Between pods that talk already, and for a while before anything is changed.
  void StartPings() {
    EXPECT_TRUE(cluster_.PodsReachEachOther());
    for (const auto& [from, to] : {std::pair(1, 2), std::pair(2, 3), std::pair(3, 1)}) {
      for (Family family : kFamilies) {
        streams_.push_back(std::make_unique<PingStream>(cluster_.pod(from).netns(),
                                                        cluster_.pod(to).address(family)));
      }
    }
    absl::SleepFor(absl::Milliseconds(300));
  }
  // All of the pods that the test began with.
  void ExpectNoLoss() {
    for (auto& stream : streams_) EXPECT_TRUE(stream->StopWithoutLoss());
    streams_.clear();
  }
  // Gives the host a pod with an address of what subnet.env says now.
  void AddPod(int number) {
    Node& node = cluster_.node(number);
    new_pods_.push_back(std::make_unique<Pod>(node.host(), *node.subnet_env(), 2));
  }
  void ExpectAllReachEachOther() {
    for (const auto& pod : new_pods_) {
      for (Family family : kFamilies) {
        for (int number = 1; number <= cluster_.size(); ++number) {
          Pod& old_pod = cluster_.pod(number);
          EXPECT_TRUE(Pings(pod->netns(), old_pod.address(family)));
          EXPECT_TRUE(Pings(old_pod.netns(), pod->address(family)));
        }
        for (const auto& other : new_pods_) {
          if (other == pod) continue;
          EXPECT_TRUE(Pings(pod->netns(), other->address(family)));
        }
      }
    }
  }
  // What is left of the old ranges in a host's kernel, apart from the pods' own bridge.
  std::string TraceOfOldRanges(int number) {
    for (const std::string& line : OurObjects(cluster_.host(number))) {
      for (const char* old : kOldNetworks) {
        if (absl::StrContains(line, old)) return line;
      }
    }
    return "";
  }
  std::string SubnetIn(int number, Family family) {
    return cluster_.node(number).subnet_env()->subnet[family]->ToString();
  }

  testing::AssertionResult Renumbered(int number) {
    return Within(absl::Seconds(20), "the new subnet in subnet.env",
                  [&] { return absl::StartsWith(SubnetIn(number, Family::kV4), "10.60."); });
  }

  Cluster cluster_;
  std::vector<std::unique_ptr<PingStream>> streams_;
  std::vector<std::unique_ptr<Pod>> new_pods_;
};

TEST_F(RangeTest, TheClusterMovesNodeByNodeAndNoPingBetweenRemainingPodsIsLost) {
  ASSERT_TRUE(cluster_.Up());
  StartPings();
  const std::string before = cluster_.node(1).subnet_env()->text;
  Ctl("network set --drain " + File(kNew) + " --wait");
  EXPECT_EQ(cluster_.node(1).subnet_env()->text, before) << "a host changes when it is renumbered";
  EXPECT_EQ(cluster_.ctl().Json("network show")["leasesDraining"], 3);
  for (int number = 1; number <= 3; ++number) {
    const std::string id = cluster_.node(number).id();
    Ctl("node renumber " + id + " --wait");
    EXPECT_TRUE(absl::StartsWith(SubnetIn(number, Family::kV4), "10.60."));
    EXPECT_TRUE(absl::StartsWith(SubnetIn(number, Family::kV6), "fd00:60:"));
    EXPECT_EQ(cluster_.node(number).subnet_env()->network[Family::kV4]->ToString(), "10.60.0.0/16");
    AddPod(number);
    ExpectAllReachEachOther();
  }
  absl::SleepFor(absl::Milliseconds(300));
  ExpectNoLoss();

  // The pods with new addresses are those that remain now.
  std::vector<std::unique_ptr<PingStream>> remaining;
  for (Family family : kFamilies) {
    remaining.push_back(
        std::make_unique<PingStream>(new_pods_[0]->netns(), new_pods_[1]->address(family)));
    remaining.push_back(
        std::make_unique<PingStream>(new_pods_[2]->netns(), new_pods_[0]->address(family)));
  }
  for (int number = 1; number <= 3; ++number) {
    Ctl("node renumber " + cluster_.node(number).id() + " --finish --yes --wait");
  }
  EXPECT_TRUE(Within(absl::Seconds(15), "the old ranges are forgotten", [&] {
    const nlohmann::json network = cluster_.ctl().Json("network show");
    return network["ipv4"]["draining"].is_null() && network["ipv6"]["draining"].is_null();
  }));
  for (int number = 1; number <= 3; ++number) {
    EXPECT_TRUE(Within(absl::Seconds(2), "no trace of the old ranges",
                       [&] { return TraceOfOldRanges(number); }));
  }
  absl::SleepFor(absl::Milliseconds(300));
  for (auto& stream : remaining) EXPECT_TRUE(stream->StopWithoutLoss());
  EXPECT_TRUE(Within(absl::Seconds(5), "every node is ready, with one subnet", [&] {
    const nlohmann::json listed = cluster_.ctl().Json("node list");
    for (const auto& node : listed["nodes"]) {
      if (node["state"] != "ready" || !node["drainingIpv4Subnet"].is_null()) return node.dump();
    }
    return std::string();
  }));
}

TEST_F(RangeTest, HalfwayTheClusterComesBackWithoutLoss) {
  ASSERT_TRUE(cluster_.Up());
  StartPings();
  const std::string before = cluster_.node(1).subnet_env()->text;
  Ctl("network set --drain " + File(kNew) + " --wait");
  Ctl("node renumber h1 --wait");
  AddPod(1);
  const CommandResult third = cluster_.ctl().Try("network set --drain " + File(kThird));
  EXPECT_EQ(third.exit_code, 4) << third.out << third.err;
  EXPECT_TRUE(absl::StrContains(third.err, "still moving from 10.244.0.0/16")) << third.err;
  Ctl("network set --drain " + File(kOld) + " --wait");
  ExpectAllReachEachOther();
  Ctl("node renumber h1 --wait");
  ExpectAllReachEachOther();
  EXPECT_EQ(cluster_.node(1).subnet_env()->text, before);
  Ctl("node renumber h1 --finish --yes --wait");
  EXPECT_TRUE(Within(absl::Seconds(15), "the move is over", [&] {
    return cluster_.ctl().Json("network show")["ipv4"]["draining"].is_null();
  }));
  absl::SleepFor(absl::Milliseconds(300));
  ExpectNoLoss();
}

TEST_F(RangeTest, ANodeThatIsAwayWhileTheClusterMovesKeepsItsPods) {
  ASSERT_TRUE(cluster_.Up());
  StartPings();
  cluster_.node(3).process().Kill();
  Ctl("network set --drain " + File(kNew));
  Ctl("node renumber h1");
  Ctl("node renumber h3");  // it learns of it when it comes back
  ASSERT_TRUE(Renumbered(1));
  AddPod(1);
  cluster_.node(3).Start();
  ASSERT_TRUE(Renumbered(3));
  Ctl("node renumber h2 --wait");
  AddPod(3);
  ExpectAllReachEachOther();
  ExpectNoLoss();
}

// The controller and the nodes keep what a move needs on disk.
TEST_F(RangeTest, AMoveGoesOnAfterEveryProgramWasRestarted) {
  ASSERT_TRUE(cluster_.Up());
  StartPings();
  Ctl("network set --drain " + File(kNew) + " --wait");
  Ctl("node renumber h1 --wait");
  AddPod(1);
  absl::SleepFor(absl::Seconds(2));  // a node saves its snapshot a second after a change
  cluster_.controller().process().Kill();
  for (int number = 1; number <= 3; ++number) cluster_.node(number).process().Kill();
  for (int number = 1; number <= 3; ++number) cluster_.node(number).Start();
  EXPECT_TRUE(Within(absl::Seconds(20), "ready from the saved snapshot", [&] {
    return cluster_.node(1).ready() && cluster_.node(2).ready() && cluster_.node(3).ready();
  }));
  ExpectAllReachEachOther();
  cluster_.controller().Start();
  ASSERT_TRUE(Answers(cluster_.ctl()));
  for (int number = 1; number <= 3; ++number) {
    Ctl("node renumber " + cluster_.node(number).id() + " --wait");
  }
  AddPod(2);
  ExpectAllReachEachOther();
  ExpectNoLoss();
}

}  // namespace
}  // namespace heddle::lab
