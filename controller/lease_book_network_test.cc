// Setting and growing the network, families, upkeep, and records that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_book_test_bench.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Range V4() { return RangeOf("10.3.0.0/20", 24, "10.3.1.0", "10.3.15.0"); }
Range Wide() { return RangeOf("10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0"); }
Range V6() { return RangeOf("fc00::/48", 64, "fc00:0:0:1::", "fc00:0:0:ffff::"); }

class LeaseBookNetworkTest : public ::testing::Test {
 protected:
  void TearDown() override { bench_.Check(); }
  std::string Refusal(const Network& network) {
    const auto decision = bench_.book.DecideSetNetwork(network, "{}", bench_.now);
    EXPECT_EQ(decision.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(decision.status().message());
  }
  BookBench bench_;
};

TEST_F(LeaseBookNetworkTest, GrowsLive) {
  bench_.SetNetwork(NetworkOf({V4()}));
  for (int i = 0; i < 15; ++i) bench_.Acquire(absl::StrCat("n", i));
  EXPECT_THAT(bench_.Acquire("late"), HasSubstr("no free IPv4 subnet"));
  const auto told = bench_.told.size();
  const BookChanges changes =
      bench_.Run(bench_.book.DecideSetNetwork(NetworkOf({Wide()}), "{}", bench_.now));
  EXPECT_TRUE(changes.network_changed);
  EXPECT_EQ(bench_.told.size(), told) << "no peer changes";
  EXPECT_EQ(bench_.SubnetsOf("n3"), "10.3.4.0/24");
  EXPECT_EQ(bench_.Acquire("late"), "10.3.16.0/24");
}

TEST_F(LeaseBookNetworkTest, SettingTheSameAgainWritesNothing) {
  bench_.SetNetwork(NetworkOf({V4()}));
  EXPECT_THAT(bench_.book.DecideSetNetwork(NetworkOf({V4()}), "{}", bench_.now)->transaction.writes,
              IsEmpty());
}

TEST_F(LeaseBookNetworkTest, RefusesToOrphanAndListsWhom) {
  bench_.SetNetwork(NetworkOf({Wide()}));
  for (int i = 0; i < 30; ++i) bench_.Acquire(absl::StrCat("node-", i));
  const std::string refusal = Refusal(NetworkOf({V4()}));
  EXPECT_THAT(refusal, HasSubstr("15 subnets"));
  EXPECT_THAT(refusal, HasSubstr("node-15 (10.3.16.0/24)"));
  EXPECT_THAT(refusal, HasSubstr("and 5 more"));
}

TEST_F(LeaseBookNetworkTest, SubnetLenChangesOnlyWithoutLeases) {
  Range longer = V4();
  longer.subnet_length = 26;
  bench_.SetNetwork(NetworkOf({V4()}));
  bench_.Acquire("a");
  EXPECT_THAT(Refusal(NetworkOf({longer})), HasSubstr("a (10.3.1.0/24)"));
  bench_.Release("a");
  bench_.SetNetwork(NetworkOf({longer}));
  EXPECT_EQ(bench_.Acquire("b"), "10.3.2.0/26") << "the old /24 still rests";
  bench_.now += absl::Minutes(5);
  bench_.Upkeep({"b"});
  EXPECT_EQ(bench_.Acquire("c"), "10.3.1.0/26");
}

TEST_F(LeaseBookNetworkTest, GrantsInFlightAreNotOrphaned) {
  bench_.SetNetwork(NetworkOf({Wide()}));
  const auto grant =
      bench_.book.DecideAcquire("a", AdvertisementOf(1), {P("10.3.99.0/24")}, bench_.now);
  bench_.book.Claim(*grant);
  EXPECT_THAT(Refusal(NetworkOf({V4()})), HasSubstr("10.3.99.0/24"));
  bench_.book.Unclaim(*grant);
  bench_.SetNetwork(NetworkOf({V4()}));
  EXPECT_FALSE(bench_.TryRun(*grant)) << "chosen from the old network";
}

TEST_F(LeaseBookNetworkTest, Ipv6Only) {
  bench_.SetNetwork(NetworkOf({V6()}));
  EXPECT_EQ(bench_.Acquire("a"), "fc00:0:0:1::/64");
  EXPECT_EQ(bench_.Acquire("b"), "fc00:0:0:2::/64");
}

TEST_F(LeaseBookNetworkTest, DualStackGivesBothOrNone) {
  bench_.SetNetwork(NetworkOf({V4(), RangeOf("fc00::/48", 64, "fc00:0:0:1::", "fc00:0:0:2::")}));
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24 fc00:0:0:1::/64");
  EXPECT_EQ(bench_.Acquire("b"), "10.3.2.0/24 fc00:0:0:2::/64");
  EXPECT_THAT(bench_.Acquire("c"), HasSubstr("no free IPv6 subnet"));
  EXPECT_EQ(bench_.SubnetsOf("c"), "none");
}

TEST_F(LeaseBookNetworkTest, AddingAFamilyKeepsWhatIsHeld) {
  bench_.SetNetwork(NetworkOf({V4()}));
  bench_.Acquire("a");
  bench_.SetNetwork(NetworkOf({V4(), V6()}));
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24 fc00:0:0:1::/64");
  EXPECT_THAT(Refusal(NetworkOf({V4()})), HasSubstr("a (fc00:0:0:1::/64)"));
}

TEST_F(LeaseBookNetworkTest, RenewsTheLivingAndEndsTheDead) {
  bench_.SetNetwork(NetworkOf({V4()}));
  for (int i = 0; i < 15; ++i) bench_.Acquire(absl::StrCat("n", i));
  const auto told = bench_.told.size();
  bench_.now += absl::Hours(10);
  bench_.Upkeep({"n0", "n1"});
  EXPECT_EQ(bench_.told.size(), told) << "renewals are not told";
  bench_.now += absl::Hours(20);
  bench_.Upkeep({"n0"}, /*expire=*/false);
  EXPECT_THAT(bench_.book.leases(), SizeIs(15)) << "ending is held";
  bench_.Upkeep({"n0"});
  EXPECT_THAT(bench_.book.leases(), SizeIs(2)) << "n0 lives, n1 is within its time";
  EXPECT_EQ(bench_.told.size(), told + 13);
}

TEST_F(LeaseBookNetworkTest, UpkeepStaysWithinTheStoresLimits) {
  bench_.SetNetwork(NetworkOf({Wide(), V6()}));
  absl::flat_hash_set<std::string> alive;
  for (int i = 0; i < 250; ++i) {
    bench_.Acquire(absl::StrCat("n", i));
    if (i % 2 == 0) alive.insert(absl::StrCat("n", i));
  }
  bench_.now += absl::Hours(25);
  bench_.Upkeep(alive);  // checks the limits
  EXPECT_THAT(bench_.book.leases(), SizeIs(125));
  bench_.now += absl::Minutes(5);
  bench_.Upkeep(alive);
  EXPECT_THAT(bench_.book.resting(), IsEmpty());
}

TEST_F(LeaseBookNetworkTest, UpkeepLeavesNodesInFlightAlone) {
  bench_.SetNetwork(NetworkOf({V4()}));
  bench_.Acquire("a");
  bench_.now += absl::Hours(25);
  const auto decision = bench_.book.DecideAcquire("a", AdvertisementOf(9), {}, bench_.now);
  bench_.book.Claim(*decision);
  EXPECT_THAT(bench_.book.DecideUpkeep({}, true, bench_.now), IsEmpty());
  bench_.book.Unclaim(*decision);
  const auto upkeep = bench_.book.DecideUpkeep({}, true, bench_.now);
  ASSERT_THAT(upkeep, SizeIs(1));
  bench_.book.Claim(upkeep[0]);
  EXPECT_EQ(bench_.book.DecideAcquire("a", AdvertisementOf(9), {}, bench_.now).status().code(),
            absl::StatusCode::kAborted);
  bench_.book.Unclaim(upkeep[0]);
}

TEST_F(LeaseBookNetworkTest, UnreadableRecordsAreReportedAndStayTaken) {
  bench_.SetNetwork(NetworkOf({V4()}));
  bench_.Acquire("a");
  EXPECT_THAT(bench_.Inject(SubnetKey(P("10.3.2.0/24")), "\xff").problems, SizeIs(1));
  EXPECT_EQ(bench_.Acquire("b"), "10.3.3.0/24");
  const BookChanges changes = bench_.Inject(NodeKey("a"), "\xff");
  EXPECT_THAT(changes.problems, SizeIs(1));
  EXPECT_THAT(changes.peers, IsEmpty()) << "what the nodes were told stays true";
  EXPECT_EQ(bench_.SubnetsOf("a"), "10.3.1.0/24");
  EXPECT_EQ(bench_.book.DecideAcquire("a", AdvertisementOf(1), {}, bench_.now).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_THAT(bench_.Inject(kConfigKey, "\xff").problems, SizeIs(1));
  EXPECT_TRUE(bench_.book.network().has_value());
  EXPECT_THAT(bench_.Inject("net/_/subnet/rubbish", "").problems, SizeIs(1));
}

TEST_F(LeaseBookNetworkTest, ReleaseRepairsAnUnreadableLease) {
  bench_.SetNetwork(NetworkOf({V4()}));
  bench_.Acquire("a");
  bench_.Inject(NodeKey("a"), "\xff");
  EXPECT_EQ(bench_.Release("a"), "");
  EXPECT_FALSE(bench_.told.back().peer.has_value());
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24");
}

TEST_F(LeaseBookNetworkTest, ARecordUnderAnothersKeyIsNotBelieved) {
  bench_.SetNetwork(NetworkOf({V4()}));
  Lease lease;
  lease.node_id = "a";
  lease.subnets[Family::kV4] = P("10.3.1.0/24");
  EXPECT_THAT(bench_.Inject(NodeKey("b"), EncodeLease(lease)).problems, SizeIs(1));
  EXPECT_THAT(bench_.book.leases(), IsEmpty());
}

TEST(Keys, RoundTripAndRefuseOtherSpellings) {
  for (const char* text : {"10.3.1.0/24", "fc00:0:0:1::/64", "::/0"}) {
    EXPECT_EQ(SubnetOfKey(SubnetKey(P(text))), P(text));
  }
  for (const char* key :
       {"net/_/subnet/10.3.1.5-24", "net/_/subnet/10.3.1.0-024", "net/_/subnet/fc00:0:0:0::-64",
        "net/_/subnet/10.3.1.0", "net/_/subnet/10.3.1.0--1", "net/_/node/10.3.1.0-24", ""}) {
    EXPECT_FALSE(SubnetOfKey(key).has_value()) << key;
  }
  EXPECT_EQ(NodeIdOfKey(NodeKey("host-1")), "host-1");
}

// ---- Changes of the backend ----

class LeaseBookRolloutTest : public LeaseBookNetworkTest {
 protected:
  static Network On(const std::string& type) {
    Network network = NetworkOf({V4()});
    network.backend = *CompleteBackend({type, {}});
    return network;
  }
  void Set(const std::string& type) {
    bench_.Run(bench_.book.DecideSetNetwork(On(type), "{}", bench_.now));
  }
  BookChanges Advance() {
    return bench_.Run(bench_.book.DecideAdvance(bench_.book.network_modified(), bench_.now));
  }
};

TEST_F(LeaseBookRolloutTest, IsStagedWhenAnyNodeIsAnnounced) {
  bench_.SetNetwork(On("vxlan"));
  Set("host-gw");
  EXPECT_EQ(*bench_.book.network(), On("host-gw")) << "nobody is there";
  bench_.Reserve("a", {});
  Set("vxlan");
  EXPECT_EQ(*bench_.book.network(), On("vxlan")) << "a reservation has no packets";
  bench_.Acquire("a");
  Set("host-gw");
  EXPECT_TRUE(bench_.book.changes_backend());
  EXPECT_EQ(bench_.book.network()->backend.type, "vxlan");
  EXPECT_EQ(bench_.book.network()->standby->type, "host-gw");
  EXPECT_EQ(*bench_.book.target_network(), On("host-gw"));
  EXPECT_THAT(bench_.book.DecideSetNetwork(On("host-gw"), "{}", bench_.now)->transaction.writes,
              IsEmpty())
      << "it already is as asked";
}

TEST_F(LeaseBookRolloutTest, AdvancesToTheEndAndNodesAreTold) {
  bench_.SetNetwork(On("vxlan"));
  bench_.Acquire("a");
  Set("host-gw");
  bench_.now += absl::Seconds(3);
  EXPECT_TRUE(Advance().network_changed);
  EXPECT_EQ(bench_.book.staged_network().stage, RolloutStage::kRetiring);
  EXPECT_EQ(bench_.book.staged_network().since, bench_.now);
  EXPECT_EQ(bench_.book.network()->backend.type, "host-gw");
  EXPECT_EQ(bench_.book.network()->standby->type, "vxlan");
  EXPECT_TRUE(Advance().network_changed);
  EXPECT_EQ(*bench_.book.network(), On("host-gw"));
  EXPECT_FALSE(bench_.book.changes_backend());
  EXPECT_THAT(
      bench_.book.DecideAdvance(bench_.book.network_modified(), bench_.now).transaction.writes,
      IsEmpty());
}

TEST_F(LeaseBookRolloutTest, ARecordSaysThatTheChangeWasTurnedRound) {
  bench_.SetNetwork(On("vxlan"));
  bench_.Acquire("a");
  Set("host-gw");
  Advance();
  Set("vxlan");
  EXPECT_TRUE(bench_.book.staged_network().turned_round);
  Set("host-gw");
  EXPECT_EQ(bench_.book.network()->standby->type, "vxlan") << "some may send through it";
  EXPECT_EQ(bench_.book.staged_network().stage, RolloutStage::kRetiring);
  EXPECT_FALSE(bench_.book.staged_network().turned_round);
}

TEST_F(LeaseBookRolloutTest, WhatWasJudgedOnAnotherNetworkIsNotCommitted) {
  bench_.SetNetwork(On("vxlan"));
  bench_.Acquire("a");
  Set("host-gw");
  const storage::Revision judged = bench_.book.network_modified();
  const Decision late = bench_.book.DecideAdvance(judged, bench_.now);
  Set("alloc");
  EXPECT_FALSE(bench_.TryRun(late)) << "its guard";
  EXPECT_THAT(bench_.book.DecideAdvance(judged, bench_.now).transaction.writes, IsEmpty());
  EXPECT_EQ(bench_.book.network()->standby->type, "alloc");
}

TEST_F(LeaseBookRolloutTest, ARecordWithoutItsStandbyCannotBeRead) {
  bench_.SetNetwork(On("vxlan"));
  StoredNetwork broken{{On("host-gw"), RolloutStage::kRetiring, bench_.now}, "{}", 0};
  const BookChanges changes = bench_.Inject(kConfigKey, EncodeNetwork(broken));
  ASSERT_THAT(changes.problems, SizeIs(1));
  EXPECT_THAT(changes.problems[0], HasSubstr("rollout"));
  EXPECT_EQ(*bench_.book.network(), On("vxlan")) << "stays as it was";
}

}  // namespace
}  // namespace heddle::controller
