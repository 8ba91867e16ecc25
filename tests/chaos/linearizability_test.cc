#include "tests/chaos/linearizability.h"

#include <algorithm>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heddle::chaos {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

absl::Time At(int milliseconds) {
  return absl::UnixEpoch() + absl::Hours(1) + absl::Milliseconds(milliseconds);
}

Operation Acquire(const std::string& node, const std::string& subnet, int from, int to) {
  Operation operation;
  operation.kind = Kind::kAcquire;
  operation.client = "a";
  operation.node = node;
  operation.subnet = subnet;
  operation.invoked = At(from);
  operation.completed = At(to);
  return operation;
}

Operation Release(const std::string& node, const std::string& subnet, int from, int to) {
  Operation operation = Acquire(node, subnet, from, to);
  operation.kind = Kind::kRelease;
  return operation;
}

Operation List(std::map<std::string, std::string> owners, int from, int to) {
  Operation operation;
  operation.client = "c";
  operation.invoked = At(from);
  operation.completed = At(to);
  operation.owners = std::move(owners);
  return operation;
}

Operation Unanswered(Operation operation) {
  operation.outcome = Outcome::kUnknown;
  operation.completed = absl::InfiniteFuture();
  return operation;
}

Operation AtRevision(std::uint64_t revision, Operation operation) {
  operation.revision = revision;
  return operation;
}

Operation OfACopy(Operation operation) {
  operation.may_be_old = true;
  return operation;
}

TEST(LinearizabilityTest, OneAfterTheOther) {
  EXPECT_EQ(FindContradiction({}), "");
  EXPECT_EQ(
      FindContradiction({List({}, 0, 1), Acquire("n1", "s1", 2, 3), List({{"s1", "n1"}}, 4, 5),
                         Acquire("n1", "s1", 6, 7), Release("n1", "s1", 8, 9), List({}, 10, 11),
                         Acquire("n2", "s1", 12, 13), List({{"s1", "n2"}}, 14, 15)}),
      "");
}

TEST(LinearizabilityTest, ASubnetWithTwoOwners) {
  const History history = {Acquire("n1", "s1", 0, 5), Acquire("n3", "s2", 0, 5),
                           Acquire("n2", "s1", 6, 9), List({{"s2", "n3"}}, 10, 11)};
  const std::string report = FindContradiction(history);
  EXPECT_EQ(report,
            "no order of these explains their answers about the subnet s1:\n"
            "     0.000 ..   0.005  a: acquire n1 -> s1\n"
            "     0.006 ..   0.009  a: acquire n2 -> s1");
}

TEST(LinearizabilityTest, TwoOwnersAtOnceThoughNoneEnded) {
  EXPECT_NE(FindContradiction({Acquire("n1", "s1", 0, 9), Acquire("n2", "s1", 0, 9)}), "");
  // With a release in between there is an order.
  EXPECT_EQ(FindContradiction(
                {Acquire("n1", "s1", 0, 9), Acquire("n2", "s1", 0, 9), Release("n2", "s1", 3, 9)}),
            "");
}

TEST(LinearizabilityTest, ANodeWithTwoSubnets) {
  EXPECT_NE(FindContradiction({Acquire("n1", "s1", 0, 1), Acquire("n1", "s2", 2, 3)}), "");
  EXPECT_EQ(FindContradiction({List({{"s1", "n1"}, {"s2", "n1"}}, 0, 1)}),
            "c lists the node n1 with two subnets: s1 and s2");
}

TEST(LinearizabilityTest, AnAcknowledgedAcquireThatIsLost) {
  const History history = {Acquire("n1", "s1", 0, 1), List({}, 2, 3)};
  EXPECT_TRUE(absl::StrContains(FindContradiction(history), "s1 is not in it"));
}

TEST(LinearizabilityTest, AReadMayShowWhatIsUnderWayButNotTakeItBack) {
  EXPECT_EQ(
      FindContradiction({Acquire("n1", "s1", 0, 10), List({}, 1, 2), List({{"s1", "n1"}}, 3, 4)}),
      "");
  EXPECT_NE(
      FindContradiction({Acquire("n1", "s1", 0, 10), List({{"s1", "n1"}}, 1, 2), List({}, 3, 4)}),
      "");
}

TEST(LinearizabilityTest, AStaleRead) {
  const History before = {Acquire("n1", "s1", 0, 1), Release("n1", "s1", 2, 3)};
  History history = before;
  history.push_back(List({{"s1", "n1"}}, 4, 5));
  EXPECT_NE(FindContradiction(history), "");
  // It is allowed of a copy that may be old...
  history.back() = OfACopy(history.back());
  EXPECT_EQ(FindContradiction(history), "");
  // ... but not what never was, and not another state than the one of its revision.
  history.back() = OfACopy(List({{"s1", "n2"}}, 4, 5));
  EXPECT_NE(FindContradiction(history), "");
  history = {AtRevision(5, before[0]), AtRevision(6, before[1]),
             AtRevision(5, OfACopy(List({{"s1", "n1"}}, 4, 5)))};
  EXPECT_EQ(FindContradiction(history), "");
  history.back().revision = 6;
  EXPECT_NE(FindContradiction(history), "");
  history.back().revision = 4;
  EXPECT_NE(FindContradiction(history), "");
}

TEST(LinearizabilityTest, AnOlderRevisionAfterANewerOne) {
  const std::string report = FindContradiction({Acquire("n1", "s1", 0, 1),
                                                AtRevision(9, OfACopy(List({{"s1", "n1"}}, 2, 3))),
                                                AtRevision(8, List({{"s1", "n1"}}, 4, 5))});
  EXPECT_EQ(report,
            "no order of these explains their answers about the subnet s1:\n"
            "     0.002 ..   0.003  @9 c: list: n1 has s1 (of a copy that may be old)\n"
            "     0.004 ..   0.005  @8 c: list: n1 has s1");
}

TEST(LinearizabilityTest, RevisionsOrderWhatOverlaps) {
  History history = {AtRevision(7, Acquire("n1", "s1", 0, 9)),
                     AtRevision(8, Release("n1", "s1", 0, 9)),
                     AtRevision(9, Acquire("n2", "s1", 0, 9))};
  EXPECT_EQ(FindContradiction(history), "");
  history[2].revision = 6;  // then n1 has it from n2, who still had it
  EXPECT_NE(FindContradiction(history), "");
}

TEST(LinearizabilityTest, WhatHadNoAnswerMayTakeEffectLateOrNever) {
  const Operation lost = Unanswered(Acquire("n1", "", 0, 0));
  EXPECT_EQ(FindContradiction({lost, List({}, 5, 6), List({{"s1", "n1"}}, 7, 8)}), "");
  EXPECT_EQ(FindContradiction({lost, Acquire("n2", "s1", 5, 6)}), "");
  // But not twice, not before it was asked for, and not as something else.
  EXPECT_NE(FindContradiction({lost, List({{"s1", "n1"}}, 1, 2), Release("n1", "s1", 3, 4),
                               List({{"s1", "n1"}}, 5, 6)}),
            "");
  EXPECT_NE(FindContradiction({Unanswered(Acquire("n1", "", 5, 0)), List({{"s1", "n1"}}, 1, 2)}),
            "");
  EXPECT_NE(FindContradiction({Unanswered(Acquire("n1", "s2", 0, 0)), List({{"s1", "n1"}}, 1, 2)}),
            "");
}

TEST(LinearizabilityTest, AReleaseWithoutAnAnswer) {
  const History before = {Acquire("n1", "s1", 0, 1), Unanswered(Release("n1", "", 2, 0))};
  History history = before;
  history.push_back(List({{"s1", "n1"}}, 5, 6));
  history.push_back(Acquire("n2", "s1", 7, 8));
  EXPECT_EQ(FindContradiction(history), "");
  history.push_back(List({{"s1", "n1"}}, 9, 10));
  EXPECT_NE(FindContradiction(history), "");
}

TEST(LinearizabilityTest, AReleaseOfWhateverTheNodeHad) {
  const History history = {Acquire("n1", "s1", 0, 1), Acquire("n2", "s2", 0, 1),
                           Release("n1", "", 2, 3), Release("n1", "", 4, 5),
                           List({{"s2", "n2"}}, 6, 7)};
  EXPECT_EQ(FindContradiction(history), "");
  History wrong = history;
  wrong.push_back(List({{"s1", "n1"}, {"s2", "n2"}}, 8, 9));
  EXPECT_NE(FindContradiction(wrong), "");
}

TEST(LinearizabilityTest, AFailedOneHasNoEffect) {
  Operation failed = Acquire("n1", "", 0, 1);
  failed.outcome = Outcome::kFailed;
  EXPECT_EQ(FindContradiction({failed, List({}, 2, 3)}), "");
  EXPECT_NE(FindContradiction({failed, List({{"s1", "n1"}}, 2, 3)}), "");
}

// ---- A cluster that does everything right, and what it would answer ----

constexpr int kNodes = 6, kSubnets = 4;

class RightCluster {
 public:
  explicit RightCluster(unsigned seed) : random_(seed) {}

  History Answers(int operations) {
    History history;
    for (int i = 0; i < operations; ++i) {
      now_ += 10;
      Operation operation = One();
      // It took effect now; question and answer are around that, over those of others.
      operation.invoked = At(now_ - Random(40));
      operation.completed = At(now_ + 1 + Random(40));
      const bool list = operation.kind == Kind::kList;
      if (Random(3) == 0) operation.revision = revision_;
      if (!list && Random(8) == 0) {
        operation.revision = 0;
        operation = Unanswered(operation);
        if (Random(2) == 0) operation.subnet.clear();
      }
      history.push_back(operation);
    }
    std::shuffle(history.begin(), history.end(), random_);
    return history;
  }

  int Random(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

 private:
  Operation One() {
    const std::string node = absl::StrCat("n", Random(kNodes));
    const std::string subnet = absl::StrCat("s", Random(kSubnets));
    const auto held = std::find_if(owners_.begin(), owners_.end(),
                                   [&node](const auto& owner) { return owner.second == node; });
    if (Random(3) == 0) return List(owners_, 0, 0);
    if (held == owners_.end() && owners_.count(subnet) == 0) {
      owners_[subnet] = node;
      ++revision_;
      return Acquire(node, subnet, 0, 0);
    }
    if (held == owners_.end()) return List(owners_, 0, 0);
    const std::string had = held->first;
    if (Random(3) == 0) return Acquire(node, had, 0, 0);
    owners_.erase(held);
    ++revision_;
    return Release(node, had, 0, 0);
  }

  std::mt19937 random_;
  int now_ = 1000;
  std::uint64_t revision_ = 1;
  std::map<std::string, std::string> owners_;
};

TEST(LinearizabilityTest, RightAnswersHaveAnOrder) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    EXPECT_EQ(FindContradiction(RightCluster(seed).Answers(60)), "") << "seed " << seed;
  }
  EXPECT_EQ(FindContradiction(RightCluster(1).Answers(5000)), "");
}

// One answer changed: a list that shows somebody who is not in the cluster, or leaves out what is
// long there, or an acquire that gets what another has had since long before.
TEST(LinearizabilityTest, OneWrongAnswerIsFound) {
  int wrong = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    RightCluster cluster(seed);
    History history = cluster.Answers(60);
    // What no one else does anything about, so that it is known.
    history.push_back(Acquire("steady", "s-steady", 0, 1));
    for (Operation& operation : history) {
      if (operation.kind == Kind::kList) operation.owners["s-steady"] = "steady";
    }
    ASSERT_EQ(FindContradiction(history), "") << "seed " << seed;
    Operation& changed = history[static_cast<std::size_t>(cluster.Random(60))];
    if (changed.outcome != Outcome::kOk) continue;
    ++wrong;
    if (changed.kind == Kind::kRelease) {
      changed.subnet = "s-steady";
    } else if (changed.kind == Kind::kAcquire) {
      changed.subnet = "s-steady";
    } else if (seed % 2 == 0) {
      changed.owners.erase("s-steady");
    } else {
      changed.owners["s-steady"] = "n1";
    }
    EXPECT_NE(FindContradiction(history), "") << "seed " << seed;
  }
  EXPECT_GT(wrong, 200);
}

}  // namespace
}  // namespace heddle::chaos
