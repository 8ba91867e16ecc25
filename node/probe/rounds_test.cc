#include "node/probe/rounds.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

PeerTable::Peers Peers(int count) {
  PeerTable::Peers peers;
  for (int i = 1; i <= count; ++i) {
    Peer peer;
    peer.node_id = absl::StrCat("h", i);
    peers[peer.node_id] = peer;
  }
  return peers;
}

TEST(Rounds, SeeEveryPeerOnceARoundAndNeverThisNode) {
  Rounds rounds(1);
  const PeerTable::Peers peers = Peers(50);
  std::vector<std::string> first, second;
  for (auto* round : {&first, &second}) {
    for (int i = 0; i < 49; ++i) {
      round->push_back(rounds.Next(peers, "h1"));
      rounds.Record(round->back(), "");
    }
    const std::set<std::string> seen(round->begin(), round->end());
    EXPECT_EQ(seen.size(), 49u);
    EXPECT_EQ(seen.count("h1"), 0u);
  }
  EXPECT_NE(first, second);
  EXPECT_EQ(rounds.Summary().reachable, 49u);
}

TEST(Rounds, ThoseThatFailComeBackSoon) {
  Rounds rounds(1);
  const PeerTable::Peers peers = Peers(1000);
  rounds.Record("h7", "h7 is silent");
  int turns = 0;
  while (rounds.Next(peers, "h1") != "h7") ++turns;
  EXPECT_LT(turns, 5);
  EXPECT_EQ(rounds.Summary().failures, std::vector<std::string>{"h7 is silent"});
  rounds.Record("h7", "");
  EXPECT_TRUE(rounds.Summary().failures.empty());
}

TEST(Rounds, ForgetPeersThatAreGone) {
  Rounds rounds(1);
  for (int i = 2; i <= 5; ++i) rounds.Record(absl::StrCat("h", i), i == 5 ? "silent" : "");
  EXPECT_EQ(rounds.Summary().probed, 4u);
  const PeerTable::Peers fewer = Peers(2);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(rounds.Next(fewer, "h1"), "h2");
  EXPECT_EQ(rounds.Summary().probed, 1u);
  EXPECT_TRUE(rounds.Summary().failures.empty());
  EXPECT_EQ(rounds.Next(Peers(1), "h1"), "");
}

TEST(Rounds, NameAFewAndCountTheRest) {
  Rounds rounds(1);
  for (int i = 0; i < 100; ++i) rounds.Record(absl::StrCat("h", i), "silent");
  EXPECT_EQ(rounds.Summary().failures.size(), 9u);
  EXPECT_EQ(rounds.Summary().failures.back(), "92 more peers are not reached");
}

}  // namespace
}  // namespace heddle::node
