// The slow, steady probing: whose turn it is, and what is known of all. Pure.
//
// Peers come in rounds, each in a new random order, so that no two nodes march in step and every
// peer is seen once a round. Those that failed last come again in between, so that a mend shows
// soon whatever the cluster's size.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "api/probe.h"
#include "node/peer_table.h"

namespace heddle::node {

class Rounds {
 public:
  explicit Rounds(std::uint64_t seed) : random_(seed) {}

  // The id of the peer to probe now; "": there is none. Forgets those that are gone.
  std::string Next(const PeerTable::Peers& peers, const std::string& self_id);
  // What was found of it: the sentence that says what is wrong, or "".
  void Record(const std::string& node_id, std::string failure);
  // It has nothing that could be probed.
  void Leave(const std::string& node_id);

  Reachability Summary() const;

 private:
  void ForgetMissing(const PeerTable::Peers& peers);
  void BeginRound(const PeerTable::Peers& peers, const std::string& self_id);

  std::mt19937_64 random_;
  std::vector<std::string> left_;  // of this round, the next at the end
  absl::flat_hash_set<std::string> well_;
  absl::btree_map<std::string, std::string> failing_;  // and why
  std::string last_failing_;                           // that came in between
  std::uint64_t turns_ = 0;
};

}  // namespace heddle::node
