#include "controller/applied_wait.h"

#include <algorithm>
#include <string>
#include <utility>

namespace heddle::controller {
namespace {

constexpr absl::Duration kCheckEvery = absl::Milliseconds(10);

}  // namespace

void AppliedWait::Add(storage::Revision revision, absl::Time until, std::function<bool()> cancelled,
                      Done done) {
  const storage::Revision needed = std::min(revision, hub_->head());
  MutexLock lock(&mutex_);
  waiters_.push_back({revision, needed, until, std::move(cancelled), std::move(done)});
  seen_reports_ = 0;
}

absl::Time AppliedWait::Check(absl::Time now) {
  std::vector<std::pair<Waiter, std::vector<NodeInfo>>> ready;
  absl::Time next = absl::InfiniteFuture();
  {
    MutexLock lock(&mutex_);
    if (waiters_.empty()) return next;
    const std::uint64_t reports = registry_->reports();
    const storage::Revision head = hub_->head();
    const bool moved = reports != seen_reports_ || head != seen_head_;
    seen_reports_ = reports;
    seen_head_ = head;
    std::vector<std::string> ids;
    if (moved) ids = hub_->NodeIds();
    for (std::size_t i = 0; i < waiters_.size();) {
      Waiter& waiter = waiters_[i];
      const bool over = now >= waiter.until || waiter.cancelled();
      std::vector<NodeInfo> laggards;
      if (moved || over) {
        laggards = registry_->Laggards(moved ? ids : hub_->NodeIds(), waiter.needed);
      }
      if (over || (moved && laggards.empty())) {
        ready.emplace_back(std::move(waiter), std::move(laggards));
        waiters_.erase(waiters_.begin() + i);
      } else {
        ++i;
      }
    }
    if (!waiters_.empty()) next = now + kCheckEvery;
  }
  for (auto& [waiter, laggards] : ready) waiter.done(waiter.asked, std::move(laggards));
  return next;
}

}  // namespace heddle::controller
