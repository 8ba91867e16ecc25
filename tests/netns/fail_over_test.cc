// Controllers of several die and come back, and so does their etcd; the data plane does not notice.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_monitor.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr int kReplicas = 3;
constexpr absl::Duration kSoon = absl::Seconds(15);

ClusterOptions Several() {
  ClusterOptions options;
  options.lab.hosts = 4;
  options.replicas = kReplicas;
  options.net_conf = R"({"Network": "10.244.0.0/16", "EnableIPv6": true,
                         "IPv6Network": "fd00:244::/48", "Backend": {"Type": "vxlan"}})";
  // The log says how each node was served.
  options.controller_flags = {"--heartbeat-seconds", "1",    "--leader-ttl", "2s",
                              "--log-level",         "debug"};
  return options;
}

class FailOverTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Etcd::installed()) GTEST_SKIP() << "SKIPPED: /usr/bin/etcd is missing (tools/setup.sh)";
    cluster_ = std::make_unique<Cluster>(Several());
    ASSERT_TRUE(cluster_->Up());
    ASSERT_TRUE(cluster_->PodsReachEachOther(kSoon));
    ASSERT_TRUE(Reattached(std::vector<int>(4, 0)));
    ASSERT_NO_FATAL_FAILURE(Watch());
  }

  // How often `words` are in the logs of all controllers.
  int Logged(const std::string& words) {
    int count = 0;
    for (int number = 0; number < kReplicas; ++number) {
      for (absl::string_view line :
           absl::StrSplit(cluster_->controller(number).process().Log(), '\n')) {
        if (absl::StrContains(line, words)) ++count;
      }
    }
    return count;
  }

  // Endpoints that a node attached to, in order.
  std::vector<std::string> Attachments(int number) {
    const std::string kAttached = "attached to controller ";
    std::vector<std::string> endpoints;
    for (absl::string_view line : absl::StrSplit(cluster_->node(number).process().Log(), '\n')) {
      const auto at = line.find(kAttached);
      if (at == line.npos) continue;
      endpoints.emplace_back(*absl::StrSplit(line.substr(at + kAttached.size()), ' ').begin());
    }
    return endpoints;
  }
  std::vector<int> AttachmentCounts() {
    std::vector<int> counts;
    for (int number = 1; number <= cluster_->size(); ++number) {
      counts.push_back(static_cast<int>(Attachments(number).size()));
    }
    return counts;
  }
  // Whether every node has attached more often than `before` says.
  testing::AssertionResult Reattached(const std::vector<int>& before) {
    return Within(kSoon, "all nodes attached", [&]() -> std::string {
      const std::vector<int> now = AttachmentCounts();
      for (std::size_t i = 0; i < now.size(); ++i) {
        if (now[i] <= before[i]) return absl::StrCat("h", i + 1, " is not attached again");
      }
      return "";
    });
  }

  // From here on nothing may happen to pods and kernels.
  void Watch() {
    absl::SleepFor(absl::Seconds(1));  // what the mesh's making has still to say
    snapshots_before_ = Logged("is sent a snapshot");
    resumed_before_ = Logged("is sent what changed");
    ASSERT_GE(snapshots_before_, cluster_->size()) << "the controllers' logs do not say it";
    for (int number = 1; number <= cluster_->size(); ++number) {
      monitors_.push_back(std::make_unique<KernelMonitor>(cluster_->host(number)));
      rules_.push_back(RulesWithHandles(cluster_->host(number)));
      const int next = number % cluster_->size() + 1;
      const Family family = number % 2 == 0 ? Family::kV4 : Family::kV6;
      pings_.push_back(std::make_unique<PingStream>(cluster_->pod(number).netns(),
                                                    cluster_->pod(next).address(family)));
    }
  }
  void ExpectUndisturbed() {
    absl::SleepFor(absl::Seconds(2));  // for what may still follow
    for (const auto& ping : pings_) EXPECT_TRUE(ping->StopWithoutLoss());
    for (int number = 1; number <= cluster_->size(); ++number) {
      EXPECT_EQ(absl::StrJoin(monitors_[number - 1]->ChangesOfOurs(), "\n"), "") << "h" << number;
      EXPECT_EQ(RulesWithHandles(cluster_->host(number)), rules_[number - 1]) << "h" << number;
    }
  }
  // `nodes` attached again, and went on from what they had.
  void ExpectResumed(int nodes) {
    EXPECT_GE(Logged("is sent what changed") - resumed_before_, nodes);
    EXPECT_EQ(Logged("is sent a snapshot"), snapshots_before_) << "nothing had changed";
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<KernelMonitor>> monitors_;
  std::vector<std::string> rules_;
  std::vector<std::unique_ptr<PingStream>> pings_;
  int snapshots_before_ = 0, resumed_before_ = 0;
};

TEST_F(FailOverTest, ControllerOfANodeDiesAndItGoesOnFromAnother) {
  const std::string dead = Attachments(1).back();
  int killed = 0;
  while (cluster_->controller(killed).endpoint() != dead) ++killed;
  std::vector<int> before = AttachmentCounts();
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (Attachments(static_cast<int>(i) + 1).back() != dead) --before[i];  // stays where it is
  }
  const absl::Time start = absl::Now();
  cluster_->controller(killed).process().Kill();
  ASSERT_TRUE(Reattached(before));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5)) << "on a busy machine; 250 ms and a little";
  for (int number = 1; number <= cluster_->size(); ++number) {
    EXPECT_NE(Attachments(number).back(), dead) << "h" << number;
  }
  ExpectResumed(1);
  ExpectUndisturbed();
}

TEST_F(FailOverTest, AllControllersDieAndComeBack) {
  const std::vector<int> before = AttachmentCounts();
  for (int number = 0; number < kReplicas; ++number) {
    cluster_->controller(number).process().Kill();
  }
  absl::SleepFor(absl::Seconds(2));
  for (int number = 0; number < kReplicas; ++number) cluster_->controller(number).Start();
  ASSERT_TRUE(Reattached(before));
  ExpectResumed(cluster_->size());
  ExpectUndisturbed();
}

TEST_F(FailOverTest, NodeThatStartsWhileEtcdIsGoneIsServedTheLastState) {
  std::vector<int> before = AttachmentCounts();
  for (int& count : before) --count;
  ++before[1];  // this one is to attach again
  cluster_->etcd().process().Kill();
  absl::SleepFor(absl::Seconds(3));
  Node& node = cluster_->node(2);
  const std::size_t said_before = node.process().Log().size();
  node.process().Kill();
  node.Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return node.ready(); }));
  const auto log_has = [&](const std::string& words) {
    return Within(kSoon, words, [&] {
      return node.process().Log().find(words, said_before) != std::string::npos;
    });
  };
  EXPECT_TRUE(log_has("has not reached its store since"));
  EXPECT_TRUE(Reattached(before)) << "a replica serves what it has";
  cluster_->etcd().Start();
  EXPECT_TRUE(log_has("reaches its store"));
  ExpectResumed(1);
  ExpectUndisturbed();
}

}  // namespace
}  // namespace heddle::lab
