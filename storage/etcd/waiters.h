// Those who wait until a revision has been reached. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "storage/store.h"

namespace heddle::storage {

class RevisionWaiters {
 public:
  using Done = std::function<void(const absl::Status&)>;

  // Returns what Cancel takes.
  std::uint64_t Add(Revision revision, Done done) {
    waiting_.emplace(std::make_pair(revision, ++last_id_), std::move(done));
    return last_id_;
  }

  // Calls those that wait for `revision` or an earlier one, in the order of revisions.
  void Reached(Revision revision) {
    while (!waiting_.empty() && waiting_.begin()->first.first <= revision) {
      const Done done = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      done(absl::OkStatus());
    }
  }

  // Gives one up; false when it no longer waits.
  bool Fail(Revision revision, std::uint64_t id, const absl::Status& why) {
    const auto it = waiting_.find({revision, id});
    if (it == waiting_.end()) return false;
    const Done done = std::move(it->second);
    waiting_.erase(it);
    done(why);
    return true;
  }
  void FailAll(const absl::Status& why) {
    for (auto& [key, done] : std::exchange(waiting_, {})) done(why);
  }

 private:
  std::map<std::pair<Revision, std::uint64_t>, Done> waiting_;
  std::uint64_t last_id_ = 0;
};

}  // namespace heddle::storage
