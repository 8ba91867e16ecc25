// The writer's subscription to the store: hands what the engine's thread delivers to the writer's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "controller/writer.h"
#include "storage/store.h"

namespace heddle::controller {

// Destroying it ends delivery; what was posted before names a feed that is gone and is ignored.
class StoreFeed final : public storage::ChangeSink {
 public:
  explicit StoreFeed(Writer* writer) : writer_(writer), alive_(std::make_shared<char>()) {}
  ~StoreFeed() override { subscription_.reset(); }

  void Hold(std::unique_ptr<storage::Subscription> subscription) {
    subscription_ = std::move(subscription);
  }

  void OnBatch(storage::Revision revision, std::vector<storage::Change> changes) override {
    // Shared, since what is posted may be copied.
    auto shared = std::make_shared<const std::vector<storage::Change>>(std::move(changes));
    Post([revision, changes = std::move(shared)](Writer* writer) {
      writer->OnBatch(revision, *changes);
    });
  }
  void OnProgress(storage::Revision revision) override {
    Post([revision](Writer* writer) { writer->OnBatch(revision, {}); });
  }
  void OnCompacted(storage::Revision oldest_available) override {
    OnEnd(absl::OutOfRangeError("the feed was trimmed to revision " +
                                std::to_string(oldest_available)));
  }
  void OnEnd(absl::Status why) override {
    Post([why](Writer* writer) { writer->OnFeedEnded(why); });
  }

 private:
  template <typename Call>
  void Post(Call call) {
    writer_->wiring_.post(
        [writer = writer_, alive = std::weak_ptr<char>(alive_), call = std::move(call)] {
          if (!alive.expired()) call(writer);
        });
  }

  Writer* const writer_;
  std::shared_ptr<char> alive_;
  std::unique_ptr<storage::Subscription> subscription_;
};

}  // namespace heddle::controller
