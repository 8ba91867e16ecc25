#include "storage/etcd/session.h"

#include "gtest/gtest.h"
#include "storage/etcd/test_candidate.h"
#include "storage/etcd/test_cluster.h"

namespace heddle::storage {
namespace {

class EtcdSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cluster = EtcdTestCluster::Start({});
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    options_.endpoints = cluster_->endpoints();
    options_.leader_ttl = absl::Seconds(2);
  }

  std::unique_ptr<EtcdTestCluster> cluster_;
  EtcdOptions options_;
};

const Member kA{"a", "10.0.0.1:7411", "1"};
const Member kB{"b", "10.0.0.2:7411", "1"};

TEST_F(EtcdSessionTest, OneOfTwoLeadsAndTheOtherWhenItStepsDown) {
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(absl::Seconds(5), [&] { return a.leads(); }));
  TestCandidate b(options_, kB);
  const absl::Time before = absl::Now();
  a.session().StepDown([](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  ASSERT_TRUE(Eventually(absl::Seconds(5), [&] { return b.leads(); }));
  EXPECT_LT(absl::Now() - before, absl::Milliseconds(200));
  EXPECT_FALSE(a.leads());
  b.Stop();
  ASSERT_TRUE(Eventually(absl::Seconds(5), [&] { return a.leads(); }));
}

}  // namespace
}  // namespace heddle::storage
