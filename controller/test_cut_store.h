// A store whose feed can be cut, for tests: what is committed meanwhile is missed.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "storage/memory/memory_store.h"

namespace heddle::controller {

class CutStore final : public storage::Store {
 public:
  explicit CutStore(storage::Store* inner) : inner_(inner) {}

  // From now on the present subscriber hears nothing.
  void Cut() {
    if (feed_ != nullptr) feed_->cut = true;
  }
  // Tells it that the feed has ended.
  void End() { feed_->sink->OnEnd(absl::UnavailableError("the feed was cut")); }
  int failing_subscriptions = 0, failing_positions = 0;
  bool lead_is_over = false;  // of who stands here; nobody has told it yet
  std::optional<absl::Time> unreachable_since;

  void Commit(storage::Transaction transaction, CommitDone done) override {
    inner_->Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<std::optional<storage::Record>> Get(absl::string_view key,
                                                     Consistency c) override {
    return inner_->Get(key, c);
  }
  absl::StatusOr<storage::Page> List(absl::string_view prefix, absl::string_view cursor,
                                     std::size_t limit, Consistency c) override {
    return inner_->List(prefix, cursor, limit, c);
  }
  absl::StatusOr<std::unique_ptr<storage::Subscription>> Subscribe(
      absl::string_view prefix, storage::Position after, storage::ChangeSink* sink) override {
    if (failing_subscriptions > 0) {
      --failing_subscriptions;
      return absl::UnavailableError("no feed now");
    }
    auto feed = std::make_unique<Feed>();
    feed->sink = sink;
    feed_ = feed.get();
    auto subscription = inner_->Subscribe(prefix, std::move(after), feed.get());
    if (!subscription.ok()) return subscription.status();
    feed->inner = *std::move(subscription);
    return feed;
  }
  absl::StatusOr<std::unique_ptr<storage::Candidacy>> Campaign(
      const storage::Member& self, storage::LeadershipListener* listener) override {
    auto candidacy = inner_->Campaign(self, listener);
    if (!candidacy.ok()) return candidacy.status();
    return std::make_unique<Standing>(this, *std::move(candidacy));
  }
  void ReadPosition(PositionDone done) override {
    if (failing_positions > 0) {
      --failing_positions;
      return done(absl::UnavailableError("no position now"));
    }
    inner_->ReadPosition(std::move(done));
  }
  absl::Status StartNewHistory() override { return inner_->StartNewHistory(); }
  absl::Status TrimHistory(storage::Revision keep_from) override {
    return inner_->TrimHistory(keep_from);
  }
  storage::Health Describe() override {
    storage::Health health = inner_->Describe();
    health.unreachable_since = unreachable_since;
    return health;
  }

 private:
  struct Standing final : storage::Candidacy {
    Standing(CutStore* store, std::unique_ptr<storage::Candidacy> inner)
        : store(store), inner(std::move(inner)) {}
    absl::Status StepDown() override { return inner->StepDown(); }
    bool Leads() const override { return !store->lead_is_over && inner->Leads(); }
    CutStore* const store;
    const std::unique_ptr<storage::Candidacy> inner;
  };
  struct Feed final : storage::Subscription, storage::ChangeSink {
    void OnBatch(storage::Revision revision, std::vector<storage::Change> changes) override {
      if (!cut) sink->OnBatch(revision, std::move(changes));
    }
    void OnProgress(storage::Revision revision) override {
      if (!cut) sink->OnProgress(revision);
    }
    void OnCompacted(storage::Revision oldest) override { sink->OnCompacted(oldest); }
    void OnEnd(absl::Status why) override { sink->OnEnd(std::move(why)); }
    storage::ChangeSink* sink = nullptr;
    bool cut = false;
    std::unique_ptr<storage::Subscription> inner;
  };

  storage::Store* const inner_;
  Feed* feed_ = nullptr;
};

}  // namespace heddle::controller
