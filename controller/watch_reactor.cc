#include "controller/watch_reactor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/admin_messages.h"

namespace heddle::controller {

WatchReactor::WatchReactor(WatchHub* hub, storage::Revision cursor,
                           std::function<void(WatchReactor*)> done)
    : hub_(hub), done_(std::move(done)), cursor_(cursor) {}

// False when what comes after the cursor is no longer held.
bool WatchReactor::Refill() {
  const storage::Revision network_revision = hub_->network_revision();
  auto changes = hub_->ChangesAfter(cursor_);
  if (!changes) return false;
  const storage::Revision before = cursor_;
  for (const AnnouncedChange& change : *changes) {
    events_.push_back(ToMessage(change));
    cursor_ = std::max(cursor_, change.revision);
  }
  if (network_revision > before) {
    if (const auto network = hub_->network()) {
      const auto after = std::find_if(events_.begin(), events_.end(), [&](const auto& event) {
        return event.revision() > network_revision;
      });
      events_.insert(after, NetworkEvent(network_revision, *network));
    }
    cursor_ = std::max(cursor_, network_revision);
  }
  return true;
}

WatchReactor::Turn WatchReactor::Next() {
  if (events_.empty() && !Refill()) {
    return {
        std::nullopt,
        grpc::Status(grpc::StatusCode::OUT_OF_RANGE,
                     absl::StrCat("changes are held from revision ", hub_->oldest_delta_revision(),
                                  " on; list again, then watch from the listing's revision"))};
  }
  if (events_.empty()) return {};
  Turn turn{std::move(events_.front()), std::nullopt};
  events_.pop_front();
  return turn;
}

}  // namespace heddle::controller
