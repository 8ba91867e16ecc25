// Notices that the store was set back to an older state underneath its history, as when its files
// or its etcd were restored from a copy by hand: nodes come back that have applied more of the
// history than the store has. Then a new history is begun, since a revision would name two states.
//
// One node's word is not enough, for it may be wrong or lie: a second node must say the like within
// a minute, unless the node holds the only lease there is. And claims begin no second history
// within ten minutes of the last, so that even nodes that lie together cannot keep the cluster
// turning.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace heddle::controller {

// Not thread-safe; the store outlives it. The destructor waits for a history that is being begun.
class SetBack {
 public:
  struct Claim {
    std::string node_id;
    storage::Revision revision = 0;  // applied by that node, and more than the store has
  };

  explicit SetBack(storage::Store* store) : store_(store) {}
  ~SetBack();

  // For the leader. `only_holder`: the node's lease is the only one. Does not block: the new
  // history is begun on a thread of its own, and its outcome logged.
  void OnClaim(const Claim& claim, const storage::Position& store, bool only_holder,
               absl::Time now);

 private:
  struct Said {
    storage::Revision revision = 0;
    absl::Time at;
  };
  void Forget(const storage::Position& store, absl::Time now);

  storage::Store* const store_;
  absl::btree_map<std::string, Said> claims_;  // by node id
  std::atomic<bool> beginning_{false};
  std::thread thread_;
};

}  // namespace heddle::controller
