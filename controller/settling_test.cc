#include "controller/settling.h"

#include "absl/strings/match.h"
#include "controller/keys.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

const absl::Time kBegan = absl::FromUnixSeconds(1'700'000'000);

storage::Change MarkOf(const RestoreMark& mark) {
  return {{kRestoreKey, EncodeRestoreMark(mark), 1, 7}, /*deleted=*/false};
}

NodeInfo Back(const std::string& node_id, storage::Revision applied = 5) {
  NodeInfo info;
  info.node_id = node_id;
  info.attached = true;
  info.report.applied_revision = applied;
  return info;
}

class SettlingTest : public ::testing::Test {
 protected:
  SettlingTest() {
    bench_.SetNetwork(NetworkOf({RangeOf("10.3.0.0/16", 24, "10.3.1.0", "10.3.9.0")}));
    bench_.Acquire("a");
    bench_.Acquire("b");
  }
  // What the node gets while the store settles, or the error.
  std::string Acquire(const std::string& node_id, const std::vector<Prefix>& presented) {
    const auto decision =
        bench_.book.DecideAcquire(node_id, AdvertisementOf(1), presented, bench_.now, &settling_);
    if (!decision.ok()) return std::string(decision.status().message());
    bench_.Run(decision);
    return bench_.SubnetsOf(node_id);
  }

  BookBench bench_;
  Settling settling_{kBegan + absl::Minutes(2), 2, {"a", "b"}};
};

TEST_F(SettlingTest, ARestoredHistorySettlesUntilItsTimeHasPassed) {
  const storage::History restored{"h", kBegan, true};
  EXPECT_FALSE(TermsOf({"h", kBegan, false}, {}, absl::Minutes(2), kBegan));
  EXPECT_FALSE(TermsOf(restored, {}, absl::ZeroDuration(), kBegan));
  const auto terms = TermsOf(restored, {}, absl::Minutes(2), kBegan);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->until, kBegan + absl::Minutes(2));
  EXPECT_TRUE(JudgeSettling(*terms, bench_.book, {}, terms->until - absl::Seconds(1)));
  EXPECT_FALSE(JudgeSettling(*terms, bench_.book, {}, terms->until));
  // Of a controller that was not there: nodes had no chance to come back to it.
  const absl::Time later = kBegan + absl::Hours(1);
  EXPECT_EQ(TermsOf(restored, {}, absl::Minutes(2), later)->until, later + absl::Minutes(2));
}

TEST_F(SettlingTest, WhatHasSettledDoesNotSettleAgain) {
  RestoreMarks marks;
  marks.Apply({{{kSettledKey, EncodeSettled("h"), 1, 1}, false}});
  EXPECT_FALSE(TermsOf({"h", kBegan, true}, marks, absl::Minutes(2), kBegan));
  EXPECT_TRUE(TermsOf({"next", kBegan, true}, marks, absl::Minutes(2), kBegan));
}

TEST_F(SettlingTest, ItEndsEarlyWhenAllKnownNodesAreBack) {
  RestoreMarks marks;
  marks.Apply({MarkOf({"former", kBegan, {}, {"later"}, false, 0})});
  const auto terms = TermsOf({"h", kBegan, true}, marks, absl::Minutes(2), kBegan);
  ASSERT_TRUE(terms);
  const absl::Time now = terms->not_before;
  auto left = JudgeSettling(*terms, bench_.book, {Back("a")}, now);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->missing, 2u);
  EXPECT_EQ(left->missing_node_ids, (std::vector<std::string>{"b", "later"}));
  left = JudgeSettling(*terms, bench_.book, {Back("a"), Back("b", 0), Back("later")}, now);
  ASSERT_TRUE(left) << "b has only said hello";
  const std::vector<NodeInfo> all = {Back("a"), Back("b"), Back("later")};
  EXPECT_FALSE(JudgeSettling(*terms, bench_.book, all, now));
  EXPECT_TRUE(JudgeSettling(*terms, bench_.book, all, now - absl::Seconds(1)))
      << "nodes that nobody knows of need time, too";
}

TEST_F(SettlingTest, ItLastsAllItsTimeWhenFormerNodesAreNotAllKnown) {
  RestoreMarks marks;
  marks.Apply({MarkOf({"former", kBegan, {}, {}, true, 0})});
  const auto terms = TermsOf({"h", kBegan, true}, marks, absl::Minutes(2), kBegan);
  ASSERT_TRUE(terms);
  EXPECT_TRUE(JudgeSettling(*terms, bench_.book, {Back("a"), Back("b")}, terms->not_before));
}

TEST_F(SettlingTest, ARestoreThatDidNotEndLeavesItsHistoryTorn) {
  RestoreMarks marks;
  EXPECT_FALSE(marks.is_torn("h"));
  marks.Apply({MarkOf({"h", kBegan, {"old", 3}, {"a"}, false, 0})});
  EXPECT_TRUE(marks.is_torn("h"));
  EXPECT_FALSE(marks.is_torn("next"));
  EXPECT_EQ(marks.restore()->backup.revision, 3u);
  EXPECT_EQ(marks.restore()->modified, 7u);
  EXPECT_FALSE(marks.Apply({{{kRestoreKey, "\xff", 1, 8}, false}}).empty());
  EXPECT_TRUE(marks.is_torn("next")) << "nobody knows of which history";
  marks.Apply({{{kRestoreKey, "", 1, 9}, true}});
  EXPECT_FALSE(marks.is_torn("h"));
}

TEST_F(SettlingTest, ANodeIsGivenOnlyWhatItPresents) {
  EXPECT_EQ(Acquire("a", {P("10.3.1.0/24")}), "10.3.1.0/24");
  EXPECT_EQ(Acquire("c", {P("10.3.7.0/24")}), "10.3.7.0/24") << "leased after the backup";
  EXPECT_EQ(Acquire("b", {P("10.3.8.0/24")}), "10.3.8.0/24") << "its pods use another by now";
  bench_.Check();
  EXPECT_EQ(bench_.book.resting().count(P("10.3.2.0/24")), 1u);
  EXPECT_EQ(Acquire("d", {P("10.3.2.0/24")}), "10.3.2.0/24") << "what b left, though it rests";
  bench_.Check();
}

TEST_F(SettlingTest, ANodeThatPresentsNothingOfItsOwnWaits) {
  for (const auto& [node, presented] :
       std::vector<std::pair<std::string, std::vector<Prefix>>>{{"c", {}},
                                                                {"b", {}},
                                                                {"c", {P("10.3.1.0/24")}},
                                                                {"b", {P("10.3.1.0/24")}},
                                                                {"c", {P("10.4.1.0/24")}},
                                                                {"c", {P("10.3.5.0/25")}}}) {
    const std::string refusal = Acquire(node, presented);
    EXPECT_TRUE(absl::StrContains(refusal, "until 2023-11-14T22:15:20Z")) << refusal;
    EXPECT_TRUE(absl::StrContains(refusal, "2 nodes are back (a, b)")) << refusal;
  }
  EXPECT_EQ(bench_.SubnetsOf("b"), "10.3.2.0/24");
}

TEST_F(SettlingTest, OnlyANamedSubnetIsReserved) {
  const auto decide = [&](const std::string& node, const std::vector<Prefix>& subnets) {
    return bench_.book.DecideReserve(node, subnets, bench_.now, &settling_).status();
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(decide("c", {})));
  EXPECT_TRUE(decide("c", {P("10.3.5.0/24")}).ok());
  EXPECT_TRUE(decide("a", {}).ok()) << "it keeps what it holds";
}

}  // namespace
}  // namespace heddle::controller
