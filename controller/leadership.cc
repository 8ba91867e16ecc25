#include "controller/leadership.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace heddle::controller {
namespace {

Leadership::State StateOf(bool leads, std::optional<storage::Member> leader,
                          const std::string& self_id) {
  if (leads) return {Leadership::Role::kLeader, std::move(leader)};
  // Named by the store, but not yet told so: about to lead, or about to hear that it does no more.
  if (!leader || leader->id == self_id) return {};
  return {Leadership::Role::kFollower, std::move(leader)};
}

}  // namespace

void Leadership::Set(bool leads, std::optional<storage::Member> leader) {
  const State next = StateOf(leads, std::move(leader), self_id_);
  std::vector<Waiter> ready;
  {
    MutexLock lock(&mutex_);
    if (next == state_) return;
    state_ = next;
    if (next.role != Role::kUnknown) ready.swap(waiters_);
  }
  for (const auto& changed : listeners_) changed(next);
  for (const Waiter& waiter : ready) waiter.act(next);
}

Leadership::State Leadership::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

void Leadership::WhenKnown(absl::Time deadline, std::function<void(const State&)> act) {
  State known;
  {
    MutexLock lock(&mutex_);
    if (state_.role == Role::kUnknown) {
      waiters_.push_back({deadline, std::move(act)});
      return;
    }
    known = state_;
  }
  act(known);
}

absl::Time Leadership::Check(absl::Time now) {
  std::vector<Waiter> over;
  absl::Time next = absl::InfiniteFuture();
  {
    MutexLock lock(&mutex_);
    const auto waiting =
        std::partition(waiters_.begin(), waiters_.end(),
                       [&](const Waiter& waiter) { return waiter.deadline <= now; });
    over.assign(std::make_move_iterator(waiters_.begin()), std::make_move_iterator(waiting));
    waiters_.erase(waiters_.begin(), waiting);
    for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  }
  for (const Waiter& waiter : over) waiter.act(State());
  return next;
}

void Leadership::OnChange(std::function<void(const State&)> changed) {
  listeners_.push_back(std::move(changed));
}

}  // namespace heddle::controller
