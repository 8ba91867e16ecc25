// The extension backend: paths that commands of the administrator's make, proved by packets.
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

ClusterOptions Options(const nlohmann::json& commands) {
  nlohmann::json net_conf = {{"Network", "10.244.0.0/16"},
                             {"EnableIPv6", true},
                             {"IPv6Network", "fd00:244::/48"},
                             {"Backend", {{"Type", "extension"}}}};
  net_conf["Backend"].update(commands);
  ClusterOptions options;
  options.net_conf = net_conf.dump();
  options.node_flags = {"--allow-extension-commands"};
  return options;
}

ClusterOptions PlainRoutes() {
  return Options({{"SubnetAddCommand", "ip route add $SUBNET via $PUBLIC_IP"},
                  {"SubnetRemoveCommand", "ip route del $SUBNET via $PUBLIC_IP"}});
}

std::string Script(const std::string& name, const std::string& body) {
  const std::string path = "/run/lab/" + name;
  std::ofstream(path) << "#!/bin/sh -e\n" << body;
  EXPECT_EQ(chmod(path.c_str(), 0755), 0);
  return path;
}

std::vector<std::string> LinesOf(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// A VXLAN mesh for IPv4, made by scripts: what each host's device is called travels as backend
// data.
ClusterOptions ScriptedVxlan() {
  const std::string pre = Script("pre",
                                 "ip link show vx7 >/dev/null 2>&1 || ip link add vx7 type vxlan "
                                 "id 7 dev eth0 dstport 4790 nolearning\n"
                                 "ip -o link show vx7 | grep -o 'link/ether [0-9a-f:]*'\n");
  const std::string post = Script("post",
                                  "echo up $SUBNET $IPV6SUBNET of $NETWORK >>/run/lab/trace\n"
                                  "ip address replace ${SUBNET%/*}/32 dev vx7\n"
                                  "ip link set vx7 up mtu 1450\n");
  const std::string add = Script("add",
                                 "read link mac\n"
                                 "case $SUBNET in *:*) exit 0;; esac\n"
                                 "echo add $SUBNET >>/run/lab/trace\n"
                                 "ip neigh replace ${SUBNET%/*} lladdr $mac dev vx7 nud permanent\n"
                                 "bridge fdb replace $mac dev vx7 dst $PUBLIC_IP\n"
                                 "ip route replace $SUBNET via ${SUBNET%/*} dev vx7 onlink\n");
  const std::string remove = Script("remove",
                                    "read link mac\n"
                                    "case $SUBNET in *:*) exit 0;; esac\n"
                                    "echo remove $SUBNET >>/run/lab/trace\n"
                                    "ip route del $SUBNET\n"
                                    "bridge fdb del $mac dev vx7\n"
                                    "ip neigh del ${SUBNET%/*} dev vx7\n");
  return Options({{"PreStartupCommand", pre},
                  {"PostStartupCommand", post},
                  {"SubnetAddCommand", add},
                  {"SubnetRemoveCommand", remove}});
}

class ExtensionTest : public testing::Test {
 protected:
  void Start(const ClusterOptions& options) {
    unlink("/run/lab/trace");
    cluster_ = std::make_unique<Cluster>(options);
    cluster_->StartNodes();
    for (int number = 1; number <= cluster_->size(); ++number) {
      ASSERT_TRUE(BecomesReady(number));
      const Node& node = cluster_->node(number);
      pods_.push_back(std::make_unique<Pod>(node.host(), *node.subnet_env()));
    }
  }
  testing::AssertionResult BecomesReady(int number) {
    return Within(kSoon, absl::StrCat("READY of h", number),
                  [&] { return cluster_->node(number).ready(); });
  }
  testing::AssertionResult PodsTalk(Family family) {
    for (auto& from : pods_) {
      for (auto& to : pods_) {
        if (from == to) continue;
        const auto pings = Pings(from->netns(), to->address(family), 84, kSoon);
        if (!pings) return pings;
      }
    }
    return testing::AssertionSuccess();
  }
  std::string Subnet(int number, Family family) {
    return cluster_->node(number).subnet_env()->subnet[family]->ToString();
  }
  testing::AssertionResult RouteGoes(int on, const std::string& subnet) {
    const std::string family = absl::StrContains(subnet, ':') ? "-6" : "-4";
    return Within(kSoon, absl::StrCat("h", on, " loses its route to ", subnet), [&, on] {
      return cluster_->host(on).IpCommand(absl::StrCat(family, " route show ", subnet)).empty();
    });
  }

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<Pod>> pods_;
};

TEST_F(ExtensionTest, PlainRoutesByCommandsCarryBothFamilies) {
  Start(PlainRoutes());
  for (Family family : kFamilies) EXPECT_TRUE(PodsTalk(family));
}

TEST_F(ExtensionTest, APeerThatLeavesIsUndoneAlsoByANodeThatWasDown) {
  Start(PlainRoutes());
  ASSERT_TRUE(PodsTalk(Family::kV4));
  const std::string v4 = Subnet(3, Family::kV4), v6 = Subnet(3, Family::kV6);
  cluster_->node(2).process().Stop();
  cluster_->node(3).process().Stop();
  ASSERT_EQ(cluster_->ctl().Try("lease release h3 --yes").exit_code, 0);
  EXPECT_TRUE(RouteGoes(1, v4));
  EXPECT_TRUE(RouteGoes(1, v6));
  EXPECT_NE(cluster_->host(2).IpCommand("-4 route show " + v4), "") << "nobody has told it yet";
  cluster_->node(2).Start();
  EXPECT_TRUE(RouteGoes(2, v4));
  EXPECT_TRUE(RouteGoes(2, v6));
  EXPECT_TRUE(Pings(pods_[0]->netns(), pods_[1]->address(Family::kV4), 84, kSoon));
}

TEST_F(ExtensionTest, ScriptsMakeAVxlanMeshAndARestartRunsNothingAgain) {
  Start(ScriptedVxlan());
  EXPECT_TRUE(PodsTalk(Family::kV4));
  const std::vector<std::string> trace = LinesOf("/run/lab/trace");
  EXPECT_EQ(trace.size(), 3u + 6u) << "each host is up once and has two peers";
  EXPECT_NE(std::find(trace.begin(), trace.end(),
                      absl::StrCat("up ", Subnet(1, Family::kV4), " ", Subnet(1, Family::kV6),
                                   " of 10.244.0.0/16")),
            trace.end());
  cluster_->node(1).process().Kill();
  cluster_->node(1).Start();
  ASSERT_TRUE(BecomesReady(1));
  EXPECT_EQ(LinesOf("/run/lab/trace"), trace);

  const std::string gone = Subnet(3, Family::kV4);
  cluster_->node(3).process().Stop();
  ASSERT_EQ(cluster_->ctl().Try("lease release h3 --yes").exit_code, 0);
  EXPECT_TRUE(RouteGoes(1, gone));
  EXPECT_TRUE(RouteGoes(2, gone));
  const std::vector<std::string> after = LinesOf("/run/lab/trace");
  EXPECT_EQ(std::count(after.begin(), after.end(), "remove " + gone), 2);
}

TEST_F(ExtensionTest, CleanupUndoesWhatWasRun) {
  Start(PlainRoutes());
  const std::string v4 = Subnet(2, Family::kV4);
  ASSERT_NE(cluster_->host(1).IpCommand("-4 route show " + v4), "");
  cluster_->node(1).process().Stop();
  const CommandResult cleanup = cluster_->node(1).Cleanup();
  EXPECT_EQ(cleanup.exit_code, 0) << cleanup.out << cleanup.err;
  EXPECT_EQ(cluster_->host(1).IpCommand("-4 route show " + v4), "");
}

TEST_F(ExtensionTest, AHostThatDoesNotAllowCommandsRunsNoneAndSaysSo) {
  ClusterOptions options = ScriptedVxlan();
  options.lab.hosts = 1;
  options.node_flags.clear();
  unlink("/run/lab/trace");
  Cluster cluster(options);
  cluster.StartNodes();
  EXPECT_TRUE(Within(kSoon, "the refusal", [&] {
    return absl::StrContains(cluster.node(1).process().Log(), "--allow-extension-commands");
  }));
  absl::SleepFor(absl::Seconds(1));
  EXPECT_FALSE(cluster.node(1).ready());
  EXPECT_TRUE(LinesOf("/run/lab/trace").empty());
  EXPECT_FALSE(absl::StrContains(cluster.host(1).IpCommand("link"), "vx7"));
}

}  // namespace
}  // namespace heddle::lab
