#include "controller/watch_reactor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/admin_messages.h"

namespace heddle::controller {

WatchReactor::WatchReactor(WatchHub* hub, storage::Revision cursor,
                           std::function<void(WatchReactor*)> done)
    : hub_(hub), done_(std::move(done)), cursor_(cursor) {}

void WatchReactor::Begin() {
  self_ = shared_from_this();
  StartSendInitialMetadata();
  Kick();
}

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

void WatchReactor::Kick() {
  bool lost = false;
  {
    MutexLock lock(&mutex_);
    if (writing_ || ending_) return;
    if (events_.empty()) lost = !Refill();
    if (!lost) {
      if (events_.empty()) return;
      writing_event_ = std::move(events_.front());
      events_.pop_front();
      writing_ = true;
    }
  }
  if (lost) {
    End(grpc::Status(grpc::StatusCode::OUT_OF_RANGE,
                     absl::StrCat("changes are held from revision ", hub_->oldest_delta_revision(),
                                  " on; list again, then watch from the listing's revision")));
    return;
  }
  StartWrite(&writing_event_);
}

void WatchReactor::End(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (ending_) return;
    ending_ = true;
    end_status_ = status;
    if (writing_) return;
    finished_ = true;
  }
  Finish(status);
}

void WatchReactor::OnWriteDone(bool ok) {
  bool finish = false;
  grpc::Status status;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (ending_ && !finished_) {
      finish = finished_ = true;
      status = end_status_;
    }
  }
  if (finish) {
    Finish(status);
  } else if (ok) {
    Kick();
  } else {
    End(grpc::Status::CANCELLED);
  }
}

void WatchReactor::OnCancel() { End(grpc::Status::CANCELLED); }

void WatchReactor::OnDone() {
  const std::shared_ptr<WatchReactor> self = std::move(self_);
  done_(this);
}

}  // namespace heddle::controller
