// Who leads, for the services: set by the writer, read and waited for by all others. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace heddle::controller {

class Leadership {
 public:
  enum class Role { kLeader, kFollower, kUnknown };
  struct State {
    Role role = Role::kUnknown;
    std::optional<storage::Member> leader;  // of kLeader: oneself

    friend bool operator==(const State& a, const State& b) {
      return a.role == b.role && a.leader == b.leader;
    }
  };

  explicit Leadership(std::string self_id) : self_id_(std::move(self_id)) {}
  const std::string& self_id() const { return self_id_; }

  // The writer's: whether this controller may commit, and who leads as the store says.
  void Set(bool leads, std::optional<storage::Member> leader);
  State state() const;

  // Calls `act` once: at once or as soon as the role is known, or with kUnknown at `deadline`.
  // On the caller's thread, on the writer's, or on that of Check.
  void WhenKnown(absl::Time deadline, std::function<void(const State&)> act);
  // Ends waits whose time is over; when it wants to be called again.
  absl::Time Check(absl::Time now);
  // Called after each change, on the writer's thread. Before the first Set.
  void OnChange(std::function<void(const State&)> changed);

 private:
  struct Waiter {
    absl::Time deadline;
    std::function<void(const State&)> act;
  };
  const std::string self_id_;
  std::vector<std::function<void(const State&)>> listeners_;
  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
