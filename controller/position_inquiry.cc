#include "controller/position_inquiry.h"

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace heddle::controller {

struct PositionInquiry::State {
  storage::Store* store = nullptr;
  Mutex mutex;
  Post post ABSL_GUARDED_BY(mutex);  // null: the end
  // Those who wait for the question that is with the store, and those who came since: its answer
  // may be older than their asking.
  std::vector<Answer> asked ABSL_GUARDED_BY(mutex), next ABSL_GUARDED_BY(mutex);
  bool asking ABSL_GUARDED_BY(mutex) = false;
};

PositionInquiry::PositionInquiry(storage::Store* store, Post post)
    : state_(std::make_shared<State>()) {
  state_->store = store;
  MutexLock lock(&state_->mutex);
  state_->post = std::move(post);
}

PositionInquiry::~PositionInquiry() {
  MutexLock lock(&state_->mutex);
  state_->post = nullptr;
}

void PositionInquiry::Ask(Answer answer) {
  {
    MutexLock lock(&state_->mutex);
    state_->next.push_back(std::move(answer));
    if (std::exchange(state_->asking, true)) return;
  }
  Begin(state_);
}

void PositionInquiry::Begin(const std::shared_ptr<State>& state) {
  {
    MutexLock lock(&state->mutex);
    state->asked = std::exchange(state->next, {});
  }
  state->store->ReadPosition(
      [weak = std::weak_ptr<State>(state)](const absl::StatusOr<storage::Position>& position) {
        if (const auto alive = weak.lock()) Answered(alive, position);
      });
}

void PositionInquiry::Answered(const std::shared_ptr<State>& state,
                               const absl::StatusOr<storage::Position>& position) {
  auto answers = std::make_shared<std::vector<Answer>>();
  absl::Status posted;
  bool more = false;
  {
    // Held while posting: the destructor waits, so that `post` is not used after it.
    MutexLock lock(&state->mutex);
    if (!state->post) return;
    *answers = std::exchange(state->asked, {});
    posted = state->post([answers, position] {
      for (const Answer& answer : *answers) answer(position);
    });
    more = state->asking = !state->next.empty();
  }
  if (!posted.ok()) {
    for (const Answer& answer : *answers) answer(posted);
  }
  if (more) Begin(state);
}

}  // namespace heddle::controller
