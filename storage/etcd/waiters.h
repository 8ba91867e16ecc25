// Those who wait until a revision has been reached. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace heddle::storage {

class RevisionWaiters {
 public:
  using Done = std::function<void(const absl::Status&)>;

  void Add(Revision revision, absl::Time now, Done done) {
    waiting_.emplace(revision, Waiter{now, std::move(done)});
  }
  bool empty() const { return waiting_.empty(); }

  // Calls those that wait for `revision` or an earlier one, in the order of revisions.
  void Reached(Revision revision) {
    while (!waiting_.empty() && waiting_.begin()->first <= revision) {
      const Done done = std::move(waiting_.begin()->second.done);
      waiting_.erase(waiting_.begin());
      done(absl::OkStatus());
    }
  }

  // Whether somebody has waited since `time` or before, for the first time that this is asked.
  bool NoteOverdue(absl::Time time) {
    bool is_new = false;
    for (auto& [revision, waiter] : waiting_) {
      if (waiter.since <= time && !std::exchange(waiter.is_noted, true)) is_new = true;
    }
    return is_new;
  }
  // Gives up those that have waited since `time` or before. `why` makes the status of one for a
  // revision. False: there were none.
  bool FailOverdue(absl::Time time, const std::function<absl::Status(Revision)>& why) {
    std::vector<std::pair<Revision, Done>> overdue;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->second.since > time) {
        ++it;
        continue;
      }
      overdue.emplace_back(it->first, std::move(it->second.done));
      it = waiting_.erase(it);
    }
    for (const auto& [revision, done] : overdue) done(why(revision));
    return !overdue.empty();
  }
  void FailAll(const absl::Status& why) {
    for (auto& [revision, waiter] : std::exchange(waiting_, {})) waiter.done(why);
  }

 private:
  struct Waiter {
    absl::Time since;
    Done done;
    bool is_noted = false;
  };
  std::multimap<Revision, Waiter> waiting_;  // those for one revision in the order of their coming
};

}  // namespace heddle::storage
