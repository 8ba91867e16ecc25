#include "controller/writer.h"

#include <deque>
#include <set>

#include "controller/keys.h"
#include "controller/writer_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

TEST_F(WriterTest, AnswersAfterCommitAndPublication) {
  StartWithNetwork();
  store_.HoldDelivery(true);
  bool answered = false;
  writer_->Acquire({"node-1", TestAdvertisement(1), {}}, [&](absl::StatusOr<LeaseGrant> grant) {
    answered = true;
    ASSERT_TRUE(grant.ok()) << grant.status();
    EXPECT_EQ(hub_.peer_count(), 1u) << "published before it is answered";
    EXPECT_EQ(hub_.head(), grant->revision);
    EXPECT_EQ(writer_->book().revision(), grant->revision);
  });
  Run();
  EXPECT_FALSE(answered);
  EXPECT_EQ(hub_.peer_count(), 0u);
  while (store_.Step()) Run();
  EXPECT_TRUE(answered);
  store_.HoldDelivery(false);
}

TEST_F(WriterTest, ManyInFlightGetDifferentSubnets) {
  StartWithNetwork();
  store_.HoldDelivery(true);
  std::set<std::string> subnets;
  for (int i = 1; i <= 40; ++i) {
    writer_->Acquire({absl::StrCat("node-", i), TestAdvertisement(i), {}},
                     [&](absl::StatusOr<LeaseGrant> grant) { subnets.insert(SubnetOf(grant)); });
  }
  while (store_.Step()) Run();
  EXPECT_EQ(subnets.size(), 40u);
  EXPECT_TRUE(writer_->idle());
  store_.HoldDelivery(false);
}

TEST_F(WriterTest, CommandsForOneNodeKeepTheirOrder) {
  StartWithNetwork();
  store_.HoldDelivery(true);
  std::vector<std::string> order;
  const auto note = [&](const char* what) {
    return [&order, what](const auto& result) {
      order.push_back(result.ok() ? what : result.status().ToString());
    };
  };
  writer_->Acquire({"node-1", TestAdvertisement(1), {}}, note("acquire"));
  writer_->Release("node-1", note("release"));
  writer_->Acquire({"node-1", TestAdvertisement(1), {}}, note("again"));
  while (store_.Step()) Run();
  EXPECT_EQ(order, (std::vector<std::string>{"acquire", "release", "again"}));
  EXPECT_NE(writer_->book().Find("node-1"), nullptr);
  store_.HoldDelivery(false);
}

TEST_F(WriterTest, UnknownCommitIsFoundOutAndDoneOnce) {
  StartWithNetwork();
  for (const bool applied : {true, false}) {
    SCOPED_TRACE(applied);
    store_.AnswerUnknownNext(1, applied);
    const auto grant = Acquire(applied ? 1 : 2);
    ASSERT_TRUE(grant.ok()) << grant.status();
    store_.AnswerUnknownNext(1, applied);
    const auto released = Release(applied ? "node-1" : "node-2");
    ASSERT_TRUE(released.ok()) << released.status();
    EXPECT_TRUE(released->changed);
  }
  EXPECT_EQ(writer_->book().leases().size(), 0u);
  EXPECT_TRUE(writer_->idle());
}

TEST_F(WriterTest, UnavailableStoreIsAnErrorAndLeavesNothingClaimed) {
  StartWithNetwork();
  store_.FailNextCommits(1);
  const auto refused = Acquire(1);
  EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("store did not take the change"));
  EXPECT_EQ(SubnetOf(Acquire(2)), "10.244.1.0/24") << "the first subnet is not lost";
}

TEST_F(WriterTest, SilentStoreIsGivenUpOn) {
  StartWithNetwork();
  store_.HoldDelivery(true);
  absl::Status status;
  int answers = 0;
  writer_->Acquire({"node-1", TestAdvertisement(1), {}}, [&](absl::StatusOr<LeaseGrant> grant) {
    status = grant.status();
    ++answers;
  });
  Pass(absl::Seconds(11));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("may or may not have been made"));
  store_.HoldDelivery(false);
  Run();
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(writer_->idle());
  EXPECT_TRUE(Acquire(1).ok());
}

TEST_F(WriterTest, NewFenceAfterDepositionAndExpiryIsHeldAgain) {
  StartWithNetwork();
  const absl::Time held = writer_->expiry_held_until();
  Pass(absl::Hours(1));
  store_.Depose();
  Run();
  EXPECT_TRUE(writer_->leads());
  EXPECT_EQ(writer_->expiry_held_until(), held + absl::Hours(1));
  EXPECT_TRUE(Acquire(1).ok());
}

TEST_F(WriterTest, RestartKeepsLeasesAndHoldsExpiryForOneTtl) {
  StartWithNetwork();
  const std::string subnet = SubnetOf(Acquire(1));
  const std::uint64_t hash = hub_.set_hash();
  Pass(absl::Hours(23));
  Restart();
  EXPECT_EQ(hub_.set_hash(), hash);
  Pass(absl::Hours(23));  // far past the lease's time, but this process has not run for a ttl
  EXPECT_NE(writer_->book().Find("node-1"), nullptr);
  Pass(absl::Hours(2));
  EXPECT_EQ(writer_->book().Find("node-1"), nullptr);
  EXPECT_EQ(hub_.peer_count(), 0u);
  EXPECT_EQ(SubnetOf(Acquire(1)), subnet) << "sticky while it rests";
}

TEST_F(WriterTest, LivingNodesAreRenewedWithoutAWord) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  alive_ = {"node-1"};
  const storage::Revision head = hub_.head();
  for (int hour = 0; hour < 100; ++hour) Pass(absl::Hours(1));
  ASSERT_NE(writer_->book().Find("node-1"), nullptr);
  EXPECT_GT(writer_->book().Find("node-1")->expires, clock_.now);
  EXPECT_GT(writer_->book().revision(), head) << "renewals were committed";
  EXPECT_EQ(hub_.head(), head) << "and announced to nobody";
}

TEST_F(WriterTest, BrokenFeedIsFollowedAgainWithTheDifference) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Acquire(2).ok());
  cut_.Cut();
  // By another process; this one's feed does not tell.
  storage::Transaction removal;
  removal.writes.push_back({storage::Write::Kind::kDelete, NodeKey("node-1"), ""});
  removal.writes.push_back(
      {storage::Write::Kind::kDelete, SubnetKey(*Prefix::Parse("10.244.1.0/24")), ""});
  store_.Commit(removal, [](absl::StatusOr<storage::Outcome> outcome) {
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  });
  Run();
  ASSERT_EQ(hub_.peer_count(), 2u);
  const storage::Revision cursor = hub_.head();
  cut_.failing_subscriptions = 1;
  cut_.End();
  Run();
  Pass(absl::Seconds(1));
  EXPECT_EQ(writer_->book().leases().size(), 1u);
  const auto changes = hub_.ChangesAfter(cursor);
  ASSERT_TRUE(changes.has_value());
  ASSERT_EQ(changes->size(), 1u) << "node-2 did not change";
  EXPECT_EQ(changes->front().node_id, "node-1");
  EXPECT_TRUE(changes->front().removed);
  EXPECT_EQ(SubnetOf(Acquire(3)), "10.244.1.0/24");
}

TEST_F(WriterTest, CommitWhoseBatchIsMissedIsAnsweredFromTheNextListing) {
  StartWithNetwork();
  cut_.Cut();
  int answers = 0;
  writer_->Acquire({"node-1", TestAdvertisement(1), {}}, [&](absl::StatusOr<LeaseGrant> grant) {
    ++answers;
    EXPECT_EQ(SubnetOf(grant), "10.244.1.0/24");
  });
  Run();
  EXPECT_EQ(answers, 0) << "not yet seen in the feed";
  cut_.End();
  Run();
  EXPECT_EQ(answers, 1);
}

TEST_F(WriterTest, AnotherHistoryIsAFailure) {
  StartWithNetwork();
  ASSERT_TRUE(store_.StartNewHistory().ok());
  Run();
  EXPECT_FALSE(writer_->failure().ok());
  EXPECT_THAT(std::string(writer_->failure().message()), HasSubstr("another history"));
  EXPECT_FALSE(Acquire(1).ok());
}

TEST_F(WriterTest, NetworkChangeWaitsForWhatIsInFlight) {
  StartWithNetwork();
  store_.HoldDelivery(true);
  absl::Status acquired, changed, after;
  writer_->Acquire({"node-1", TestAdvertisement(1), {}},
                   [&](absl::StatusOr<LeaseGrant> grant) { acquired = grant.status(); });
  const std::string other = R"({"Network":"10.99.0.0/16","Backend":{"Type":"vxlan"}})";
  writer_->SetNetwork(TestNetwork(other), other,
                      [&](absl::StatusOr<Committed> result) { changed = result.status(); });
  writer_->Acquire({"node-2", TestAdvertisement(2), {}},
                   [&](absl::StatusOr<LeaseGrant> grant) { after = grant.status(); });
  while (store_.Step()) Run();
  EXPECT_TRUE(acquired.ok()) << acquired;
  EXPECT_TRUE(absl::IsFailedPrecondition(changed)) << changed;
  EXPECT_THAT(std::string(changed.message()), HasSubstr("node-1 (10.244.1.0/24)"));
  EXPECT_TRUE(after.ok()) << after;
  store_.HoldDelivery(false);
}

TEST_F(WriterTest, UpkeepForgetsARangeOnceEveryNodeHasMoved) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  alive_ = {"node-1"};
  const std::string other = R"({"Network":"10.99.0.0/16","Backend":{"Type":"vxlan"}})";
  absl::Status set;
  const auto note = [&set](const auto& result) { set = result.status(); };
  writer_->SetNetwork(TestNetwork(other), other, note, std::nullopt, /*drain=*/true);
  Run();
  ASSERT_TRUE(set.ok()) << set;
  const auto renumber = [this](bool finish) {
    absl::StatusOr<LeaseGrant> answer = absl::InternalError("no answer");
    writer_->Renumber("node-1", finish, [&](absl::StatusOr<LeaseGrant> grant) { answer = grant; });
    Run();
    return answer;
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(renumber(true).status()));
  store_.AnswerUnknownNext(1, /*applied=*/true);
  const auto moved = renumber(false);
  EXPECT_EQ(SubnetOf(moved), "10.99.1.0/24");
  EXPECT_EQ(moved->lease.draining_subnets[Family::kV4], *Prefix::Parse("10.244.1.0/24"));
  Pass(absl::Minutes(1));
  EXPECT_FALSE(writer_->book().network()->draining.empty());
  Restart();
  EXPECT_EQ(writer_->book().Find("node-1")->draining_subnets, moved->lease.draining_subnets);
  store_.FailNextCommits(1);
  EXPECT_FALSE(renumber(true).ok());
  EXPECT_TRUE(renumber(true).ok());
  store_.FailNextCommits(1);
  Pass(absl::Minutes(1));
  EXPECT_FALSE(writer_->book().network()->draining.empty()) << "the store refused";
  Pass(absl::Minutes(1));
  EXPECT_TRUE(writer_->book().network()->draining.empty());
  EXPECT_EQ(*hub_.network(), TestNetwork(other));
  EXPECT_TRUE(writer_->idle());
}

}  // namespace
}  // namespace heddle::controller
