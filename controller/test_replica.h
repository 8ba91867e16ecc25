// A node's view of the stream, for tests: applies ControllerMessages as node.proto tells.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/convert.h"
#include "api/heddle/v1/node.pb.h"
#include "controller/frames.h"
#include "gtest/gtest.h"

namespace heddle::controller {

class TestReplica {
 public:
  // The message, for what the test wants of it besides.
  v1::ControllerMessage Take(const std::string& bytes) {
    v1::ControllerMessage message;
    EXPECT_TRUE(message.ParseFromString(bytes));
    largest_frame = std::max(largest_frame, bytes.size());
    if (message.has_snapshot_begin()) {
      snapshot_.emplace();
      ++snapshots;
    }
    for (const v1::PeerChange& change : message.chunk().changes()) Apply(change);
    if (message.has_synced()) Sync(message.synced());
    if (message.has_network()) network = *FromProto(message.network());
    if (message.has_welcome()) network = *FromProto(message.welcome().network());
    return message;
  }

  std::uint64_t hash() const {
    std::uint64_t sum = 0;
    for (const auto& [id, peer] : peers) sum += PeerDigest(peer);
    return sum;
  }

  std::map<std::string, Peer> peers;
  std::uint64_t revision = 0;
  int snapshots = 0, changes = 0;
  std::size_t largest_frame = 0;
  std::optional<Network> network;

 private:
  void Apply(const v1::PeerChange& change) {
    ++changes;
    auto& set = snapshot_ ? *snapshot_ : peers;
    if (change.has_put()) {
      const Peer peer = *FromProto(change.put());
      set[peer.node_id] = peer;
    } else {
      EXPECT_FALSE(snapshot_) << "a removal inside a snapshot";
      set.erase(change.removed_node_id());
    }
  }
  void Sync(const v1::Synced& synced) {
    if (snapshot_) peers = *std::move(snapshot_);
    snapshot_.reset();
    EXPECT_GE(synced.revision(), revision) << "went back";
    revision = synced.revision();
    EXPECT_EQ(hash(), synced.set_hash()) << "at revision " << revision;
  }

  std::optional<std::map<std::string, Peer>> snapshot_;
};

}  // namespace heddle::controller
