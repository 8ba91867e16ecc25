// Moving to another range, node by node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Range Old() { return RangeOf("10.3.0.0/20", 24, "10.3.1.0", "10.3.15.0"); }
Range New() { return RangeOf("10.60.0.0/20", 24, "10.60.1.0", "10.60.15.0"); }
Range NewGrown() { return RangeOf("10.60.0.0/16", 24, "10.60.1.0", "10.60.255.0"); }
Range Third() { return RangeOf("10.70.0.0/20", 24, "10.70.1.0", "10.70.15.0"); }
Range OldV6() { return RangeOf("fc00::/48", 64, "fc00:0:0:1::", "fc00:0:0:ffff::"); }
Range NewV6() { return RangeOf("fd60::/48", 64, "fd60:0:0:1::", "fd60:0:0:ffff::"); }

class LeaseBookRangeTest : public ::testing::Test {
 protected:
  void TearDown() override { bench_.Check(); }
  // Two nodes with leases, and the network on its way to New().
  void BeginMove() {
    bench_.SetNetwork(NetworkOf({Old()}));
    bench_.Acquire("a");
    bench_.Acquire("b");
    Drain({New()});
  }
  void Drain(const std::vector<Range>& ranges) {
    bench_.Run(
        bench_.book.DecideSetNetwork(NetworkOf(ranges), "{}", bench_.now, std::nullopt, true));
  }
  std::string Refusal(const std::vector<Range>& ranges, bool drain) {
    const auto decision =
        bench_.book.DecideSetNetwork(NetworkOf(ranges), "{}", bench_.now, std::nullopt, drain);
    EXPECT_FALSE(decision.ok());
    return std::string(decision.status().message());
  }
  std::string Renumber(const std::string& node_id) {
    return Text(bench_.book.DecideRenumber(node_id, bench_.now), node_id);
  }
  std::string Finish(const std::string& node_id) {
    return Text(bench_.book.DecideFinishRenumber(node_id, bench_.now), node_id);
  }
  void EndDraining() { bench_.Run(bench_.book.DecideEndDraining()); }
  // What the node has, or the error.
  std::string Text(const absl::StatusOr<Decision>& decision, const std::string& node_id) {
    if (!decision.ok()) return std::string(decision.status().message());
    bench_.Run(decision);
    std::string text = bench_.SubnetsOf(node_id);
    bench_.book.Find(node_id)->draining_subnets.ForEach(
        [&](Family, const Prefix& subnet) { text += " leaving " + subnet.ToString(); });
    return text;
  }
  BookBench bench_;
};

TEST_F(LeaseBookRangeTest, MovesNodeByNodeAndForgetsTheOldRange) {
  BeginMove();
  EXPECT_EQ(bench_.SubnetsOf("a"), "10.3.1.0/24") << "nothing moves by itself";
  EXPECT_EQ(bench_.Acquire("a"), "10.3.1.0/24") << "nor when the node attaches again";
  EXPECT_EQ(bench_.Acquire("c"), "10.60.1.0/24") << "nothing more is given of the old range";
  EXPECT_EQ(Renumber("a"), "10.60.2.0/24 leaving 10.3.1.0/24");
  EXPECT_EQ(bench_.told.back().peer, bench_.book.Find("a")->ToPeer());
  EXPECT_THAT(bench_.told.back().peer->AllSubnets(),
              ElementsAre(P("10.60.2.0/24"), P("10.3.1.0/24")));
  EXPECT_EQ(bench_.Acquire("a"), "10.60.2.0/24");
  EXPECT_EQ(Finish("a"), "10.60.2.0/24");
  EXPECT_THAT(bench_.book.resting(), SizeIs(1));
  EXPECT_THAT(bench_.book.DecideEndDraining().transaction.writes, IsEmpty()) << "b is still there";
  EXPECT_THAT(bench_.book.DrainingLeases(), SizeIs(1));
  Renumber("b");
  EXPECT_THAT(bench_.book.DecideEndDraining().transaction.writes, IsEmpty());
  Finish("b");
  EXPECT_THAT(bench_.book.DrainingLeases(), IsEmpty());
  EndDraining();
  EXPECT_EQ(*bench_.book.network(), NetworkOf({New()}));
  EXPECT_EQ(bench_.book.network_source(), "{}");
}

TEST_F(LeaseBookRangeTest, BothFamiliesMoveTogether) {
  bench_.SetNetwork(NetworkOf({Old(), OldV6()}));
  bench_.Acquire("a");
  Drain({New(), NewV6()});
  EXPECT_EQ(Renumber("a"),
            "10.60.1.0/24 fd60:0:0:1::/64 leaving 10.3.1.0/24 leaving fc00:0:0:1::/64");
  EXPECT_EQ(Finish("a"), "10.60.1.0/24 fd60:0:0:1::/64");
  EndDraining();
  EXPECT_TRUE(bench_.book.network()->draining.empty());
}

TEST_F(LeaseBookRangeTest, OneFamilyMovesAndTheOtherStays) {
  bench_.SetNetwork(NetworkOf({Old(), OldV6()}));
  bench_.Acquire("a");
  Drain({Old(), NewV6()});
  EXPECT_FALSE(bench_.book.network()->draining[Family::kV4].has_value());
  EXPECT_EQ(Renumber("a"), "10.3.1.0/24 fd60:0:0:1::/64 leaving fc00:0:0:1::/64");
}

TEST_F(LeaseBookRangeTest, RenumberingAgainChangesNothing) {
  BeginMove();
  Renumber("a");
  EXPECT_THAT(bench_.book.DecideRenumber("a", bench_.now)->transaction.writes, IsEmpty());
  Finish("a");
  EXPECT_THAT(bench_.book.DecideFinishRenumber("a", bench_.now)->transaction.writes, IsEmpty());
  EXPECT_THAT(bench_.book.DecideRenumber("a", bench_.now)->transaction.writes, IsEmpty());
}

TEST_F(LeaseBookRangeTest, RefusalsNameTheNodeAndTheNextStep) {
  BeginMove();
  EXPECT_THAT(Finish("a"), HasSubstr("heddlectl node renumber a"));
  EXPECT_EQ(bench_.book.DecideRenumber("x", bench_.now).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(bench_.book.DecideFinishRenumber("x", bench_.now).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(LeaseBookRangeTest, WithoutDrainTheRefusalTellsOfIt) {
  bench_.SetNetwork(NetworkOf({Old()}));
  bench_.Acquire("a");
  const std::string refusal = Refusal({New()}, false);
  EXPECT_THAT(refusal, HasSubstr("a (10.3.1.0/24)"));
  EXPECT_THAT(refusal, HasSubstr("heddlectl network plan"));
  EXPECT_THAT(refusal, HasSubstr("--drain"));
}

TEST_F(LeaseBookRangeTest, ARangeThatOverlapsCannotBeMovedTo) {
  bench_.SetNetwork(NetworkOf({Old()}));
  for (int i = 0; i < 15; ++i) bench_.Acquire(absl::StrCat("n", i));
  Range longer = Old();
  longer.subnet_length = 26;
  EXPECT_THAT(Refusal({longer}, true), HasSubstr("does not overlap"));
  Range half = RangeOf("10.3.0.0/21", 24, "10.3.1.0", "10.3.7.0");
  EXPECT_THAT(Refusal({half}, true), HasSubstr("10.3.0.0/21 does"));
}

TEST_F(LeaseBookRangeTest, AFamilyWithLeasesIsNotSwitchedOffByDraining) {
  bench_.SetNetwork(NetworkOf({Old(), OldV6()}));
  bench_.Acquire("a");
  EXPECT_THAT(Refusal({Old()}, true), HasSubstr("a (fc00:0:0:1::/64)"));
}

TEST_F(LeaseBookRangeTest, WithoutLeasesNothingDrains) {
  bench_.SetNetwork(NetworkOf({Old()}));
  Drain({New()});
  EXPECT_TRUE(bench_.book.network()->draining.empty());
}

TEST_F(LeaseBookRangeTest, WhileMovingTheNewRangeGrowsAndAThirdIsRefused) {
  BeginMove();
  Renumber("b");
  Drain({NewGrown()});
  EXPECT_EQ(bench_.book.network()->draining[Family::kV4], Old());
  EXPECT_EQ(bench_.book.network()->ranges[Family::kV4], NewGrown());
  const std::string refusal = Refusal({Third()}, true);
  EXPECT_THAT(refusal, HasSubstr("still moving from 10.3.0.0/20 to 10.60.0.0/16"));
  EXPECT_THAT(refusal, HasSubstr("a (10.3.1.0/24)"));
}

TEST_F(LeaseBookRangeTest, BeforeAnyNodeHasMovedAnotherGoalMayBeSet) {
  BeginMove();
  Drain({Third()});
  EXPECT_EQ(bench_.book.network()->draining[Family::kV4], Old());
  EXPECT_EQ(Renumber("a"), "10.70.1.0/24 leaving 10.3.1.0/24");
}

TEST_F(LeaseBookRangeTest, ComesBackHalfway) {
  BeginMove();
  bench_.Acquire("c");
  Renumber("a");
  EXPECT_THAT(Refusal({Old()}, false), HasSubstr("a (10.60.2.0/24)")) << "asks for --drain";
  Drain({Old()});
  EXPECT_EQ(bench_.book.network()->draining[Family::kV4], New());
  EXPECT_EQ(Renumber("b"), "10.3.2.0/24") << "it never left";
  EXPECT_EQ(Renumber("a"), "10.3.1.0/24 leaving 10.60.2.0/24") << "it has its old one still";
  EXPECT_EQ(Renumber("c"), "10.3.3.0/24 leaving 10.60.1.0/24");
  EXPECT_EQ(Finish("a"), "10.3.1.0/24");
  EXPECT_EQ(Finish("c"), "10.3.3.0/24");
  EndDraining();
  EXPECT_EQ(*bench_.book.network(), NetworkOf({Old()}));
}

TEST_F(LeaseBookRangeTest, ComesBackAtOnceWhenNobodyHasMoved) {
  BeginMove();
  bench_.Run(bench_.book.DecideSetNetwork(NetworkOf({Old()}), "{}", bench_.now));
  EXPECT_EQ(*bench_.book.network(), NetworkOf({Old()}));
}

TEST_F(LeaseBookRangeTest, ADetachedNodesOldSubnetIsNotGivenAgain) {
  BeginMove();
  bench_.Release("a");
  EXPECT_EQ(bench_.Acquire("a", {P("10.3.1.0/24")}), "10.60.1.0/24")
      << "neither as its own that rests nor as preferred";
  bench_.now += absl::Hours(25);
  bench_.Upkeep({});
  EXPECT_EQ(bench_.Acquire("b", {P("10.3.2.0/24")}), "10.60.2.0/24");
  EndDraining();
  EXPECT_TRUE(bench_.book.network()->draining.empty());
}

TEST_F(LeaseBookRangeTest, ReleaseAndExpiryFreeBoth) {
  BeginMove();
  Renumber("a");
  Renumber("b");
  bench_.Release("a");
  EXPECT_THAT(bench_.book.resting(), SizeIs(2));
  bench_.now += absl::Hours(25);
  bench_.Upkeep({});
  EXPECT_THAT(bench_.book.leases(), IsEmpty());
  EXPECT_THAT(bench_.book.resting(), SizeIs(2)) << "those of a have rested";
}

TEST_F(LeaseBookRangeTest, RenewalKeepsTheDrainingSubnet) {
  BeginMove();
  Renumber("a");
  bench_.now += absl::Hours(10);
  bench_.Upkeep({"a", "b"});
  EXPECT_EQ(bench_.book.Find("a")->expires, bench_.now + absl::Hours(24));
  EXPECT_EQ(Renumber("a"), "10.60.1.0/24 leaving 10.3.1.0/24");
}

TEST_F(LeaseBookRangeTest, ReservedLeasesMoveAndStayReserved) {
  bench_.SetNetwork(NetworkOf({Old()}));
  bench_.Reserve("a", {P("10.3.9.0/24")});
  Drain({New()});
  EXPECT_EQ(bench_.Reserve("a", {}), "10.3.9.0/24");
  EXPECT_THAT(bench_.Reserve("b", {P("10.3.4.0/24")}), HasSubstr("not a subnet of the network"));
  EXPECT_EQ(Renumber("a"), "10.60.1.0/24 leaving 10.3.9.0/24");
  EXPECT_TRUE(bench_.book.Find("a")->reserved);
  EXPECT_EQ(bench_.Acquire("a"), "10.60.1.0/24");
  EXPECT_TRUE(bench_.told.back().peer.has_value());
  EXPECT_EQ(Finish("a"), "10.60.1.0/24");
}

TEST_F(LeaseBookRangeTest, ReservingMovesANodeToAChosenSubnet) {
  BeginMove();
  EXPECT_EQ(bench_.Reserve("a", {P("10.60.7.0/24")}), "10.60.7.0/24");
  EXPECT_EQ(bench_.book.Find("a")->draining_subnets[Family::kV4], P("10.3.1.0/24"));
  EXPECT_THAT(bench_.Reserve("a", {P("10.60.8.0/24")}), HasSubstr("10.60.7.0/24 and 10.3.1.0/24"));
  EXPECT_EQ(Finish("a"), "10.60.7.0/24");
}

TEST_F(LeaseBookRangeTest, TheSubnetIsTheKeyForDrainingOnesToo) {
  BeginMove();
  Renumber("b");
  const auto finish = bench_.book.DecideFinishRenumber("b", bench_.now);
  ASSERT_TRUE(finish.ok());
  Renumber("a");  // another node's change does not matter to it
  bench_.Inject(SubnetKey(P("10.3.2.0/24")), "\xff");
  EXPECT_FALSE(bench_.TryRun(*finish)) << "what it frees has changed";
  bench_.Inject(NodeKey("b"), "\xff");
  EXPECT_THAT(bench_.book.DecideEndDraining().transaction.writes, IsEmpty())
      << "held by nobody knows whom";
}

TEST_F(LeaseBookRangeTest, AnExhaustedNewRangeLeavesTheNodeWhereItIs) {
  bench_.SetNetwork(NetworkOf({Old()}));
  for (int i = 0; i < 6; ++i) bench_.Acquire(absl::StrCat("n", i));
  Drain({RangeOf("10.60.0.0/22", 24, "10.60.1.0", "10.60.3.0")});
  for (int i = 0; i < 3; ++i) Renumber(absl::StrCat("n", i));
  EXPECT_THAT(Renumber("n5"), HasSubstr("no free IPv4 subnet"));
  EXPECT_EQ(bench_.SubnetsOf("n5"), "10.3.6.0/24");
}

}  // namespace
}  // namespace heddle::controller
