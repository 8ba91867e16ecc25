// Peers, and a table that is fed with them, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "node/peer_table.h"

namespace heddle::node {

inline Peer MakePeer(int n, const std::string& address = "192.0.2.1") {
  Peer peer;
  peer.node_id = absl::StrCat("node-", n);
  peer.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.", n / 256, ".", n % 256, ".0/24"));
  peer.advertisement.public_address[Family::kV4] = *Ip::Parse(address);
  peer.advertisement.backend_type = "vxlan";
  return peer;
}

inline PeerTable::Peers MakePeers(int first, int count) {
  PeerTable::Peers peers;
  for (int n = first; n < first + count; ++n) peers[MakePeer(n).node_id] = MakePeer(n);
  return peers;
}

inline std::uint64_t HashOf(const PeerTable::Peers& peers) {
  std::uint64_t hash = 0;
  for (const auto& [id, peer] : peers) hash += PeerDigest(peer);
  return hash;
}

inline PeerUpdate Put(const Peer& peer) { return {peer.node_id, peer}; }
inline PeerUpdate Gone(int n) { return {absl::StrCat("node-", n), std::nullopt}; }

inline Chunk ChunkOf(const PeerTable::Peers& peers) {
  Chunk chunk;
  for (const auto& [id, peer] : peers) chunk.changes.push_back(Put(peer));
  return chunk;
}

// A table attached to "h" that has been given `peers` as a snapshot.
inline void Feed(PeerTable* table, const PeerTable::Peers& peers, std::uint64_t revision) {
  ASSERT_TRUE(table->Begin({revision}).ok());
  ASSERT_TRUE(table->Add(ChunkOf(peers)).ok());
  ASSERT_TRUE(table->Complete({revision, HashOf(peers)}).ok());
}

class PeerTableTest : public testing::Test {
 protected:
  void SetUp() override { table_.Attach("h"); }
  PeerTable table_{RemovalGuard{}};
};

}  // namespace heddle::node
