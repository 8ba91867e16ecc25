#include "storage/feed.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::storage {

// Its mutex is held during each callback: that is how Cancel waits for one to return.
class Subscriber {
 public:
  Subscriber(std::string prefix, Revision after, ChangeSink* sink)
      : prefix_(std::move(prefix)), next_(after + 1), sink_(sink) {}

  void Advance(const std::vector<Batch>& fresh, Revision last, const ChangeLog& log) {
    MutexLock lock(&mutex_);
    if (sink_ == nullptr || next_ > last) return;
    CatchUp(fresh, last, log);
    if (sink_ == nullptr || told_ >= last) return;
    next_ = last + 1;
    told_ = last;
    sink_->OnProgress(last);
  }
  void End(const absl::Status& why) {
    MutexLock lock(&mutex_);
    if (sink_ != nullptr) TakeSink()->OnEnd(why);
  }

  void Cancel() {
    MutexLock lock(&mutex_);
    TakeSink();
  }

  // Without the mutex, so that a list of subscribers can be cleaned while one is in a callback.
  bool ended() const { return ended_; }

 private:
  void CatchUp(const std::vector<Batch>& fresh, Revision last, const ChangeLog& log) {
    if (!fresh.empty() && fresh.front().revision <= next_) {
      for (const Batch& batch : fresh) Deliver(batch);
      return;
    }
    if (const Revision oldest = log.Oldest(); next_ < oldest) {
      TakeSink()->OnCompacted(oldest);
      return;
    }
    const absl::Status read = log.Read(next_, last, [this](const Batch& b) { Deliver(b); });
    if (!read.ok()) TakeSink()->OnEnd(read);
  }

  ChangeSink* TakeSink() {
    ended_ = true;
    return std::exchange(sink_, nullptr);
  }

  void Deliver(const Batch& batch) {
    if (batch.revision < next_) return;
    next_ = batch.revision + 1;
    std::vector<Change> matching;
    for (const Change& change : batch.changes) {
      if (change.record.key.compare(0, prefix_.size(), prefix_) == 0) matching.push_back(change);
    }
    if (matching.empty()) return;
    told_ = batch.revision;
    sink_->OnBatch(batch.revision, std::move(matching));
  }

  const std::string prefix_;
  Mutex mutex_;
  Revision next_;      // guarded by mutex_
  Revision told_ = 0;  // guarded by mutex_; of the last callback
  ChangeSink* sink_;   // guarded by mutex_; null once ended
  std::atomic<bool> ended_{false};
};

namespace {

class FeedSubscription final : public Subscription {
 public:
  explicit FeedSubscription(std::shared_ptr<Subscriber> subscriber)
      : subscriber_(std::move(subscriber)) {}
  ~FeedSubscription() override { subscriber_->Cancel(); }

 private:
  const std::shared_ptr<Subscriber> subscriber_;
};

}  // namespace

absl::Status CheckPosition(const Position& after, const Position& now) {
  if (after.history != now.history) {
    return absl::FailedPreconditionError(absl::StrCat("the position is of history '", after.history,
                                                      "', the store's is '", now.history,
                                                      "': list again and follow from there"));
  }
  if (after.revision > now.revision) {
    return absl::FailedPreconditionError(absl::StrCat("revision ", after.revision,
                                                      " is in the future; the store is at ",
                                                      now.revision, ": list again"));
  }
  return absl::OkStatus();
}

Feed::~Feed() { ForgetAll(); }

std::unique_ptr<Subscription> Feed::Add(std::string prefix, Revision after, ChangeSink* sink) {
  auto subscriber = std::make_shared<Subscriber>(std::move(prefix), after, sink);
  {
    MutexLock lock(&mutex_);
    subscribers_.push_back(subscriber);
  }
  return std::make_unique<FeedSubscription>(std::move(subscriber));
}

void Feed::Publish(const std::vector<Batch>& fresh, Revision last, const ChangeLog& log) {
  for (const auto& subscriber : Live()) subscriber->Advance(fresh, last, log);
}

void Feed::EndAll(const absl::Status& why) {
  for (const auto& subscriber : TakeAll()) subscriber->End(why);
}

void Feed::ForgetAll() {
  for (const auto& subscriber : TakeAll()) subscriber->Cancel();
}

std::vector<std::shared_ptr<Subscriber>> Feed::Live() {
  MutexLock lock(&mutex_);
  subscribers_.erase(std::remove_if(subscribers_.begin(), subscribers_.end(),
                                    [](const auto& s) { return s->ended(); }),
                     subscribers_.end());
  return subscribers_;
}

std::vector<std::shared_ptr<Subscriber>> Feed::TakeAll() {
  MutexLock lock(&mutex_);
  return std::exchange(subscribers_, {});
}

}  // namespace heddle::storage
