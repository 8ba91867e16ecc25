// Acquire, reserve and release, one rule at a time.
#include "controller/lease_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/keys.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Network FourSubnets() { return NetworkOf({RangeOf("10.3.0.0/16", 24, "10.3.1.0", "10.3.4.0")}); }

class LeaseBookTest : public ::testing::Test {
 protected:
  void TearDown() override { bench_.Check(); }
  BookBench bench_;
};

TEST_F(LeaseBookTest, NothingWithoutANetwork) {
  const auto decision = bench_.book.DecideAcquire("a", AdvertisementOf(1), {}, bench_.now);
  EXPECT_EQ(decision.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(LeaseBookTest, GivesTheLowestFreeAndTellsThePeers) {
  bench_.SetNetwork(FourSubnets());
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24");
  EXPECT_EQ(bench_.Acquire("b"), "10.3.2.0/24");
  ASSERT_THAT(bench_.told, SizeIs(2));
  EXPECT_EQ(bench_.told[0].node_id, "a");
  EXPECT_EQ(bench_.told[0].peer, bench_.book.Find("a")->ToPeer());
}

TEST_F(LeaseBookTest, AcquiringAgainChangesNothingWhileFresh) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  const auto again =
      bench_.book.DecideAcquire("a", *bench_.book.Find("a")->advertisement, {}, bench_.now);
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(again->transaction.writes, IsEmpty());
  bench_.now += absl::Hours(9);  // less than two thirds of 24 h are left
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24");
  EXPECT_EQ(bench_.book.Find("a")->expires, bench_.now + absl::Hours(24));
  EXPECT_THAT(bench_.told, SizeIs(1)) << "a renewal is not told";
}

TEST_F(LeaseBookTest, AChangedAdvertisementWritesTheNodeOnly) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  const auto decision = bench_.book.DecideAcquire("a", AdvertisementOf(77), {}, bench_.now);
  ASSERT_TRUE(decision.ok());
  ASSERT_THAT(decision->transaction.writes, SizeIs(1));
  EXPECT_EQ(decision->transaction.writes[0].key, NodeKey("a"));
  const BookChanges changes = bench_.Run(decision);
  ASSERT_THAT(changes.peers, SizeIs(1));
  EXPECT_EQ(changes.peers[0].peer->advertisement, AdvertisementOf(77));
}

TEST_F(LeaseBookTest, PreferredWhenFree) {
  bench_.SetNetwork(FourSubnets());
  EXPECT_EQ(bench_.Acquire("a", {P("10.3.3.0/24")}), "10.3.3.0/24");
  EXPECT_EQ(bench_.Acquire("b", {P("10.3.3.0/24")}), "10.3.1.0/24") << "held by another";
  EXPECT_EQ(bench_.Acquire("c", {P("10.9.3.0/24"), P("10.3.4.0/25")}), "10.3.2.0/24") << "no fit";
}

TEST_F(LeaseBookTest, ExhaustionSaysWhatIsHeldAndWhatRests) {
  bench_.SetNetwork(FourSubnets());
  for (const char* node : {"a", "b", "c", "d"}) bench_.Acquire(node);
  bench_.Release("b");
  const auto refused = bench_.book.DecideAcquire("e", AdvertisementOf(9), {}, bench_.now);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("3 are held and 1 rest (the next is free at 2023-11-14T22:18:20Z)"));
}

TEST_F(LeaseBookTest, AFreedSubnetRestsAndIsTakenLast) {
  bench_.SetNetwork(FourSubnets());
  for (const char* node : {"a", "b", "c"}) bench_.Acquire(node);
  bench_.Release("c");
  bench_.now += absl::Seconds(1);
  bench_.Release("a");
  EXPECT_EQ(bench_.Acquire("d"), "10.3.4.0/24") << "10.3.1.0 and 10.3.3.0 rest";
  EXPECT_THAT(bench_.Acquire("e"), HasSubstr("no free IPv4 subnet"));
  bench_.now += absl::Minutes(6);
  EXPECT_EQ(bench_.Acquire("e"), "10.3.3.0/24") << "the one that has rested longest";
  EXPECT_EQ(bench_.Acquire("f"), "10.3.1.0/24");
}

TEST_F(LeaseBookTest, TheLastHolderGetsItsRestingSubnetBack) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  bench_.Acquire("b");
  bench_.Release("b");
  EXPECT_EQ(bench_.Acquire("b", {P("10.3.4.0/24")}), "10.3.2.0/24");
  EXPECT_THAT(bench_.book.resting(), IsEmpty());
}

TEST_F(LeaseBookTest, RestedSubnetsReturnToThePool) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  bench_.Release("a");
  EXPECT_EQ(bench_.book.pool(Family::kV4)->free_count(), 3u);
  bench_.Upkeep({});
  EXPECT_EQ(bench_.book.pool(Family::kV4)->free_count(), 3u);
  bench_.now += absl::Minutes(5);
  bench_.Upkeep({});
  EXPECT_EQ(bench_.book.pool(Family::kV4)->free_count(), 4u);
  EXPECT_THAT(bench_.store.records(), SizeIs(1)) << "only the configuration is left";
}

TEST_F(LeaseBookTest, NoRestWhenThePolicySaysSo) {
  BookBench bench({absl::Hours(1), absl::ZeroDuration()});
  bench.SetNetwork(FourSubnets());
  bench.Acquire("a");
  bench.Release("a");
  EXPECT_EQ(bench.Acquire("b"), "10.3.1.0/24");
  bench.Check();
}

TEST_F(LeaseBookTest, ReleaseTellsThePeersAndNeedsALease) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  const BookChanges changes = bench_.Run(bench_.book.DecideRelease("a", bench_.now));
  ASSERT_THAT(changes.peers, SizeIs(1));
  EXPECT_FALSE(changes.peers[0].peer.has_value());
  EXPECT_EQ(bench_.book.DecideRelease("a", bench_.now).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(LeaseBookTest, AReservationIsPermanentAndUntoldUntilTheNodeComes) {
  bench_.SetNetwork(FourSubnets());
  EXPECT_EQ(bench_.Reserve("a", {P("10.3.3.0/24")}), "10.3.3.0/24");
  EXPECT_THAT(bench_.told, IsEmpty());
  bench_.now += absl::Hours(1000);
  bench_.Upkeep({});
  EXPECT_EQ(bench_.Acquire("a", {P("10.3.1.0/24")}), "10.3.3.0/24");
  EXPECT_TRUE(bench_.book.Find("a")->reserved) << "attaching does not make it a lease with an end";
  EXPECT_THAT(bench_.told, SizeIs(1));
  bench_.now += absl::Hours(1000);
  bench_.Upkeep({});
  EXPECT_EQ(bench_.SubnetsOf("a"), "10.3.3.0/24");
}

TEST_F(LeaseBookTest, ReserveTurnsALeaseIntoAPermanentOne) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  EXPECT_EQ(bench_.Reserve("a", {}), "10.3.1.0/24");
  EXPECT_EQ(bench_.book.Find("a")->expires, absl::InfiniteFuture());
  EXPECT_THAT(bench_.told, SizeIs(1)) << "the peers need not know";
  EXPECT_THAT(bench_.book.DecideReserve("a", {}, bench_.now)->transaction.writes, IsEmpty());
}

TEST_F(LeaseBookTest, ReserveRefusesWhatCannotBe) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  bench_.Acquire("b");
  bench_.Release("b");
  const auto code = [&](const std::vector<Prefix>& subnets, absl::string_view node = "n") {
    return bench_.book.DecideReserve(node, subnets, bench_.now).status().code();
  };
  EXPECT_EQ(code({P("10.3.9.0/24")}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({P("10.3.3.0/25")}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({P("fc00::/64")}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({P("10.3.3.0/24"), P("10.3.4.0/24")}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({P("10.3.3.0/24")}, "Not_A-node!"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({P("10.3.1.0/24")}), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(code({P("10.3.3.0/24")}, "a"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(code({P("10.3.2.0/24")}), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(bench_.Reserve("n", {P("10.3.1.0/24")}), HasSubstr("held by the node 'a'"));
  EXPECT_THAT(bench_.Reserve("n", {P("10.3.9.0/24")}), HasSubstr("from 10.3.1.0 to 10.3.4.0"));
  EXPECT_THAT(bench_.Reserve("n", {P("10.3.2.0/24")}), HasSubstr("rests after the node 'b' until"));
  bench_.now += absl::Minutes(5);
  EXPECT_EQ(bench_.Reserve("n", {P("10.3.2.0/24")}), "10.3.2.0/24") << "rested";
}

TEST_F(LeaseBookTest, AReservationGoesBeforeTheSubnetThatRestsWithTheNode) {
  bench_.SetNetwork(FourSubnets());
  bench_.Acquire("a");
  bench_.Release("a");
  EXPECT_EQ(bench_.Reserve("a", {P("10.3.4.0/24")}), "10.3.4.0/24");
}

TEST_F(LeaseBookTest, AskedForSubnetInAFullPoolIsRefusedByName) {
  bench_.SetNetwork(FourSubnets());
  for (const char* node : {"a", "b", "c", "d"}) bench_.Acquire(node);
  EXPECT_THAT(bench_.Reserve("n", {P("10.3.1.0/24")}), HasSubstr("held by the node 'a'"));
}

TEST_F(LeaseBookTest, ClaimsKeepDecisionsApart) {
  bench_.SetNetwork(FourSubnets());
  const auto first = bench_.book.DecideAcquire("a", AdvertisementOf(1), {}, bench_.now);
  bench_.book.Claim(*first);
  EXPECT_EQ(bench_.book.DecideAcquire("a", AdvertisementOf(1), {}, bench_.now).status().code(),
            absl::StatusCode::kAborted);
  const auto second = bench_.book.DecideAcquire("b", AdvertisementOf(2), {}, bench_.now);
  EXPECT_EQ(second->subnets, std::vector<Prefix>{P("10.3.2.0/24")});
  EXPECT_EQ(bench_.book.DecideReserve("c", {P("10.3.1.0/24")}, bench_.now).status().code(),
            absl::StatusCode::kAborted);
  bench_.book.Unclaim(*first);  // its commit failed
  EXPECT_EQ(bench_.Acquire("c"), "10.3.1.0/24");
}

TEST_F(LeaseBookTest, DecisionsOnAnOldBookFailAndChangeNothing) {
  bench_.SetNetwork(FourSubnets());
  const auto a = bench_.book.DecideAcquire("a", AdvertisementOf(1), {}, bench_.now);
  const auto b = bench_.book.DecideAcquire("b", AdvertisementOf(2), {}, bench_.now);
  EXPECT_TRUE(bench_.TryRun(*a));
  EXPECT_FALSE(bench_.TryRun(*b)) << "both chose 10.3.1.0/24";
  EXPECT_EQ(bench_.SubnetsOf("b"), "none");
  const auto release = bench_.book.DecideRelease("a", bench_.now);
  bench_.Run(bench_.book.DecideAcquire("a", AdvertisementOf(3), {}, bench_.now));
  EXPECT_FALSE(bench_.TryRun(*release)) << "decided before the change";
  EXPECT_EQ(bench_.SubnetsOf("a"), "10.3.1.0/24");
}

TEST_F(LeaseBookTest, RefusesBadNamesAndAdvertisements) {
  bench_.SetNetwork(FourSubnets());
  const auto code = [&](absl::string_view node, const Advertisement& advertisement) {
    return bench_.book.DecideAcquire(node, advertisement, {}, bench_.now).status().code();
  };
  EXPECT_EQ(code("", AdvertisementOf(1)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("a/b", AdvertisementOf(1)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("a", Advertisement()), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace heddle::controller
