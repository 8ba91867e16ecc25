#include "storage/etcd/test_cluster.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using Cluster = EtcdTestCluster;

TEST(EtcdTestCluster, ThreeMembersSurviveTheLossOfOneAndItComesBack) {
  Cluster::Options options;
  options.members = 3;
  options.addresses = {"127.0.0.11", "127.0.0.12", "127.0.0.13"};
  auto cluster = Cluster::Start(options);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  ASSERT_TRUE((*cluster)->Etcdctl({"put", "k", "v"}).ok());
  const std::optional<int> leader = (*cluster)->Leader();
  ASSERT_TRUE(leader);
  (*cluster)->Kill(*leader);
  ASSERT_TRUE((*cluster)->WaitUntilServing().ok());
  EXPECT_NE((*cluster)->Leader(), leader);
  ASSERT_TRUE((*cluster)->Restart(*leader).ok());
  const absl::Status serving = (*cluster)->WaitUntilServing();
  EXPECT_TRUE(serving.ok()) << serving;
  (*cluster)->Pause(0);
  (*cluster)->Continue(0);
  const auto read = (*cluster)->Etcdctl({"get", "k", "--print-value-only"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "v\n");
}

TEST(EtcdTestCluster, TlsIsRequiredOfClients) {
  Cluster::Options options;
  options.with_tls = true;
  auto cluster = Cluster::Start(options);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE((*cluster)->Etcdctl({"put", "k", "v"}).ok());
  EXPECT_FALSE((*cluster)->Etcdctl({"--cert=", "--key=", "put", "k", "v"}).ok());
}

TEST(EtcdTestCluster, ASnapshotGoesBackInTime) {
  auto cluster = Cluster::Start({});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  ASSERT_TRUE((*cluster)->Etcdctl({"put", "k", "old"}).ok());
  const std::string snapshot = (*cluster)->folder() + "/snapshot";
  const absl::Status saved = (*cluster)->SaveSnapshot(snapshot);
  ASSERT_TRUE(saved.ok()) << saved;
  ASSERT_TRUE((*cluster)->Etcdctl({"put", "k", "new"}).ok());
  const absl::Status restored = (*cluster)->RestoreSnapshot(snapshot);
  ASSERT_TRUE(restored.ok()) << restored;
  const auto read = (*cluster)->Etcdctl({"get", "k", "--print-value-only"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "old\n");
}

}  // namespace
}  // namespace heddle::storage
