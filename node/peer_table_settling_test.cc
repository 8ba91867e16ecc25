// What a table keeps while a restored store settles.
#include "node/peer_table_fixture.h"

namespace heddle::node {
namespace {

class SettlingTest : public PeerTableTest {
 protected:
  // Ten peers of "h", then the first snapshot of a restored store, which knows `back` of them.
  void Restore(int back) {
    Feed(&table_, MakePeers(0, 10), 50);
    table_.Attach("restored");
    Snapshot(back, /*settling=*/true);
  }
  void Snapshot(int count, bool settling) {
    ASSERT_TRUE(table_.Begin({++revision_}).ok());
    ASSERT_TRUE(table_.Add(ChunkOf(MakePeers(0, count))).ok());
    hash_ = HashOf(MakePeers(0, count));
    ASSERT_TRUE(table_.Complete({revision_, hash_, settling}).ok());
  }
  std::vector<PeerDifference> Beat(bool settling) {
    auto differences = table_.Check({revision_, hash_, settling, std::nullopt});
    EXPECT_TRUE(differences.ok()) << differences.status();
    return differences.ok() ? *differences : std::vector<PeerDifference>();
  }
  std::uint64_t revision_ = 3, hash_ = 0;
};

TEST_F(SettlingTest, MissingPeersAreKeptUntilItEndsThenGo) {
  Restore(8);
  EXPECT_EQ(table_.peers(), MakePeers(0, 10));
  EXPECT_EQ(table_.held(), 2u);
  EXPECT_TRUE(table_.settling());
  EXPECT_TRUE(Beat(true).empty());
  EXPECT_EQ(table_.held(), 2u);
  EXPECT_EQ(Beat(false).size(), 2u);
  EXPECT_EQ(table_.peers(), MakePeers(0, 8)) << "nobody had to accept it, another history or not";
  EXPECT_FALSE(table_.settling());
}

TEST_F(SettlingTest, WhoComesBackMakesNoDifferenceToTheKernel) {
  Restore(8);
  ASSERT_TRUE(table_.Add({{Put(MakePeer(8))}}).ok());
  const std::uint64_t hash = HashOf(MakePeers(0, 9));
  const auto differences = table_.Complete({++revision_, hash, true});
  ASSERT_TRUE(differences.ok());
  EXPECT_TRUE(differences->empty());
  EXPECT_EQ(table_.held(), 1u);
  // The end of settling may come with a delta, too.
  const auto ended = table_.Complete({++revision_, hash, false});
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->size(), 1u);
  EXPECT_EQ(table_.peers(), MakePeers(0, 9));
}

TEST_F(SettlingTest, RemovalsByDeltaAreDecisions) {
  Restore(8);
  ASSERT_TRUE(table_.Add({{Gone(3)}}).ok());
  hash_ -= PeerDigest(MakePeer(3));
  ASSERT_TRUE(table_.Complete({++revision_, hash_, true}).ok());
  EXPECT_FALSE(table_.peers().contains("node-3"));
  EXPECT_EQ(table_.held(), 2u);
}

TEST_F(SettlingTest, KeptPeerWhoseSubnetIsAnothersGoesAtOnce) {
  Restore(8);
  Peer heir = MakePeer(9);
  heir.node_id = "heir";
  ASSERT_TRUE(table_.Add({{Put(heir)}}).ok());
  ASSERT_TRUE(table_.Complete({++revision_, hash_ + PeerDigest(heir), true}).ok());
  EXPECT_FALSE(table_.peers().contains("node-9"));
  EXPECT_EQ(table_.held(), 1u);
}

TEST_F(SettlingTest, TooManyStayForAnAdministrator) {
  Restore(4);
  EXPECT_TRUE(Beat(false).empty());
  EXPECT_EQ(table_.held(), 6u);
  EXPECT_FALSE(table_.settling()) << "now it is a problem";
  EXPECT_EQ(table_.Accept().size(), 6u);
}

TEST_F(SettlingTest, ASnapshotMayEndItToo) {
  Restore(8);
  Snapshot(8, /*settling=*/true);
  EXPECT_EQ(table_.held(), 2u);
  Snapshot(8, /*settling=*/false);
  EXPECT_EQ(table_.peers(), MakePeers(0, 8));
}

TEST_F(SettlingTest, SnapshotAfterTheEndRemovesAsEver) {
  Restore(8);
  Beat(false);
  Snapshot(7, /*settling=*/false);
  EXPECT_EQ(table_.peers(), MakePeers(0, 7));
}

}  // namespace
}  // namespace heddle::node
