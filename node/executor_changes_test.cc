// Restarts, and changes of what a plan depends on.
#include <gtest/gtest.h>

#include "node/executor_fixture.h"

namespace heddle::node {
namespace {

TEST_F(ExecutorTest, RestartFindsAllRightAndWritesNothing) {
  Settle(100);
  Restart();
  CountFromHere();
  Attach();
  executor_->Step(now_);
  Snapshot(MakePeers(100));
  executor_->Step(now_);
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, RestartRemovesWhatVanishedButNotBeforeSynced) {
  Settle(10);
  const auto routes = kernel_.state().routes.size();
  Restart();
  Attach();
  executor_->Step(now_);
  Say(SnapshotBegin{++revision_});  // half a snapshot
  Say(Chunk{{{"node-1", MakePeer(1)}}});
  executor_->LookAgain(now_);
  Run(absl::Seconds(100));
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(kernel_.state().routes.size(), routes);
  Attach();
  Snapshot(MakePeers(8));
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), routes - 2);
}

TEST_F(ExecutorTest, RememberedSnapshotConnectsWithoutAController) {
  Settle(10);
  const NetworkState good = kernel_.state();
  const auto remembered = executor_->remembered();
  ASSERT_TRUE(remembered.has_value());
  kernel_.Reboot();  // a reboot
  Restart();
  executor_->Restore(*remembered);
  executor_->SetHost(TestHost(), now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state(), good);
  EXPECT_TRUE(executor_->ready());
  EXPECT_EQ(executor_->resume_position(), (Position{"h", revision_}));
  EXPECT_EQ(executor_->applied().revision, 0u) << "no controller has confirmed it";
  // Resumed: only the delta comes.
  Attach();
  Delta({{"node-3", std::nullopt}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), good.routes.size() - 1);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, HeldRemovalsKeepTheKernelAndAreAccepted) {
  Settle(20);
  PeerTable::Peers few = MakePeers(5);
  Snapshot(few);
  Run(absl::Seconds(70));
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(executor_->applied().held_removals, 15u);
  EXPECT_EQ(executor_->applied().revision, revision_);
  EXPECT_NE(Problems().find("heddlectl node accept node-1"), std::string::npos);
  EXPECT_EQ(executor_->remembered()->position, Position{}) << "a restart must judge again";
  Say(AcceptRemovals{});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), 4u);
  EXPECT_EQ(executor_->applied().held_removals, 0u);
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, ForeignLeaseAndDivergenceDropTheStream) {
  Settle(10);
  EXPECT_FALSE(executor_->Handle(OwnLease{MakePeer(2), absl::InfiniteFuture()}, now_).ok());
  EXPECT_EQ(executor_->Handle(Heartbeat{revision_, 1}, now_).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(executor_->resume_position(), Position{});
  Run(absl::Seconds(120));
  EXPECT_EQ(writes(), 0u) << "losing the controller changes nothing";
}

TEST_F(ExecutorTest, UnderlayMtuAndAddressAreFollowed) {
  Settle(10);
  HostFacts host = TestHost();
  host.underlay_mtu_bytes = 1400;
  executor_->SetHost(host, now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().links.begin()->second.mtu_bytes, 1350);
  const auto before = *executor_->advertisement();
  host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.99");
  executor_->SetHost(host, now_);
  EXPECT_NE(*executor_->advertisement(), before);
  executor_->Step(now_);
  EXPECT_EQ(std::get<VxlanLink>(kernel_.state().links.begin()->second.kind).local,
            *Ip::Parse("192.0.2.99"));
  EXPECT_EQ(kernel_.state().routes.size(), 9u);
}

TEST_F(ExecutorTest, LostUnderlayKeepsTheKernelAndSaysWhy) {
  Settle(10);
  executor_->SetHost(absl::NotFoundError("no interface has a default route"), now_);
  Run(absl::Seconds(120));
  EXPECT_EQ(writes(), 0u);
  EXPECT_NE(Problems().find("default route"), std::string::npos);
}

TEST_F(ExecutorTest, BackendChangeKeepsPathsUntilPeersHaveChangedOver) {
  Settle(3);
  Say(TestNetwork("host-gw"));
  EXPECT_EQ(executor_->advertisement()->backend_type, "host-gw");
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), 2u) << "the peers still speak vxlan";
  Say(OwnLease{MakePeer(1, "host-gw"), absl::InfiniteFuture()});
  Delta({{"node-1", MakePeer(1, "host-gw")}, {"node-2", MakePeer(2, "host-gw")}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), 2u);
  EXPECT_FALSE(kernel_.state().links.empty());
  Delta({{"node-3", MakePeer(3, "host-gw")}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), 2u);
  EXPECT_TRUE(kernel_.state().links.empty()) << "nobody needs the vxlan device any more";
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, BackendChangeEndsEvenIfAPeerNeverFollows) {
  Settle(3);
  Say(TestNetwork("host-gw"));
  Run(absl::Seconds(31));
  EXPECT_TRUE(kernel_.state().links.empty());
}

}  // namespace
}  // namespace heddle::node
