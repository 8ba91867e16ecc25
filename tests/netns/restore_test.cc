// A backup is restored that is older than what the cluster has become, and the pods do not notice.
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

std::map<std::string, std::string> SubnetsOf(const Heddlectl& ctl) {
  std::map<std::string, std::string> subnets;
  const auto answer = ctl.Json("lease list");
  for (const auto& lease : answer["leases"]) {
    subnets[lease["nodeId"]] = lease["ipv4Subnet"];
  }
  return subnets;
}

TEST(RestoreTest, AnOlderBackupCostsNoPacketAndNoSubnet) {
  ClusterOptions options;
  options.lab.hosts = 5;
  options.controller_flags = {"--restore-settle", "12s"};
  Cluster cluster(options);
  const Heddlectl& ctl = cluster.ctl();
  for (int number = 1; number <= 3; ++number) cluster.node(number).Start();
  for (int number = 1; number <= 3; ++number) {
    ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(number).ready(); }));
  }
  const std::string file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/backup");
  const CommandResult saved = ctl.Try("backup " + file);
  ASSERT_EQ(saved.exit_code, 0) << saved.err;

  cluster.node(4).Start();
  ASSERT_TRUE(Within(kSoon, "READY", [&] { return cluster.node(4).ready(); }));
  std::vector<std::unique_ptr<Pod>> pods;
  for (int number = 1; number <= 4; ++number) {
    pods.push_back(std::make_unique<Pod>(cluster.host(number), *cluster.node(number).subnet_env()));
  }
  for (const auto& [from, to] : {std::make_pair(1, 4), {4, 2}, {2, 3}}) {
    ASSERT_TRUE(Pings(pods[from - 1]->netns(), pods[to - 1]->address(Family::kV4), 84, kSoon));
  }
  const std::map<std::string, std::string> before = SubnetsOf(ctl);
  ASSERT_EQ(before.size(), 4u);
  const std::string history = HistoryOf(ctl);

  PingStream known(pods[1]->netns(), pods[2]->address(Family::kV4));
  PingStream to_unknown(pods[0]->netns(), pods[3]->address(Family::kV4));
  PingStream from_unknown(pods[3]->netns(), pods[1]->address(Family::kV4));
  const CommandResult refused = ctl.Try("restore " + file);
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  const CommandResult restored = ctl.Try("restore --replace --yes " + file);
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  ASSERT_TRUE(Within(kSoon, "another history", [&] {
    const std::string now = HistoryOf(ctl);
    return !now.empty() && now != history;
  }));
  // A host that joins now must not be given what h4 has.
  cluster.MakeTicket();
  cluster.node(5).Start();
  ASSERT_TRUE(Within(kSoon, "all four are back", [&] { return SubnetsOf(ctl) == before; }));
  // It was refused while the store settled, and asks again after ten seconds at most.
  ASSERT_TRUE(
      Within(absl::Seconds(12 + 10) + kSoon, "READY", [&] { return cluster.node(5).ready(); }))
      << ctl.Try("node list").out << ctl.Try("status").out;
  ASSERT_TRUE(cluster.Mesh(kSoon));
  EXPECT_TRUE(known.StopWithoutLoss());
  EXPECT_TRUE(to_unknown.StopWithoutLoss());
  EXPECT_TRUE(from_unknown.StopWithoutLoss());

  std::map<std::string, std::string> after = SubnetsOf(ctl);
  const std::string fifth = after["h5"];
  after.erase("h5");
  EXPECT_EQ(after, before);
  for (const auto& [node, subnet] : before) EXPECT_NE(subnet, fifth) << node;
}

// As docs/backup.md moves a cluster, with nodes that are faster than the administrator.
TEST(RestoreTest, AMoveToEtcdCostsNoPacketThoughNodesAreThereFirst) {
  if (!Etcd::installed()) GTEST_SKIP() << "SKIPPED: /usr/bin/etcd is missing (tools/setup.sh)";
  ClusterOptions options;
  Cluster cluster(options);
  Controller next(cluster.lab().control(), cluster.pki(), options.net_conf,
                  {"--etcd-endpoints", cluster.etcd().endpoint(), "--restore-settle", "3s"}, 1);
  for (int number = 1; number <= cluster.size(); ++number) {
    absl::StrAppend(&cluster.node(number).options().controllers, ",", next.endpoint());
  }
  ASSERT_TRUE(cluster.Up());
  ASSERT_TRUE(cluster.PodsReachEachOther(kSoon));
  ASSERT_EQ(cluster.ctl().Try("lease reserve h9 10.244.142.0/24").exit_code, 0);
  const std::map<std::string, std::string> before = SubnetsOf(cluster.ctl());
  const std::string file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/moved");
  ASSERT_EQ(cluster.ctl().Try("backup " + file).exit_code, 0);

  PingStream there(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  PingStream back(cluster.pod(3).netns(), cluster.pod(1).address(Family::kV4));
  cluster.controller().process().Stop();
  cluster.etcd().Start();
  next.Start();
  const Heddlectl ctl(cluster.lab().control().netns(), next.endpoint(),
                      cluster.pki()->admin_identity());
  ASSERT_TRUE(Answers(ctl));
  ASSERT_TRUE(Within(kSoon, "all nodes attached", [&] { return SubnetsOf(ctl).size() == 3; }));
  const std::string empty = HistoryOf(ctl);
  EXPECT_EQ(ctl.Try("restore " + file).exit_code, 4) << "there are leases";
  const CommandResult restored = ctl.Try("restore --replace --yes " + file);
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  ASSERT_TRUE(Within(kSoon, "another history", [&] {
    const std::string now = HistoryOf(ctl);
    return !now.empty() && now != empty;
  }));
  EXPECT_EQ(SubnetsOf(ctl), before) << "with the reservation";
  ASSERT_TRUE(Within(kSoon, "all nodes are back",
                     [&] { return ctl.Json("status")["attachedNodes"] == cluster.size(); }));
  ASSERT_TRUE(cluster.Mesh(kSoon));
  EXPECT_TRUE(there.StopWithoutLoss());
  EXPECT_TRUE(back.StopWithoutLoss());
  EXPECT_EQ(SubnetsOf(ctl), before);
}

}  // namespace
}  // namespace heddle::lab
