#include "node/peer_table.h"

#include <random>

#include "node/peer_table_fixture.h"

namespace heddle::node {
namespace {

TEST_F(PeerTableTest, SnapshotTakesEffectAtSyncedOnly) {
  const auto peers = MakePeers(0, 3);
  ASSERT_TRUE(table_.Begin({5}).ok());
  ASSERT_TRUE(table_.Add(ChunkOf(peers)).ok());
  EXPECT_TRUE(table_.peers().empty());
  EXPECT_FALSE(table_.complete());
  const auto differences = table_.Complete({5, HashOf(peers)});
  ASSERT_TRUE(differences.ok());
  EXPECT_EQ(differences->size(), 3u);
  EXPECT_EQ(table_.peers(), peers);
  EXPECT_EQ(table_.position(), (Position{"h", 5}));
  EXPECT_TRUE(table_.complete());
}

TEST_F(PeerTableTest, DrainingSubnetsAreTheirNodesOwn) {
  auto peers = MakePeers(0, 3);
  Prefix& draining =
      peers["node-1"].draining_subnets[Family::kV4].emplace(*Prefix::Parse("10.200.1.0/24"));
  Feed(&table_, peers, 5);
  Peer other = MakePeer(9);
  for (PerFamily<Prefix>* claim : {&other.subnets, &other.draining_subnets}) {
    other = MakePeer(9);
    (*claim)[Family::kV4] = draining;
    ASSERT_TRUE(table_.Add({{Put(other)}}).ok());
    const auto refused = table_.Complete({6, HashOf(peers) + PeerDigest(other)});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(table_.peers(), peers);
    table_.Attach("h");
    Feed(&table_, peers, 5);
  }
  // Let go of and given to another node in one transfer.
  Peer moved = peers["node-1"];
  moved.draining_subnets = {};
  other = MakePeer(9);
  other.subnets[Family::kV4] = draining;
  ASSERT_TRUE(table_.Add({{Put(moved), Put(other)}}).ok());
  peers["node-1"] = moved;
  peers["node-9"] = other;
  EXPECT_EQ(table_.Complete({7, HashOf(peers)})->size(), 2u);
}

TEST_F(PeerTableTest, BrokenStreamChangesNothing) {
  const auto peers = MakePeers(0, 3);
  Feed(&table_, peers, 5);
  ASSERT_TRUE(table_.Begin({6}).ok());
  ASSERT_TRUE(table_.Add({{Put(MakePeer(9))}}).ok());
  table_.Attach("h");  // half a snapshot was lost
  EXPECT_EQ(table_.peers(), peers);
  // A delta may follow: what the lost half said must not be in it.
  ASSERT_TRUE(table_.Complete({6, HashOf(peers)}).ok());
  EXPECT_EQ(table_.peers(), peers);
}

TEST_F(PeerTableTest, WrongHashIsRefusedAndAsksForSnapshot) {
  const auto peers = MakePeers(0, 3);
  Feed(&table_, peers, 5);
  ASSERT_TRUE(table_.Add({{Gone(1)}}).ok());
  const auto refused = table_.Complete({6, 12345});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(table_.peers(), peers);
  EXPECT_EQ(table_.position(), (Position{"h", 5}));
  EXPECT_TRUE(table_.need_snapshot());
  table_.Attach("h");  // not a place to go on from, although the history is the same
  EXPECT_FALSE(table_.Add({{Gone(1)}}).ok());
  table_.Attach("h");
  Feed(&table_, MakePeers(0, 2), 6);
  EXPECT_EQ(table_.peers().size(), 2u);
  EXPECT_EQ(table_.position(), (Position{"h", 6}));
  EXPECT_FALSE(table_.need_snapshot());
}

TEST_F(PeerTableTest, SnapshotPromisedButNotBegunIsRefused) {
  Feed(&table_, MakePeers(0, 3), 5);
  table_.Attach("other");
  EXPECT_EQ(table_.Complete({9, 0}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(table_.peers().size(), 3u);
}

TEST_F(PeerTableTest, EmptySnapshotRemovesNobody) {
  Feed(&table_, MakePeers(0, 3), 5);
  ASSERT_TRUE(table_.Begin({6}).ok());
  const auto differences = table_.Complete({6, 0});
  ASSERT_TRUE(differences.ok());
  EXPECT_TRUE(differences->empty());
  EXPECT_EQ(table_.peers().size(), 3u);
  EXPECT_EQ(table_.held(), 3u);
}

TEST_F(PeerTableTest, LargeRemovalIsHeldUntilAccepted) {
  Feed(&table_, MakePeers(0, 10), 5);
  Feed(&table_, MakePeers(0, 4), 6);
  EXPECT_EQ(table_.peers().size(), 10u);
  EXPECT_EQ(table_.held(), 6u);
  EXPECT_EQ(table_.set_hash(), HashOf(MakePeers(0, 4)));
  EXPECT_EQ(table_.Accept().size(), 6u);
  EXPECT_EQ(table_.peers(), MakePeers(0, 4));
  EXPECT_EQ(table_.held(), 0u);
}

TEST_F(PeerTableTest, LaterSnapshotEndsTheHold) {
  Feed(&table_, MakePeers(0, 10), 5);
  Feed(&table_, MakePeers(0, 4), 6);
  Feed(&table_, MakePeers(0, 9), 7);
  EXPECT_EQ(table_.peers(), MakePeers(0, 9));
  EXPECT_EQ(table_.held(), 0u);
}

TEST_F(PeerTableTest, AnotherHistoryRemovesNobodyUntilAcceptedOrToldAgain) {
  Feed(&table_, MakePeers(0, 10), 5);
  table_.Attach("emptied-and-begun-anew");
  Feed(&table_, MakePeers(0, 8), 2);
  EXPECT_EQ(table_.peers(), MakePeers(0, 10)) << "two are late to come back";
  EXPECT_EQ(table_.held(), 2u);
  Feed(&table_, MakePeers(0, 9), 3);
  EXPECT_EQ(table_.held(), 1u);
  EXPECT_EQ(table_.Accept().size(), 1u);
  Feed(&table_, MakePeers(0, 8), 4);
  EXPECT_EQ(table_.peers(), MakePeers(0, 8)) << "an ordinary removal of the new history";
}

TEST_F(PeerTableTest, HalfIsNotMoreThanHalfAndSmallSetsAreSwept) {
  Feed(&table_, MakePeers(0, 10), 5);
  Feed(&table_, MakePeers(0, 5), 6);
  EXPECT_EQ(table_.peers().size(), 5u);
  Feed(&table_, MakePeers(0, 1), 7);
  EXPECT_EQ(table_.peers().size(), 1u);
}

TEST_F(PeerTableTest, DeltaBringsAHeldPeerBack) {
  Feed(&table_, MakePeers(0, 10), 5);
  Feed(&table_, MakePeers(0, 4), 6);
  ASSERT_TRUE(table_.Add({{Put(MakePeer(7))}}).ok());
  const auto differences = table_.Complete({7, HashOf(MakePeers(0, 4)) + PeerDigest(MakePeer(7))});
  ASSERT_TRUE(differences.ok());
  EXPECT_TRUE(differences->empty()) << "the kernel had it all the time";
  EXPECT_EQ(table_.held(), 5u);
}

TEST_F(PeerTableTest, HeldPeerYieldsItsSubnetToItsNewOwner) {
  Feed(&table_, MakePeers(0, 10), 5);
  Feed(&table_, MakePeers(0, 4), 6);
  Peer heir = MakePeer(7);
  heir.node_id = "heir";
  ASSERT_TRUE(table_.Add({{Put(heir)}}).ok());
  ASSERT_TRUE(table_.Complete({7, HashOf(MakePeers(0, 4)) + PeerDigest(heir)}).ok());
  EXPECT_FALSE(table_.peers().contains("node-7"));
  EXPECT_EQ(table_.peers().at("heir"), heir);
  EXPECT_EQ(table_.held(), 5u);
}

TEST_F(PeerTableTest, OverlappingPeersAreRefused) {
  Feed(&table_, MakePeers(0, 3), 5);
  Peer thief = MakePeer(1);
  thief.node_id = "thief";
  thief.subnets[Family::kV4] = *Prefix::Parse("10.0.0.0/22");
  ASSERT_TRUE(table_.Add({{Put(thief)}}).ok());
  const auto refused = table_.Complete({6, HashOf(MakePeers(0, 3)) + PeerDigest(thief)});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(refused.status().message().find("thief"), absl::string_view::npos);
  EXPECT_EQ(table_.peers(), MakePeers(0, 3));
}

TEST_F(PeerTableTest, SubnetsMayBeSwappedInOneDelta) {
  Feed(&table_, MakePeers(0, 3), 5);
  Peer a = MakePeer(0), b = MakePeer(1);
  std::swap(a.subnets, b.subnets);
  ASSERT_TRUE(table_.Add({{Put(a), Put(b)}}).ok());
  const std::uint64_t hash = PeerDigest(a) + PeerDigest(b) + PeerDigest(MakePeer(2));
  ASSERT_TRUE(table_.Complete({6, hash}).ok());
  EXPECT_EQ(table_.peers().at("node-0").subnets, MakePeer(1).subnets);
  // The index followed: a third one cannot take either.
  Peer thief = MakePeer(0);
  thief.node_id = "thief";
  ASSERT_TRUE(table_.Add({{Put(thief)}}).ok());
  EXPECT_FALSE(table_.Complete({7, hash + PeerDigest(thief)}).ok());
}

TEST_F(PeerTableTest, HeartbeatsAdvanceOrTellDivergence) {
  const auto peers = MakePeers(0, 3);
  Feed(&table_, peers, 5);
  EXPECT_TRUE(table_.Check({9, HashOf(peers)}).ok());
  EXPECT_EQ(table_.position().revision, 9u);
  EXPECT_TRUE(table_.Check({8, 1}).ok()) << "older than what is known";
  EXPECT_TRUE(table_.Check({12, 1}).ok()) << "may have overtaken a delta";
  EXPECT_EQ(table_.Check({13, 1}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(table_.need_snapshot());
}

TEST_F(PeerTableTest, DifferenceAtTheSameRevisionIsDivergence) {
  Feed(&table_, MakePeers(0, 3), 5);
  EXPECT_EQ(table_.Check({5, 1}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(PeerTableTest, RestoredPeersAreUsedButNotComplete) {
  PeerTable table{RemovalGuard{}};
  table.Restore({"h", 5}, MakePeers(0, 3));
  EXPECT_FALSE(table.complete());
  EXPECT_EQ(table.position(), (Position{"h", 5}));
  EXPECT_FALSE(table.need_snapshot());
  EXPECT_EQ(table.set_hash(), HashOf(MakePeers(0, 3)));
  table.Attach("h");
  ASSERT_TRUE(table.Add({{Gone(2)}}).ok());
  ASSERT_TRUE(table.Complete({6, HashOf(MakePeers(0, 2))}).ok());
  EXPECT_TRUE(table.complete());
  EXPECT_EQ(table.peers(), MakePeers(0, 2));
}

TEST_F(PeerTableTest, NothingOlderOfTheSameHistoryIsTakenHoweverOftenItIsOffered) {
  const auto peers = MakePeers(0, 3);
  Feed(&table_, peers, 50);
  const auto unchanged = [&] {
    EXPECT_EQ(table_.peers(), peers);
    EXPECT_EQ(table_.position(), (Position{"h", 50}));
    EXPECT_FALSE(table_.need_snapshot());
  };
  for (int offered = 0; offered < 100; ++offered) {
    table_.Attach("h");
    const absl::Status snapshot = table_.Begin({40});
    ASSERT_EQ(snapshot.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(snapshot.message(),
              "the controller lags behind: it offers a snapshot of revision 40, and revision 50 is "
              "applied here; trying another one");
    table_.Attach("h");
    ASSERT_TRUE(table_.Add({{Gone(1)}}).ok());
    const auto delta = table_.Complete({49, HashOf(peers) - PeerDigest(MakePeer(1))});
    ASSERT_EQ(delta.status().code(), absl::StatusCode::kUnavailable);
    unchanged();
  }
  table_.Attach("h");
  EXPECT_TRUE(table_.Check({40, 1}).ok()) << "a heartbeat may come before the rest";
  unchanged();
  ASSERT_TRUE(table_.Complete({50, HashOf(peers)}).ok()) << "of the same revision";
  table_.Attach("another");
  EXPECT_TRUE(table_.Begin({3}).ok()) << "not to be compared";
}

TEST_F(PeerTableTest, WhoNeedsASnapshotTakesNoOlderOneEither) {
  Feed(&table_, MakePeers(0, 3), 50);
  ASSERT_FALSE(table_.Complete({51, 1}).ok());
  table_.Attach("h");
  ASSERT_TRUE(table_.need_snapshot());
  EXPECT_EQ(table_.Begin({49}).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(table_.Begin({50}).ok());
}

// Any interleaving of whole and broken transfers leaves the set of the last whole one.
TEST(PeerTableRandom, OnlyWholeTransfersCount) {
  for (int seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
    PeerTable table{RemovalGuard{1.0, 8}};
    PeerTable::Peers truth;  // the controller's, at `revision`
    std::uint64_t revision = 1;
    PeerTable::Peers believed;
    bool attached = false;
    for (int step = 0; step < 60; ++step) {
      PeerTable::Peers next = truth;
      Chunk delta;
      for (int change = 0; change < 3; ++change) {
        const Peer peer = MakePeer(random() % 20, absl::StrCat("192.0.2.", 1 + random() % 9));
        if (chance(40) && next.size() > 1) {
          next.erase(peer.node_id);
          delta.changes.push_back({peer.node_id, std::nullopt});
        } else {
          next[peer.node_id] = peer;
          delta.changes.push_back(Put(peer));
        }
      }
      truth = next;
      ++revision;
      const bool snapshot = !attached || chance(20);
      if (!attached) table.Attach("h");
      if (snapshot) {
        ASSERT_TRUE(table.Begin({revision}).ok());
      }
      ASSERT_TRUE(table.Add(snapshot ? ChunkOf(truth) : delta).ok());
      if (chance(25)) {  // the stream breaks before Synced
        attached = false;
      } else {
        ASSERT_TRUE(table.Complete({revision, HashOf(truth)}).ok());
        believed = truth;
        attached = true;
      }
      ASSERT_EQ(table.peers(), believed);
      ASSERT_EQ(table.set_hash(), HashOf(believed));
    }
  }
}

// Nothing that a controller sends makes the table larger than that; what was there stays.
TEST(PeerTable, TakesNoMorePeersThanItsBound) {
  PeerTable table({});
  table.Restore({"h", 1}, MakePeers(0, 3));
  table.Attach("h");
  ASSERT_TRUE(table.Begin({2}).ok());
  absl::Status status;
  Peer peer = MakePeer(1);
  for (std::size_t n = 0; status.ok() && n <= kMaxPeers + 1000; n += 1000) {
    Chunk chunk;
    for (std::size_t i = n; i < n + 1000; ++i) {
      peer.node_id = absl::StrCat("x", i);
      chunk.changes.push_back(Put(peer));
    }
    status = table.Add(std::move(chunk));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(std::string(status.message()).find("1048576 peers"), std::string::npos) << status;
  EXPECT_EQ(table.peers().size(), 3u);
}

TEST(PeerTable, TakesNoMoreExtensionDataThanItsBound) {
  PeerTable table({});
  table.Attach("h");
  ASSERT_TRUE(table.Begin({2}).ok());
  absl::Status status;
  Peer peer = MakePeer(1);
  peer.advertisement.extension_backend_data = std::string(kMaxExtensionBytes, 'x');
  for (std::size_t n = 0; status.ok() && n <= kMaxTransferTextBytes; n += kMaxExtensionBytes) {
    status = table.Add({{Put(peer)}});  // again and again the same peer
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(std::string(status.message()).find("bytes of extension data"), std::string::npos);
}

}  // namespace
}  // namespace heddle::node
