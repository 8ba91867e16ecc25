// What a controller tells a node, decoded and checked: plain values, one type per message of
// api/heddle/v1/node.proto.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "api/network.h"
#include "api/peer.h"
#include "api/probe.h"

namespace heddle::node {

// A point in one history of the controllers' store. An empty history stands for "nothing known".
struct Position {
  std::string history;
  std::uint64_t revision = 0;

  friend bool operator==(const Position& a, const Position& b) {
    return a.history == b.history && a.revision == b.revision;
  }
  friend bool operator!=(const Position& a, const Position& b) { return !(a == b); }
};

struct Welcome {
  std::string history;
  Network network;
  absl::Duration heartbeat;
  std::string controller_version;
};

struct OwnLease {
  Peer self;
  absl::Time expires;        // InfiniteFuture: reserved
  std::string refused = "";  // why it is not as this node advertised last; "": it is
};

struct SnapshotBegin {
  std::uint64_t revision = 0;
};

struct PeerUpdate {
  std::string node_id;
  std::optional<Peer> peer;  // absent: removed
};

struct Chunk {
  std::vector<PeerUpdate> changes;
};

struct Synced {
  std::uint64_t revision = 0;
  std::uint64_t set_hash = 0;
  bool settling = false;  // nodes are still coming back to a restored store
};

struct Heartbeat {
  std::uint64_t revision = 0;
  std::uint64_t set_hash = 0;
  bool settling = false;
  // Since when the controller has not reached its store, by its clock; absent: it does.
  std::optional<absl::Time> stale_since = std::nullopt;
};

struct AcceptRemovals {};

// Whom to believe from now on, and which root signs now. Not looked into yet.
struct Trust {
  std::string roots_pem;
  std::string issuer;  // key id
};

// Of a kind that a later release has: passed over.
struct UnknownKind {};

// A node's own certificate that a controller did not admit: it is revoked, or not believed there,
// or has ended by that one's clock.
struct RefusedCertificate {
  std::string serial;
  std::string why;  // what it said

  friend bool operator==(const RefusedCertificate& a, const RefusedCertificate& b) {
    return a.serial == b.serial && a.why == b.why;
  }
};

using Update = std::variant<Welcome, Network, OwnLease, SnapshotBegin, Chunk, Synced, Heartbeat,
                            AcceptRemovals, ProbeRequest, Trust, UnknownKind>;

// What the node's kernel holds, as reported to the controller.
struct Applied {
  std::uint64_t revision = 0;
  std::uint64_t set_hash = 0;
  std::uint64_t peers = 0;  // other nodes
  std::uint64_t held_removals = 0;
  std::vector<std::string> problems;
  Reachability reachability;

  friend bool operator==(const Applied& a, const Applied& b) {
    return a.revision == b.revision && a.set_hash == b.set_hash && a.peers == b.peers &&
           a.held_removals == b.held_removals && a.problems == b.problems &&
           a.reachability == b.reachability;
  }
  friend bool operator!=(const Applied& a, const Applied& b) { return !(a == b); }
};

}  // namespace heddle::node
