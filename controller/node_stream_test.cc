#include "controller/node_stream.h"

#include <vector>

#include "controller/test_peers.h"
#include "controller/test_replica.h"
#include "controller/test_stream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

TEST_F(NodeStreamTest, WelcomeThenLeaseThenSnapshotThenDeltas) {
  const auto connection = Attached(Hello("node-1"));
  EXPECT_EQ(connection->requests.size(), 1u);
  const auto messages = connection->Drain(now_);
  ASSERT_GE(messages.size(), 5u);
  EXPECT_EQ(messages[0].welcome().history(), "h-1");
  EXPECT_EQ(messages[0].welcome().heartbeat_seconds(), 5u);
  EXPECT_EQ(messages[1].own_lease().self().node_id(), "node-1");
  EXPECT_TRUE(messages[2].has_snapshot_begin());
  EXPECT_TRUE(messages.back().has_synced());
  EXPECT_EQ(connection->replica.peers.size(), 20u) << "the node itself is one of the set";
  Publish({"node-21", TestPeer(21)});
  Publish({"node-2", std::nullopt});
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.snapshots, 1);
  EXPECT_EQ(connection->replica.peers.size(), 20u);
  EXPECT_EQ(connection->replica.revision, hub_.head());
}

TEST_F(NodeStreamTest, OnlyWelcomeAndHeartbeatsAreSentBeforeTheLease) {
  Connection connection(&shared_, now_);
  ASSERT_TRUE(connection.stream.OnMessage(Hello("node-1"), now_).ok());
  EXPECT_EQ(connection.Drain(now_).size(), 1u);
  Publish({"node-30", TestPeer(30)});
  EXPECT_TRUE(connection.Drain(now_ + absl::Seconds(4)).empty());
  const auto messages = connection.Drain(now_ + absl::Seconds(5));
  ASSERT_EQ(messages.size(), 1u);
  ASSERT_TRUE(messages[0].has_heartbeat()) << "a sign of life";
  EXPECT_EQ(messages[0].heartbeat().revision(), 0u) << "older than what any node has";
}

TEST_F(NodeStreamTest, WhomToBelieveIsToldAfterWelcomeAndWhenItChanges) {
  TrustNotice trust;
  shared_.trust = &trust;
  EXPECT_TRUE(trust.Set({"roots", "a1"}));
  EXPECT_FALSE(trust.Set({"roots", "a1"})) << "no news";
  const auto connection = Attached(Hello("node-1"));
  const auto messages = connection->Drain(now_);
  ASSERT_GE(messages.size(), 2u);
  EXPECT_TRUE(messages[0].has_welcome());
  std::vector<v1::Trust> told;
  const auto note = [&told](const std::vector<v1::ControllerMessage>& some) {
    for (const v1::ControllerMessage& message : some) {
      if (message.has_trust()) told.push_back(message.trust());
    }
  };
  note(messages);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].roots_pem(), "roots");
  EXPECT_EQ(told[0].issuer(), "a1");
  note(connection->Drain(now_ + absl::Seconds(5)));
  EXPECT_EQ(told.size(), 1u) << "once";
  EXPECT_TRUE(trust.Set({"roots, and another", "a1"}));
  EXPECT_TRUE(trust.Set({"roots, and another", "b2"}));
  note(connection->Drain(now_ + absl::Seconds(5)));
  ASSERT_EQ(told.size(), 2u) << "the latest is enough";
  EXPECT_EQ(told[1].issuer(), "b2");
}

TEST_F(NodeStreamTest, WithoutTlsNothingIsToldOfTrust) {
  const TrustNotice nothing;
  shared_.trust = &nothing;
  for (const auto& message : Attached(Hello("node-1"))->Drain(now_)) {
    EXPECT_FALSE(message.has_trust());
  }
}

TEST_F(NodeStreamTest, ResumesByDeltasWhenHistoryRevisionAndHashAgree) {
  TestReplica held;
  {
    const auto first = Attached(Hello("node-1"));
    first->Drain(now_);
    held = first->replica;
  }
  Publish({"node-3", TestPeer(3, 1)});
  const auto resumed = Attached(HelloWith("node-1", "h-1", held));
  resumed->replica = held;
  resumed->Drain(now_);
  EXPECT_EQ(resumed->replica.snapshots, 1) << "only the first one's";
  EXPECT_EQ(resumed->replica.peers.at("node-3"), TestPeer(3, 1));
  EXPECT_EQ(resumed->replica.revision, hub_.head());
}

TEST_F(NodeStreamTest, AnotherHistoryOrHashGetsASnapshot) {
  TestReplica held;
  {
    const auto first = Attached(Hello("node-1"));
    first->Drain(now_);
    held = first->replica;
  }
  const auto other_history = std::make_unique<Connection>(&shared_, now_);
  ASSERT_TRUE(other_history->stream.OnMessage(HelloWith("node-1", "h-0", held), now_).ok());
  ASSERT_TRUE(other_history->stream.OnPosition(storage::Position{"h-1", 100}, now_).ok());
  ASSERT_TRUE(other_history->stream.OnMessage(Advertise(1), now_).ok());
  ASSERT_TRUE(other_history->stream.OnGrant(Grant(1)).ok());
  other_history->Drain(now_);
  EXPECT_EQ(other_history->replica.snapshots, 1);
  TestReplica wrong = held;
  wrong.peers.erase("node-7");
  const auto other_hash = Attached(HelloWith("node-1", "h-1", wrong));
  other_hash->Drain(now_);
  EXPECT_EQ(other_hash->replica.snapshots, 1);
  EXPECT_EQ(other_hash->replica.peers, held.peers);
}

TEST_F(NodeStreamTest, SlowStreamIsSentOneDeltaOrASnapshot) {
  const auto connection = Attached(Hello("node-1"));
  connection->Drain(now_);
  connection->replica.changes = 0;
  for (int version = 1; version <= 200; ++version) {
    Publish({"node-5", TestPeer(5, version)});
  }
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.changes, 1);
  EXPECT_EQ(connection->replica.peers.at("node-5"), TestPeer(5, 200));
}

TEST_F(NodeStreamTest, ChangesDuringASnapshotFollowIt) {
  const auto connection = Attached(Hello("node-1"));
  for (int i = 0; i < 3; ++i) connection->replica.Take(*connection->stream.Next(now_));
  Publish({"node-4", std::nullopt});
  connection->Drain(now_);
  EXPECT_EQ(connection->replica.peers.count("node-4"), 0u);
  EXPECT_EQ(connection->replica.revision, hub_.head());
}

TEST_F(NodeStreamTest, HeartbeatsCarryRevisionAndHash) {
  const auto connection = Attached(Hello("node-1"));
  connection->Drain(now_);
  EXPECT_EQ(connection->stream.deadline(), now_ + absl::Seconds(5));
  EXPECT_EQ(connection->stream.Next(now_ + absl::Seconds(4)), nullptr);
  const auto messages = connection->Drain(now_ + absl::Seconds(5));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].heartbeat().revision(), hub_.head());
  EXPECT_EQ(messages[0].heartbeat().set_hash(), hub_.set_hash());
}

TEST_F(NodeStreamTest, DivergedNodeIsHealedOncePerMinute) {
  const auto connection = Attached(Hello("node-1"));
  connection->Drain(now_);
  const auto report = [&](std::uint64_t hash) {
    ASSERT_TRUE(connection->stream.OnMessage(Applied(hub_.head(), hash), now_).ok());
    connection->Drain(now_);
  };
  report(hub_.set_hash());
  EXPECT_EQ(connection->replica.snapshots, 1);
  report(hub_.set_hash() + 1);
  EXPECT_EQ(connection->replica.snapshots, 2);
  report(hub_.set_hash() + 1);
  EXPECT_EQ(connection->replica.snapshots, 2) << "not again so soon";
  now_ += absl::Seconds(61);
  report(hub_.set_hash() + 1);
  EXPECT_EQ(connection->replica.snapshots, 3);
}

TEST_F(NodeStreamTest, ReportsReachTheRegistry) {
  const auto connection = Attached(Hello("node-1"));
  ASSERT_TRUE(connection->stream.OnMessage(Applied(hub_.head(), 0), now_).ok());
  EXPECT_EQ(registry_.List()[0].report.applied_revision, 0u) << "nothing was sent yet";
  connection->Drain(now_);
  v1::NodeMessage applied = Applied(hub_.head(), hub_.set_hash());
  applied.mutable_applied()->set_held_removals(7);
  applied.mutable_applied()->add_problems("no route to 10.0.0.0/8");
  ASSERT_TRUE(connection->stream.OnMessage(applied, now_).ok());
  const NodeInfo info = registry_.List()[0];
  EXPECT_EQ(info.report.applied_revision, hub_.head());
  EXPECT_EQ(info.report.held_removals, 7u);
  EXPECT_EQ(info.report.problems, std::vector<std::string>{"no route to 10.0.0.0/8"});
  EXPECT_EQ(registry_.Laggards({"node-1", "node-2"}, hub_.head()).size(), 1u);
}

TEST_F(NodeStreamTest, SecondLiveNodeOfOneIdIsRefused) {
  const auto first = Attached(Hello("node-1", "i-1"));
  Connection second(&shared_, now_, "192.0.2.2:2000");
  const absl::Status refused = second.stream.OnMessage(Hello("node-1", "i-2"), now_);
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_EQ(Text(refused),
            "node id 'node-1' is in use: another heddle-node with that id is attached from "
            "192.0.2.1:1000. Give each host its own --node-id; if that process is gone, this one "
            "is let in once it has been silent for 15s");
  EXPECT_EQ(registry_.Alive().size(), 1u);
}

TEST_F(NodeStreamTest, SilentOrOwnEarlierStreamGivesWay) {
  const auto first = Attached(Hello("node-1", "i-1"));
  const auto again = Attached(Hello("node-1", "i-1"));
  EXPECT_EQ(again->stream.TakeDisplaced(), first->live);
  now_ += absl::Seconds(16);
  const auto newcomer = Attached(Hello("node-1", "i-2"));
  EXPECT_EQ(newcomer->stream.TakeDisplaced(), again->live);
  newcomer->Drain(now_);
  ASSERT_TRUE(first->stream.OnMessage(Applied(hub_.head(), 0), now_).ok());
  EXPECT_EQ(registry_.List()[0].report.applied_revision, 0u) << "the old stream counts no more";
}

TEST_F(NodeStreamTest, EndedStreamDetaches) {
  { const auto connection = Attached(Hello("node-1")); }
  EXPECT_TRUE(registry_.Alive().empty());
  ASSERT_EQ(registry_.List().size(), 1u) << "kept, to be named as a laggard";
  EXPECT_FALSE(registry_.List()[0].attached);
  registry_.Forget("node-1");
  EXPECT_TRUE(registry_.List().empty());
}

TEST_F(NodeStreamTest, BadInputIsRefusedNamingTheField) {
  const auto refusal = [&](const v1::NodeMessage& message) {
    Connection connection(&shared_, now_);
    return connection.stream.OnMessage(message, now_);
  };
  v1::NodeMessage old = Hello("node-1");
  old.mutable_hello()->set_protocol_version(9);
  EXPECT_TRUE(absl::IsFailedPrecondition(refusal(old)));
  EXPECT_THAT(Text(refusal(old)), HasSubstr("protocol version 9, this controller version 1"));
  EXPECT_THAT(Text(refusal(Hello("Not A Name"))), HasSubstr("hello.node_id"));
  EXPECT_THAT(Text(refusal(Hello("node-1", ""))), HasSubstr("hello.instance_id"));
  EXPECT_THAT(Text(refusal(Hello("node-1", std::string(500, 'x')))),
              HasSubstr("hello.instance_id: 500 bytes"));
  EXPECT_THAT(Text(refusal(Advertise(1))), HasSubstr("hello: must be the first"));
  EXPECT_TRUE(absl::IsInvalidArgument(refusal(v1::NodeMessage())));

  Connection connection(&shared_, now_);
  ASSERT_TRUE(connection.stream.OnMessage(Hello("node-1"), now_).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(connection.stream.OnMessage(Hello("node-1"), now_)));
  EXPECT_TRUE(connection.stream.OnMessage(Advertise(1, "host-gw"), now_).ok())
      << "said before it heard of the present backend; it will say another one";
  v1::NodeMessage bad = Advertise(1);
  bad.mutable_advertise()->add_preferred_subnets()->set_base("abc");
  EXPECT_THAT(Text(connection.stream.OnMessage(bad, now_)),
              HasSubstr("advertise.preferred_subnets"));
  EXPECT_TRUE(connection.requests.empty());
}

TEST_F(NodeStreamTest, NoNetworkYetSaysHowToSetOne) {
  WatchHub empty;
  empty.Load({"h-1", 0}, {}, std::nullopt);
  shared_.hub = &empty;
  Connection connection(&shared_, now_);
  const absl::Status refused = connection.stream.OnMessage(Hello("node-1"), now_);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Text(refused), HasSubstr("heddlectl network set"));
}

TEST_F(NodeStreamTest, HelloMustComeInTime) {
  Connection connection(&shared_, now_);
  EXPECT_TRUE(connection.stream.CheckDeadline(now_ + absl::Seconds(9)).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(connection.stream.CheckDeadline(now_ + absl::Seconds(10))));
}

TEST_F(NodeStreamTest, ARefusedAddressLeavesTheStreamAndItsPeersAsTheyWere) {
  Connection connection(&shared_, now_);
  ASSERT_TRUE(connection.stream.OnMessage(Hello("node-1"), now_).ok());
  ASSERT_TRUE(connection.stream.OnMessage(Advertise(1), now_).ok());
  LeaseGrant grant = Grant(1);
  grant.refused = absl::AlreadyExistsError("the address is in use by the node 'node-2'");
  ASSERT_TRUE(connection.stream.OnGrant(grant).ok());
  std::string told;
  bool synced = false;
  for (const v1::ControllerMessage& message : connection.Drain(now_)) {
    if (message.has_own_lease()) told = message.own_lease().refused();
    synced |= message.has_synced();
  }
  EXPECT_EQ(told, grant.refused.message());
  EXPECT_TRUE(synced);
  // Its former address was taken over: it asks for what it wants at once.
  ASSERT_TRUE(connection.stream.OnOwnChange({"node-1", std::nullopt}).ok());
  EXPECT_EQ(connection.requests.size(), 2u);
  EXPECT_TRUE(absl::IsAlreadyExists(connection.stream.OnGrant(grant.refused)));
}

TEST_F(NodeStreamTest, AdvertisingAgainWhileTheWriterIsBusyAsksOnceMore) {
  Connection connection(&shared_, now_);
  ASSERT_TRUE(connection.stream.OnMessage(Hello("node-1"), now_).ok());
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(connection.stream.OnMessage(Advertise(i), now_).ok());
  EXPECT_EQ(connection.requests.size(), 1u);
  ASSERT_TRUE(connection.stream.OnGrant(Grant(1)).ok());
  ASSERT_EQ(connection.requests.size(), 2u);
  EXPECT_EQ(connection.requests[1].advertisement, TestAdvertisement(5)) << "the newest";
  ASSERT_TRUE(connection.stream.OnGrant(Grant(1)).ok());
  EXPECT_EQ(connection.requests.size(), 2u);
}

TEST_F(NodeStreamTest, EndOfTheLeaseEndsTheStream) {
  const auto connection = Attached(Hello("node-1"));
  connection->Drain(now_);
  EXPECT_TRUE(connection->stream.OnOwnChange({"node-1", TestPeer(1)}).ok());
  EXPECT_TRUE(connection->Drain(now_).empty()) << "as it was";
  EXPECT_TRUE(connection->stream.OnOwnChange({"node-1", TestPeer(1, 2)}).ok());
  ASSERT_EQ(connection->Drain(now_).size(), 1u);
  const absl::Status ended = connection->stream.OnOwnChange({"node-1", std::nullopt});
  EXPECT_TRUE(absl::IsAborted(ended)) << ended;
  EXPECT_THAT(Text(ended), HasSubstr("attach again"));
}

TEST_F(NodeStreamTest, FailedAcquireEndsTheStreamWithItsReason) {
  Connection connection(&shared_, now_);
  ASSERT_TRUE(connection.stream.OnMessage(Hello("node-1"), now_).ok());
  ASSERT_TRUE(connection.stream.OnMessage(Advertise(1), now_).ok());
  const absl::Status exhausted = absl::ResourceExhaustedError("all 8 subnets are held");
  EXPECT_EQ(connection.stream.OnGrant(exhausted), exhausted);
}

TEST_F(NodeStreamTest, NetworkChangeIsToldBeforeAndAfterTheSnapshot) {
  const Network dual = TestNetwork(
      R"({"Network":"10.244.0.0/16","EnableIPv6":true,"IPv6Network":"fd00::/48",
          "Backend":{"Type":"vxlan"}})");
  const auto attached = Attached(Hello("node-1"));
  attached->Drain(now_);
  Connection waiting(&shared_, now_);
  ASSERT_TRUE(waiting.stream.OnMessage(Hello("node-2"), now_).ok());
  waiting.Drain(now_);
  BookChanges changes;
  changes.network_changed = true;
  hub_.Publish(hub_.head() + 1, changes, dual, now_);
  hub_.Release(hub_.release_at());
  ASSERT_TRUE(attached->stream.OnNetworkChange().ok());
  EXPECT_EQ(attached->requests.size(), 2u) << "for the family that the node lacks";
  attached->Drain(now_);
  EXPECT_EQ(attached->replica.network, dual);
  EXPECT_EQ(attached->replica.revision, hub_.head());
  waiting.Drain(now_);
  EXPECT_EQ(waiting.replica.network, dual);
}

}  // namespace
}  // namespace heddle::controller
