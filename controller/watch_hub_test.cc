#include "controller/watch_hub.h"

#include <random>
#include <set>
#include <string>

#include "controller/test_peers.h"
#include "controller/test_replica.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

BookChanges Put(const Peer& peer) { return {{{peer.node_id, peer}}, false, {}}; }
BookChanges Remove(const std::string& id) { return {{{id, std::nullopt}}, false, {}}; }

// Feeds everything that the hub has after `cursor` and answers the new cursor.
storage::Revision Catch(WatchHub* hub, storage::Revision cursor, TestReplica* replica) {
  const auto delivery = hub->Read(cursor);
  for (const Frame& frame : delivery->frames) replica->Take(*frame);
  return delivery->revision;
}

TEST(WatchHubTest, LaterChangeReplacesEarlierUnsentOne) {
  WatchHub hub;
  hub.Load({"h", 10}, {TestPeer(1)}, TestNetwork());
  TestReplica replica;
  storage::Revision cursor = Catch(&hub, 0, &replica);
  EXPECT_EQ(replica.snapshots, 1);
  replica.changes = 0;
  for (int version = 1; version <= 5; ++version) {
    ASSERT_TRUE(hub.Publish(10 + version, Put(TestPeer(2, version)), TestNetwork(), kNow));
  }
  hub.Publish(16, Put(TestPeer(3)), TestNetwork(), kNow);
  hub.Publish(17, Remove("node-3"), TestNetwork(), kNow);
  cursor = Catch(&hub, cursor, &replica);
  EXPECT_EQ(replica.snapshots, 1) << "a delta was enough";
  EXPECT_EQ(replica.changes, 2) << "one put of node-2, one removal of node-3";
  EXPECT_EQ(replica.peers.at("node-2"), TestPeer(2, 5));
  EXPECT_EQ(cursor, 17u);
  EXPECT_EQ(replica.hash(), hub.set_hash());
}

TEST(WatchHubTest, WhatChangesNothingIsNotAnnounced) {
  WatchHub hub;
  hub.Load({"h", 10}, {TestPeer(1)}, TestNetwork());
  EXPECT_FALSE(hub.Publish(11, {}, TestNetwork(), kNow)) << "a renewal";
  EXPECT_FALSE(hub.Publish(12, Put(TestPeer(1)), TestNetwork(), kNow));
  EXPECT_FALSE(hub.Publish(13, Remove("node-9"), TestNetwork(), kNow));
  EXPECT_EQ(hub.head(), 10u);
  EXPECT_EQ(hub.release_at(), absl::InfiniteFuture());
}

TEST(WatchHubTest, ReadersAtOneCursorShareTheBytes) {
  WatchHub hub;
  hub.Load({"h", 1}, {TestPeer(1), TestPeer(2)}, TestNetwork());
  hub.Publish(2, Put(TestPeer(3)), TestNetwork(), kNow);
  EXPECT_EQ(hub.Read(1), hub.Read(1));
  const auto snapshot = hub.Snapshot();
  EXPECT_EQ(hub.Snapshot(), snapshot);
  hub.Publish(3, Put(TestPeer(4)), TestNetwork(), kNow);
  EXPECT_EQ(hub.Snapshot()->frames[1], snapshot->frames[1])
      << "the bulk of the next one is the same";
}

// A node removes what a snapshot lacks: an older one, though a delta follows, would cut it off.
TEST(WatchHubTest, ASnapshotIsOfTheHeadWhateverCameSinceTheLastOne) {
  WatchHub hub;
  hub.Load({"h", 1}, {TestPeer(1), TestPeer(2)}, TestNetwork());
  storage::Revision revision = 1;
  const auto check = [&](const BookChanges& changes, std::set<std::string> expected) {
    hub.Snapshot();  // somebody has just had the one before
    ASSERT_TRUE(hub.Publish(++revision, changes, TestNetwork(), kNow));
    TestReplica replica;
    for (const Frame& frame : hub.Snapshot()->frames) replica.Take(*frame);
    std::set<std::string> held;
    for (const auto& [id, peer] : replica.peers) held.insert(id);
    EXPECT_EQ(held, expected);
    EXPECT_EQ(replica.revision, revision);
    EXPECT_EQ(replica.hash(), hub.set_hash());
  };
  check(Put(TestPeer(3)), {"node-1", "node-2", "node-3"});
  check(Put(TestPeer(1, 2)), {"node-1", "node-2", "node-3"});
  check(Remove("node-2"), {"node-1", "node-3"});
  check(Put(TestPeer(2)), {"node-1", "node-2", "node-3"});
}

TEST(WatchHubTest, CursorOlderThanTheTombstonesGetsASnapshot) {
  WatchHub::Options options;
  options.max_tombstones = 3;
  WatchHub hub(options);
  std::vector<Peer> peers;
  for (int i = 0; i < 10; ++i) peers.push_back(TestPeer(i));
  hub.Load({"h", 10}, peers, TestNetwork());
  TestReplica replica;
  const storage::Revision cursor = Catch(&hub, 0, &replica);
  for (int i = 0; i < 5; ++i) {
    hub.Publish(11 + i, Remove(absl::StrCat("node-", i)), TestNetwork(), kNow);
  }
  EXPECT_GT(hub.oldest_delta_revision(), cursor);
  EXPECT_FALSE(hub.ChangesAfter(cursor).has_value());
  Catch(&hub, cursor, &replica);
  EXPECT_EQ(replica.snapshots, 2);
  EXPECT_EQ(replica.peers.size(), 5u);
}

TEST(WatchHubTest, ResumesOnlyWithTheHashOfThatRevision) {
  WatchHub hub;
  hub.Load({"h", 10}, {TestPeer(1)}, TestNetwork());
  const std::uint64_t at_10 = hub.set_hash();
  hub.Publish(12, Put(TestPeer(2)), TestNetwork(), kNow);
  const std::uint64_t at_12 = hub.set_hash();
  EXPECT_EQ(hub.ResumeFrom(10, at_10), std::optional<storage::Revision>(10));
  EXPECT_EQ(hub.ResumeFrom(11, at_10), std::optional<storage::Revision>(11));
  EXPECT_EQ(hub.ResumeFrom(10, 77), std::nullopt);
  EXPECT_EQ(hub.ResumeFrom(13, at_12), std::nullopt) << "from the future";
  EXPECT_EQ(hub.ResumeFrom(3, 77), std::nullopt) << "from before the start";
  EXPECT_EQ(hub.ResumeFrom(3, at_12), std::optional<storage::Revision>(12)) << "nothing to send";
}

TEST(WatchHubTest, NetworkChangeIsPartOfTheDelta) {
  WatchHub hub;
  hub.Load({"h", 10}, {TestPeer(1)}, TestNetwork());
  TestReplica replica;
  const storage::Revision cursor = Catch(&hub, 0, &replica);
  const Network grown = TestNetwork(R"({"Network":"10.240.0.0/12","Backend":{"Type":"vxlan"}})");
  BookChanges changes;
  changes.network_changed = true;
  ASSERT_TRUE(hub.Publish(11, changes, grown, kNow));
  EXPECT_EQ(Catch(&hub, cursor, &replica), 11u);
  EXPECT_EQ(replica.network, grown);
  EXPECT_EQ(replica.snapshots, 1);
}

TEST(WatchHubTest, ChunksStayBelowTheBound) {
  WatchHub::Options options;
  options.chunk_bytes = 4096;
  WatchHub hub(options);
  std::vector<Peer> peers;
  for (int i = 0; i < 1000; ++i) peers.push_back(TestPeer(i));
  hub.Load({"h", 1}, peers, TestNetwork());
  TestReplica replica;
  Catch(&hub, 0, &replica);
  EXPECT_EQ(replica.peers.size(), 1000u);
  EXPECT_LE(replica.largest_frame, 4096u + 16);
  EXPECT_GT(hub.Snapshot()->frames.size(), 5u);
}

TEST(WatchHubTest, QuietReleasesAtOnceBusyMerges) {
  WatchHub hub;
  hub.Load({"h", 1}, {}, TestNetwork());
  hub.set_stream_count(1000);  // 250 ms
  hub.Publish(2, Put(TestPeer(1)), TestNetwork(), kNow);
  EXPECT_EQ(hub.release_at(), kNow);
  EXPECT_TRUE(hub.Release(kNow));
  EXPECT_EQ(hub.released(), 2u);
  for (int i = 0; i < 10; ++i) {
    hub.Publish(3 + i, Put(TestPeer(2 + i)), TestNetwork(), kNow + absl::Milliseconds(i + 1));
  }
  EXPECT_FALSE(hub.Release(kNow + absl::Milliseconds(249)));
  EXPECT_EQ(hub.released(), 2u);
  EXPECT_TRUE(hub.Release(kNow + absl::Milliseconds(250)));
  EXPECT_EQ(hub.released(), 12u);
  EXPECT_EQ(hub.release_at(), absl::InfiniteFuture());
}

// Whatever the order of publishing, reading, falling behind and coming back, a reader that catches
// up holds the truth; TestReplica also compares the hash at every Synced.
TEST(WatchHubPropertyTest, EveryInterleavingEndsWithTheTruth) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % n); };
    WatchHub::Options options;
    options.max_tombstones = 1 + pick(12);
    options.chunk_bytes = 200 + pick(2000);
    WatchHub hub(options);
    std::map<std::string, Peer> truth;
    hub.Load({"h", 5}, {}, TestNetwork());
    storage::Revision revision = 5;
    struct Reader {
      TestReplica replica;
      storage::Revision cursor = 0;
    };
    std::vector<Reader> readers(4);
    for (int step = 0; step < 200; ++step) {
      Reader& reader = readers[pick(4)];
      switch (pick(6)) {
        case 0:
          reader.cursor = Catch(&hub, reader.cursor, &reader.replica);
          break;
        case 1:  // comes back, and asks to resume
          if (const auto cursor = hub.ResumeFrom(reader.replica.revision, reader.replica.hash())) {
            reader.cursor = *cursor;
          } else {
            const auto snapshot = hub.Snapshot();
            for (const Frame& frame : snapshot->frames) reader.replica.Take(*frame);
            reader.cursor = snapshot->revision;
          }
          break;
        default: {
          BookChanges changes;
          for (int n = pick(3); n >= 0; --n) {
            const Peer peer = TestPeer(pick(15), pick(3));
            const bool remove = pick(3) == 0;
            if (remove) {
              truth.erase(peer.node_id);
              changes.peers.push_back({peer.node_id, std::nullopt});
            } else {
              truth[peer.node_id] = peer;
              changes.peers.push_back({peer.node_id, peer});
            }
          }
          hub.Publish(revision += 1 + pick(3), changes, TestNetwork(), kNow);
        }
      }
    }
    for (Reader& reader : readers) {
      Catch(&hub, Catch(&hub, reader.cursor, &reader.replica), &reader.replica);
      EXPECT_EQ(reader.replica.peers, truth);
      EXPECT_EQ(reader.replica.hash(), hub.set_hash());
    }
    EXPECT_EQ(hub.peer_count(), truth.size());
    EXPECT_EQ(hub.NodeIds().size(), truth.size());
  }
}

}  // namespace
}  // namespace heddle::controller
