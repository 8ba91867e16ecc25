// A store of a process that is killed between two commits: from then on nothing is taken.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "storage/store.h"

namespace heddle::controller {

class DyingStore final : public storage::Store {
 public:
  explicit DyingStore(storage::Store* inner) : inner_(inner) {}

  // The next `count` commits and new histories are the last.
  void DieAfter(int count) {
    left_ = count;
    dying_ = true;
  }
  void Revive() { dying_ = false; }

  void Commit(storage::Transaction transaction, CommitDone done) override {
    if (!Lives(!transaction.writes.empty())) return done(absl::UnavailableError("killed"));
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
    return inner_->Subscribe(prefix, std::move(after), sink);
  }
  absl::StatusOr<std::unique_ptr<storage::Candidacy>> Campaign(
      const storage::Member& self, storage::LeadershipListener* listener) override {
    return inner_->Campaign(self, listener);
  }
  void ReadPosition(PositionDone done) override { inner_->ReadPosition(std::move(done)); }
  absl::Status StartNewHistory() override {
    return Lives(true) ? inner_->StartNewHistory() : absl::UnavailableError("killed");
  }
  absl::Status TrimHistory(storage::Revision keep_from) override {
    return inner_->TrimHistory(keep_from);
  }
  storage::Health Describe() override { return inner_->Describe(); }

 private:
  bool Lives(bool counts) {
    if (!dying_) return true;
    if (left_ <= 0) return false;
    if (counts) --left_;
    return true;
  }

  storage::Store* const inner_;
  std::atomic<bool> dying_{false};
  std::atomic<int> left_{0};
};

}  // namespace heddle::controller
