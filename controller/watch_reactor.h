// An administrator's watch: every announced change from a cursor on, one event at a time.
#pragma once

#include <deque>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "api/heddle/v1/admin.pb.h"
#include "controller/event_stream.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

class WatchReactor final : public EventStream<v1::WatchEvent> {
 public:
  WatchReactor(WatchHub* hub, storage::Revision cursor, std::function<void(WatchReactor*)> done);

 private:
  Turn Next() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnEnded() override { done_(this); }
  bool Refill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WatchHub* const hub_;
  const std::function<void(WatchReactor*)> done_;
  storage::Revision cursor_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
