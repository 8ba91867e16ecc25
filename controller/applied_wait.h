// Callers that wait until every announced node has applied a revision. Thread-safe; time is an
// argument. Its owner calls Check now and then.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "controller/node_registry.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

class AppliedWait {
 public:
  // `laggards` is empty when all have it.
  using Done = std::function<void(storage::Revision revision, std::vector<NodeInfo> laggards)>;

  AppliedWait(const WatchHub* hub, const NodeRegistry* registry) : hub_(hub), registry_(registry) {}

  // Calls `done` once, from Check: when all nodes with an announced lease have applied `revision`
  // (a revision that nodes never hear of counts with the last one before it that they do), or at
  // `until`. `cancelled` ends the wait early.
  void Add(storage::Revision revision, absl::Time until, std::function<bool()> cancelled,
           Done done);
  // Answers who can be answered. When it wants to be called again: InfiniteFuture if none waits.
  absl::Time Check(absl::Time now);

 private:
  struct Waiter {
    storage::Revision asked = 0, needed = 0;
    absl::Time until;
    std::function<bool()> cancelled;
    Done done;
  };

  const WatchHub* const hub_;
  const NodeRegistry* const registry_;
  Mutex mutex_;
  std::vector<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t seen_reports_ ABSL_GUARDED_BY(mutex_) = 0;
  storage::Revision seen_head_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace heddle::controller
