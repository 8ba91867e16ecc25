// What a node that comes from another replica, or from a store that was set back, is told.
#include <tuple>
#include <vector>

#include "controller/test_stream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

class ResumeTest : public NodeStreamTest {
 protected:
  // What node-1 holds at `revision`, served by a replica that has the same set as this one.
  TestReplica HeldAt(storage::Revision revision) {
    const auto connection = Attached(Hello("node-1"));
    connection->Drain(now_);
    TestReplica held = connection->replica;
    held.revision = revision;
    held.snapshots = 0;
    return held;
  }
  // A revision that announces nothing, as a renewal or the store's own business.
  void Progress(storage::Revision revision) {
    ASSERT_FALSE(hub_.Publish(revision, {}, hub_.network(), now_));
  }
  std::unique_ptr<Connection> Greeted(const v1::NodeMessage& hello, const TestReplica& held) {
    auto connection = std::make_unique<Connection>(&shared_, now_);
    connection->replica = held;
    EXPECT_TRUE(connection->stream.OnMessage(hello, now_).ok());
    return connection;
  }
  void Grant1(Connection* connection) {
    ASSERT_TRUE(connection->stream.OnMessage(Advertise(1), now_).ok());
    ASSERT_TRUE(connection->stream.OnGrant(Grant(1)).ok());
  }
};

TEST_F(ResumeTest, UnannouncedRevisionsCountAsTheHeadAndTheSameSetCostsNothing) {
  const TestReplica held = HeldAt(hub_.head() + 5);
  Progress(hub_.head() + 7);
  const auto connection = Attached(HelloWith("node-1", "h-1", held));
  connection->replica = held;
  const auto messages = connection->Drain(now_);
  EXPECT_EQ(connection->replica.snapshots, 0);
  EXPECT_EQ(connection->replica.changes, held.changes) << "no peer is named";
  ASSERT_TRUE(messages.back().has_synced());
  EXPECT_EQ(messages.back().synced().revision(), held.revision) << "not led back";
  // And on from there.
  Progress(hub_.progress() + 1);
  BookChanges changes;
  changes.peers.push_back({"node-3", std::nullopt});
  hub_.Publish(hub_.progress() + 1, changes, hub_.network(), now_);
  hub_.Release(hub_.release_at());
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.snapshots, 0);
  EXPECT_EQ(connection->replica.peers.count("node-3"), 0u);
}

TEST_F(ResumeTest, AnotherSetAtAnUnannouncedRevisionGetsASnapshotOfThatRevision) {
  TestReplica held = HeldAt(hub_.head() + 5);
  held.peers.erase("node-7");
  Progress(hub_.head() + 7);
  const auto connection = Attached(HelloWith("node-1", "h-1", held));
  connection->replica = held;
  connection->Drain(now_);  // the replica fails when it is led back
  EXPECT_EQ(connection->replica.snapshots, 1);
  EXPECT_EQ(connection->replica.peers.size(), 20u);
  // Found different later on: again not led back.
  ASSERT_TRUE(connection->stream.OnMessage(Applied(held.revision, 1), now_).ok());
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.snapshots, 2);
}

TEST_F(ResumeTest, NeedOfASnapshotIsHeeded) {
  const TestReplica held = HeldAt(hub_.head());
  v1::NodeMessage hello = HelloWith("node-1", "h-1", held);
  hello.mutable_hello()->set_need_snapshot(true);
  const auto connection = Attached(hello);
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.snapshots, 1);
}

TEST_F(ResumeTest, NodeThatKnowsMoreIsToldNothingBeforeThisControllerHasCaughtUp) {
  const TestReplica held = HeldAt(hub_.head() + 5);
  const auto connection = Greeted(HelloWith("node-1", "h-1", held), held);
  EXPECT_TRUE(connection->stream.TakeAskPosition());
  EXPECT_FALSE(connection->stream.TakeAskPosition()) << "once";
  EXPECT_TRUE(connection->Drain(now_ + absl::Seconds(2)).empty()) << "not even Welcome";
  EXPECT_TRUE(connection->stream.CheckDeadline(now_ + absl::Seconds(2)).ok());
  Progress(hub_.head() + 6);  // what the store's answer follows
  ASSERT_TRUE(connection->stream.OnPosition(storage::Position{"h-1", 106}, now_).ok());
  Grant1(connection.get());
  const auto messages = connection->Drain(now_);
  EXPECT_TRUE(messages.front().has_welcome());
  EXPECT_EQ(connection->replica.snapshots, 0);
}

TEST_F(ResumeTest, ControllerThatStaysBehindSendsTheNodeToAnother) {
  const TestReplica held = HeldAt(hub_.head() + 5);
  const v1::NodeMessage hello = HelloWith("node-1", "h-1", held);
  const auto silent = Greeted(hello, held);
  const absl::Status late = silent->stream.CheckDeadline(now_ + absl::Seconds(3));
  EXPECT_TRUE(absl::IsUnavailable(late)) << late;
  const auto cut_off = Greeted(hello, held);
  const absl::Status refused =
      cut_off->stream.OnPosition(absl::UnavailableError("etcd is out of reach"), now_);
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_EQ(Text(refused),
            "this controller is behind: it has revision 100 of history 'h-1', the node has "
            "revision 105 of 'h-1', and etcd is out of reach. Try another controller");
  const auto not_following = Greeted(hello, held);
  EXPECT_TRUE(
      absl::IsUnavailable(not_following->stream.OnPosition(storage::Position{"h-1", 106}, now_)));
  EXPECT_TRUE(registry_.Alive().empty()) << "none of them was attached";
}

TEST_F(ResumeTest, StoreThatIsItselfBehindIsReportedAndTheNodeKeptOut) {
  std::vector<std::tuple<std::string, storage::Revision, storage::Revision>> claims;
  shared_.store_behind = [&](const std::string& node_id, storage::Revision claimed,
                             const storage::Position& store) {
    claims.emplace_back(node_id, claimed, store.revision);
  };
  const TestReplica held = HeldAt(hub_.head() + 5);
  const auto connection = Greeted(HelloWith("node-1", "h-1", held), held);
  const absl::Status refused = connection->stream.OnPosition(storage::Position{"h-1", 104}, now_);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(Text(refused), HasSubstr("the store is at revision 104 of history 'h-1', and this "
                                       "node has applied revision 105"));
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0],
            std::make_tuple(std::string("node-1"), storage::Revision{105}, storage::Revision{104}));
  EXPECT_TRUE(connection->Drain(now_).empty());
}

TEST_F(ResumeTest, AnotherHistoryIsLetInWhenTheStoreConfirmsThisOne) {
  const TestReplica held = HeldAt(9'000);
  const v1::NodeMessage hello = HelloWith("node-1", "h-0", held);
  TestReplica anew = held;
  anew.revision = 0;  // of another history
  const auto confirmed = Greeted(hello, anew);
  EXPECT_TRUE(confirmed->stream.TakeAskPosition());
  ASSERT_TRUE(confirmed->stream.OnPosition(storage::Position{"h-1", 100}, now_).ok());
  Grant1(confirmed.get());
  confirmed->Drain(now_);
  EXPECT_EQ(confirmed->replica.snapshots, 1);
  // This controller's history may be the one that is over.
  const auto unknown = Greeted(hello, held);
  EXPECT_TRUE(absl::IsUnavailable(
      unknown->stream.OnPosition(absl::UnavailableError("etcd is out of reach"), now_)));
  const auto other = Greeted(hello, held);
  EXPECT_TRUE(absl::IsUnavailable(other->stream.OnPosition(storage::Position{"h-0", 9'000}, now_)));
}

TEST_F(ResumeTest, HeartbeatsSaySinceWhenTheStoreIsOutOfReach) {
  const auto connection = Attached(Hello("node-1"));
  connection->Drain(now_);
  const auto beat = [&] {
    now_ += absl::Seconds(5);
    const auto messages = connection->Drain(now_);
    return messages.empty() ? -1 : messages.back().heartbeat().stale_since_unix_ms();
  };
  EXPECT_EQ(beat(), 0);
  hub_.set_stale_since(absl::FromUnixSeconds(77));
  EXPECT_EQ(beat(), 77'000);
  hub_.set_stale_since(std::nullopt);
  EXPECT_EQ(beat(), 0);
}

TEST_F(ResumeTest, NothingIsTakenBeforeHelloIsAnswered) {
  const TestReplica held = HeldAt(hub_.head() + 5);
  const auto connection = Greeted(HelloWith("node-1", "h-1", held), held);
  EXPECT_THAT(Text(connection->stream.OnMessage(Advertise(1), now_)), HasSubstr("before hello"));
  EXPECT_TRUE(connection->requests.empty());
}

}  // namespace
}  // namespace heddle::controller
