// Fifty hosts start at once.
#include <iostream>
#include <set>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/ping.h"

namespace heddle::lab {
namespace {

constexpr int kHosts = 50;

TEST(MassStartTest, FiftyHostsGetUniqueSubnetsAndAFullMesh) {
  ClusterOptions options;
  options.lab.hosts = kHosts;
  Cluster cluster(options);
  const absl::Time start = absl::Now();
  cluster.StartNodes();
  ASSERT_TRUE(cluster.Mesh(absl::Seconds(60)));
  std::cout << kHosts << " hosts: full mesh " << absl::FormatDuration(absl::Now() - start)
            << " after the first start\n";

  std::set<std::string> subnets;
  const nlohmann::json list = cluster.ctl().Json("lease list");
  for (const auto& lease : list["leases"]) {
    EXPECT_TRUE(subnets.insert(lease["ipv4Subnet"].get<std::string>()).second) << lease;
  }
  EXPECT_EQ(subnets.size(), static_cast<std::size_t>(kHosts));

  Pod first(cluster.host(1), *cluster.node(1).subnet_env());
  for (int number : {2, 25, kHosts}) {
    Pod other(cluster.host(number), *cluster.node(number).subnet_env());
    EXPECT_TRUE(Pings(first.netns(), other.address(Family::kV4), other.mtu_bytes()));
  }
}

}  // namespace
}  // namespace heddle::lab
