// The backend changes while pods talk, and no packet is lost.
//
// "vxlan-direct" is vxlan with DirectRouting. Where ipip takes part there is no IPv6, which ipip
// does not carry.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/ping.h"
#include "tests/lab/time_scale.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

std::string NetConf(const std::string& backend, bool ipv6) {
  const bool direct = backend == "vxlan-direct";
  return absl::StrCat(R"({"Network": "10.244.0.0/16", )",
                      ipv6 ? R"("EnableIPv6": true, "IPv6Network": "fd00:244::/48", )" : "",
                      R"("Backend": {"Type": ")", direct ? "vxlan" : backend, "\"",
                      direct ? R"(, "DirectRouting": true)" : "", "}}");
}

class RolloutTest : public testing::Test {
 protected:
  void Start(const std::string& first, int hosts, bool ipv6 = true) {
    ipv6_ = ipv6;
    ClusterOptions options;
    options.lab.hosts = hosts;
    options.net_conf = NetConf(first, ipv6);
    options.controller_flags = {"--rollout-grace", "3s"};
    cluster_ = std::make_unique<Cluster>(options);
    ASSERT_TRUE(cluster_->Up(absl::Seconds(60)));
    ASSERT_TRUE(cluster_->PodsReachEachOther());
  }

  // From every pod to every one with a higher number; the replies go the other way.
  void PingAll(const std::vector<int>& numbers) {
    for (int from : numbers) {
      for (int to : numbers) {
        if (from >= to) continue;
        for (Family family : cluster_->families()) {
          streams_.push_back(std::make_unique<PingStream>(cluster_->pod(from).netns(),
                                                          cluster_->pod(to).address(family)));
        }
      }
    }
  }
  void ExpectNoLoss() {
    absl::SleepFor(absl::Milliseconds(300));
    int sent = 0;
    for (const auto& stream : streams_) {
      EXPECT_TRUE(stream->StopWithoutLoss());
      sent += stream->sent();
    }
    std::cout << sent << " pings in " << streams_.size() << " streams\n";
    streams_.clear();
  }

  CommandResult Set(const std::string& backend, const std::string& flags = "") {
    const std::string path = "/run/lab/rollout-net-conf.json";
    std::ofstream(path) << NetConf(backend, ipv6_);
    return cluster_->ctl().Try(absl::StrCat("network set ", path, " ", flags));
  }
  nlohmann::json Rollout() { return cluster_->ctl().Json("network show")["rollout"]; }
  testing::AssertionResult ComesToStep(int step) {
    return Within(absl::Seconds(20), absl::StrCat("step ", step), [&]() -> std::string {
      const nlohmann::json rollout = Rollout();
      return rollout.is_object() && rollout["step"] == step ? "" : rollout.dump();
    });
  }
  testing::AssertionResult Ends(const std::string& backend) {
    return Within(absl::Seconds(30), "the end of the change", [&]() -> std::string {
      const nlohmann::json network = cluster_->ctl().Json("network show");
      if (!network["rollout"].is_null()) return network["rollout"].dump();
      return network["backend"]["type"] == backend ? "" : network["backend"].dump();
    });
  }

  bool ipv6_ = true;
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<PingStream>> streams_;
};

struct Journey {
  const char* name;
  std::vector<std::string> backends;
  int hosts;  // an emulated processor cannot keep up with encrypting many streams of pings
  bool ipv6;
};

class Journeys : public RolloutTest, public testing::WithParamInterface<Journey> {};

TEST_P(Journeys, LoseNoPacket) {
  const std::vector<std::string>& backends = GetParam().backends;
  const std::pair<const char*, const char*> kNeeds[] = {
      {"ipip", "ipip"}, {"wireguard", "wireguard"}, {"udp", "tun"}};
  for (const auto& [backend, link] : kNeeds) {
    const bool takes_part = std::find(backends.begin(), backends.end(), backend) != backends.end();
    HEDDLE_SKIP_WITHOUT_LINKS(takes_part ? link : "");
  }
  ASSERT_NO_FATAL_FAILURE(Start(backends.front(), GetParam().hosts, GetParam().ipv6));
  std::vector<int> all(GetParam().hosts);
  std::iota(all.begin(), all.end(), 1);
  PingAll(all);
  const std::string wait = absl::StrCat("--wait --wait-timeout-seconds ",
                                        absl::ToInt64Seconds(Scaled(absl::Seconds(60))));
  for (std::size_t i = 1; i < backends.size(); ++i) {
    const absl::Time began = absl::Now();
    const CommandResult set = Set(backends[i], wait);
    std::cout << backends[i - 1] << " to " << backends[i] << " in "
              << absl::FormatDuration(absl::Trunc(absl::Now() - began, absl::Milliseconds(1)))
              << ":\n"
              << set.out;
    ASSERT_EQ(set.exit_code, 0) << set.out << set.err;
    ASSERT_TRUE(cluster_->Mesh(absl::Seconds(5)));
  }
  ExpectNoLoss();
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

INSTANTIATE_TEST_SUITE_P(
    Each, Journeys,
    testing::Values(
        Journey{"Routes",
                {"vxlan", "host-gw", "vxlan", "vxlan-direct", "host-gw", "vxlan-direct", "host-gw"},
                4,
                true},
        Journey{"Udp", {"vxlan", "udp", "vxlan", "host-gw", "udp", "host-gw"}, 3, true},
        Journey{"Wireguard", {"vxlan", "wireguard", "host-gw", "wireguard", "vxlan"}, 2, true},
        Journey{"Ipip", {"vxlan", "ipip", "wireguard", "ipip", "host-gw", "vxlan"}, 4, false}),
    [](const auto& info) { return info.param.name; });

TEST_F(RolloutTest, ANodeThatIsAwayComesBackIntoTheNewPlane) {
  ASSERT_NO_FATAL_FAILURE(Start("vxlan", 4));
  cluster_->node(4).process().Stop();
  PingAll({1, 2, 3});
  ASSERT_EQ(Set("host-gw").exit_code, 0);
  EXPECT_TRUE(Ends("host-gw"));
  cluster_->node(4).Start();
  EXPECT_TRUE(cluster_->Mesh(absl::Seconds(20)));
  ExpectNoLoss();
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

TEST_F(RolloutTest, NodesKilledInEachStepLoseNothing) {
  ASSERT_NO_FATAL_FAILURE(Start("vxlan", 4));
  PingAll({1, 2, 3, 4});
  const auto restart = [&](int number) {
    cluster_->node(number).process().Kill();
    cluster_->node(number).Start();
  };
  // One that cannot answer holds the first step.
  cluster_->node(3).process().Signal(SIGSTOP);
  ASSERT_EQ(Set("host-gw").exit_code, 0);
  ASSERT_TRUE(ComesToStep(1));
  restart(2);
  cluster_->node(3).process().Signal(SIGCONT);
  ASSERT_TRUE(ComesToStep(2));
  restart(4);
  EXPECT_TRUE(Ends("host-gw"));
  restart(1);
  EXPECT_TRUE(cluster_->Mesh(absl::Seconds(20)));
  ExpectNoLoss();
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

TEST_F(RolloutTest, AChangeThatIsTakenBackLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start("vxlan", 4));
  PingAll({1, 2, 3, 4});
  cluster_->node(3).process().Signal(SIGSTOP);
  ASSERT_EQ(Set("host-gw").exit_code, 0);
  EXPECT_TRUE(Within(absl::Seconds(10), "h3 is waited for", [&]() -> std::string {
    const nlohmann::json rollout = Rollout();
    const bool named = rollout.is_object() && rollout["done"] == 3 &&
                       rollout["waitingFor"].size() == 1 &&
                       rollout["waitingFor"][0]["nodeId"] == "h3";
    return named ? "" : rollout.dump();
  }));
  EXPECT_EQ(Set("vxlan").exit_code, 0);
  EXPECT_TRUE(Ends("vxlan"));
  cluster_->node(3).process().Signal(SIGCONT);
  EXPECT_EQ(Set("vxlan", "--wait").exit_code, 0);
  ExpectNoLoss();
  EXPECT_TRUE(cluster_->PodsReachEachOther());
}

// The controller is gone in the middle; what it has stored goes on where it was.
TEST_F(RolloutTest, GoesOnAfterTheControllerIsKilled) {
  ASSERT_NO_FATAL_FAILURE(Start("vxlan", 4));
  PingAll({1, 2, 3, 4});
  cluster_->node(3).process().Signal(SIGSTOP);
  ASSERT_EQ(Set("host-gw").exit_code, 0);
  ASSERT_TRUE(ComesToStep(1));
  cluster_->controller().process().Kill();
  cluster_->node(3).process().Signal(SIGCONT);
  cluster_->controller().Start();
  ASSERT_TRUE(Answers(cluster_->ctl()));
  EXPECT_TRUE(Ends("host-gw"));
  EXPECT_TRUE(cluster_->Mesh(absl::Seconds(20)));
  ExpectNoLoss();
}

TEST_F(RolloutTest, TwentyFourHosts) {
  ASSERT_NO_FATAL_FAILURE(Start("vxlan", 24));
  PingAll({1, 12, 24});
  for (const char* backend : {"host-gw", "vxlan"}) {
    const absl::Time began = absl::Now();
    const CommandResult set = Set(backend, "--wait");
    std::cout << "24 hosts to " << backend << " in "
              << absl::FormatDuration(absl::Trunc(absl::Now() - began, absl::Milliseconds(1)))
              << "\n";
    EXPECT_EQ(set.exit_code, 0) << set.out << set.err;
  }
  ExpectNoLoss();
}

}  // namespace
}  // namespace heddle::lab
