#include <gtest/gtest.h>

#include "node/executor_fixture.h"

namespace heddle::node {
namespace {

TEST_F(ExecutorTest, AppliesASnapshotAndIsReady) {
  Attach();
  executor_->Step(now_);
  EXPECT_FALSE(executor_->ready()) << "no complete snapshot yet";
  EXPECT_EQ(executor_->applied().revision, 0u);
  Snapshot(MakePeers(5));
  EXPECT_EQ(executor_->applied().revision, 0u) << "told, not applied";
  executor_->Step(now_);
  EXPECT_TRUE(executor_->ready());
  EXPECT_EQ(kernel_.state().routes.size(), 4u);
  const Applied applied = executor_->applied();
  EXPECT_EQ(applied.revision, revision_);
  EXPECT_EQ(applied.set_hash, HashOf(MakePeers(5)));
  EXPECT_EQ(applied.peers, 4u);
  EXPECT_TRUE(applied.problems.empty()) << Problems();
}

TEST_F(ExecutorTest, DeltaCostsItsChangeOnly) {
  std::uint64_t writes_small = 0;
  for (int peers : {10, 1000}) {
    kernel_.Reboot();
    Restart();
    Settle(peers);
    Delta({{"node-5000", MakePeer(5000)}});
    executor_->Step(now_);
    EXPECT_EQ(executor_->applied().revision, revision_);
    EXPECT_EQ(reads(), 0u);
    if (writes_small == 0) writes_small = writes();
    EXPECT_EQ(writes(), writes_small);
    EXPECT_LE(writes(), 4u);  // FDB, neighbour, nexthop, route
    Delta({{"node-5000", std::nullopt}});
    executor_->Step(now_);
    EXPECT_EQ(kernel_.state().routes.size(), static_cast<std::size_t>(peers - 1));
    EXPECT_EQ(reads(), 0u);
  }
}

TEST_F(ExecutorTest, DriftIsRepairedSoonAndHintsAreMerged) {
  Settle(10);
  const NetworkState good = kernel_.state();
  Pass(absl::Seconds(5));
  kernel_.FlushRoutes();
  for (int hint = 0; hint < 100; ++hint) executor_->LookAgain(now_);
  Run(absl::Milliseconds(50));
  EXPECT_EQ(kernel_.state(), good);
  EXPECT_EQ(reads(), 2u) << "one to see, one to be sure";
  const auto before = executor_->full_passes();
  for (int i = 0; i < 100; ++i) {  // a kernel that never rests
    executor_->LookAgain(now_);
    Run(absl::Milliseconds(10));
  }
  EXPECT_LE(executor_->full_passes() - before, 6u) << "in a second";
}

TEST_F(ExecutorTest, DriftWithoutAHintIsFoundByTheTimer) {
  Settle(10);
  const NetworkState good = kernel_.state();
  kernel_.CycleLink("heddle.1");
  Run(absl::Seconds(61));
  EXPECT_EQ(kernel_.state(), good);
}

TEST_F(ExecutorTest, FailureIsReportedAndRetriedUntilItIsWell) {
  Settle(10);
  const std::uint64_t applied = executor_->applied().revision;
  Refuse("route 10.0.77.0/24");
  Delta({{"node-77", MakePeer(77)}, {"node-78", MakePeer(78)}});
  executor_->Step(now_);
  EXPECT_EQ(executor_->applied().revision, applied) << "not all of it is in the kernel";
  EXPECT_NE(Problems().find("10.0.77.0/24"), std::string::npos);
  EXPECT_TRUE(HasRouteTo("10.0.78.0/24"));
  Run(absl::Seconds(5));
  const auto tries = executor_->full_passes();
  Run(absl::Seconds(60));
  EXPECT_LT(executor_->full_passes() - tries, 20u) << "the wait grows";
  kernel_.faults = {};
  Run(absl::Seconds(31));
  EXPECT_EQ(executor_->applied().revision, revision_);
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, DeltasStayCheapAndQuickWhileSomethingFails) {
  Settle(10);
  Refuse("route 10.0.77.0/24");
  Delta({{"node-77", MakePeer(77)}});
  executor_->Step(now_);
  CountFromHere();
  Delta({{"node-78", MakePeer(78)}});
  executor_->Step(now_);
  EXPECT_EQ(reads(), 0u);
  EXPECT_TRUE(HasRouteTo("10.0.78.0/24"));
}

TEST_F(ExecutorTest, ProblemsAreBounded) {
  Attach();
  Refuse("");
  Snapshot(MakePeers(200));
  executor_->Step(now_);
  EXPECT_LT(executor_->problems().size(), 40u);
  EXPECT_NE(Problems().find("more objects failed"), std::string::npos);
  EXPECT_FALSE(executor_->ready()) << "own objects failed";
}

TEST_F(ExecutorTest, FailingPeersDoNotDelayReadiness) {
  Attach();
  Refuse("route 10.0.2.0/24");
  Snapshot(MakePeers(5));
  executor_->Step(now_);
  EXPECT_TRUE(executor_->ready());
}

TEST_F(ExecutorTest, KernelThatCannotBeReadIsReadAgain) {
  Attach();
  Snapshot(MakePeers(5));
  kernel_.faults.read_probability = 1;
  executor_->Step(now_);
  EXPECT_EQ(writes(), 0u);
  EXPECT_NE(Problems().find("cannot read"), std::string::npos);
  kernel_.faults = {};
  Run(absl::Seconds(1));
  EXPECT_TRUE(executor_->ready());
}

}  // namespace
}  // namespace heddle::node
