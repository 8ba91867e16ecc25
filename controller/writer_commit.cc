// The leader's part: a decision becomes a commit, and what becomes of each answer of the store.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/take_if.h"
#include "controller/writer.h"

namespace heddle::controller {

void Writer::Commit(TaskPtr task) {
  absl::StatusOr<Decision> decision = task->decide(wiring_.clock->Now());
  if (absl::IsAborted(decision.status()) && in_flight_ > 0) {
    blocked_.push_back(std::move(task));
    return;
  }
  if (!decision.ok()) {
    Finish(task, decision.status());
    return;
  }
  if (decision->transaction.writes.empty()) {
    Finish(task, Committed{book_.revision(), task->uncertain});
    return;
  }
  task->decision = *std::move(decision);
  ++task->attempts;
  Fly(task);
  book_.Claim(task->decision);
  // What is claimed are the nodes and subnets alone.
  storage::Transaction transaction = std::exchange(task->decision.transaction, {});
  transaction.fence = fence_;
  task->term = fence_->term();
  wiring_.store->Commit(std::move(transaction), [this, post = wiring_.post,
                                                 task](absl::StatusOr<storage::Outcome> answer) {
    post([this, task, answer = std::move(answer)] { OnAnswer(task, answer); });
  });
}

void Writer::Fly(const TaskPtr& task) {
  ++in_flight_;
  flying_.insert(task);
}

// What a follower answers from its book must be as new as the question: it may be cut off and not
// know it yet.
void Writer::Confirm(TaskPtr task) {
  Fly(task);
  unconfirmed_.push_back(std::move(task));
  AskPosition();
}

void Writer::Leave(const TaskPtr& task) {
  if (flying_.erase(task) == 0) return;
  book_.Unclaim(task->decision);
  task->decision = {};
  --in_flight_;
}

void Writer::OnAnswer(TaskPtr task, const absl::StatusOr<storage::Outcome>& answer) {
  if (flying_.count(task) == 0) return;
  if (!answer.ok()) {
    if (absl::IsUnknown(answer.status()) || absl::IsDeadlineExceeded(answer.status())) {
      OnUnknown(std::move(task));
      return;
    }
    Leave(task);
    Finish(task,
           absl::Status(answer.status().code(), absl::StrCat("the store did not take the change: ",
                                                             answer.status().message())));
    return;
  }
  switch (answer->kind) {
    case storage::Outcome::Kind::kApplied:
      parked_.push_back({answer->position.revision, std::move(task), /*committed=*/true});
      ResolveParked();
      return;
    case storage::Outcome::Kind::kGuardFailed:
      DecideAgain(std::move(task), answer->position.revision);
      return;
    case storage::Outcome::Kind::kFenced:
      // Surely not made: it is the next leader's, which may be this one, and by now.
      if (fence_ && fence_->term() == task->term) OnDeposed();
      Leave(task);
      Run(std::move(task));
      return;
  }
}

// Perhaps committed. The position of the store says up to where the feed must come before the book
// shows whether it was.
void Writer::OnUnknown(TaskPtr task) {
  task->uncertain = true;
  unknown_.push_back(std::move(task));
  AskPosition();
}

// One question at a time, for all that wait when it is asked.
void Writer::AskPosition() {
  if (asking_position_) return;
  asking_position_ = true;
  wiring_.store->ReadPosition(
      [this, post = wiring_.post, unknown = std::exchange(unknown_, {}),
       unconfirmed = std::exchange(unconfirmed_, {})](absl::StatusOr<storage::Position> answer) {
        post([this, unknown, unconfirmed, answer = std::move(answer)] {
          OnPosition(unknown, unconfirmed, answer);
        });
      });
}

void Writer::OnPosition(const std::vector<TaskPtr>& unknown,
                        const std::vector<TaskPtr>& unconfirmed,
                        const absl::StatusOr<storage::Position>& answer) {
  asking_position_ = false;
  for (const TaskPtr& task : unconfirmed) {
    task->confirmed = answer.ok() ? Task::Confirmed::kYes : Task::Confirmed::kNoAnswer;
    parked_.push_back({answer.ok() ? answer->revision : 0, task, /*committed=*/false});
  }
  if (answer.ok()) {
    for (const TaskPtr& task : unknown) DecideAgain(task, answer->revision);
  } else {
    // Asked again at the next check. Until then the claims stay: they may have been committed.
    unknown_.insert(unknown_.end(), unknown.begin(), unknown.end());
  }
  ResolveParked();
  if (!unconfirmed_.empty() || (answer.ok() && !unknown_.empty())) AskPosition();
}

void Writer::DecideAgain(TaskPtr task, storage::Revision newer_than) {
  if (task->scope == Scope::kUpkeep || task->attempts >= options_.max_attempts) {
    Leave(task);
    Finish(task,
           absl::AbortedError(absl::StrCat("the store changed ", task->attempts,
                                           " times while this was being decided; try again")));
    return;
  }
  parked_.push_back({newer_than, std::move(task), /*committed=*/false});
  ResolveParked();
}

void Writer::ResolveParked() {
  const auto reached = [this](const auto& waiting) { return waiting.revision <= book_.revision(); };
  if (std::none_of(parked_.begin(), parked_.end(), reached) && reached_waits_.empty()) return;
  const std::vector<Parked> ready = TakeIf(&parked_, reached);
  const std::vector<ReachedWait> waits = TakeIf(&reached_waits_, reached);
  for (const Parked& parked : ready) Resolve(parked);
  for (const ReachedWait& wait : waits) wait.done(absl::OkStatus());
}

void Writer::Resolve(const Parked& parked) {
  Leave(parked.task);
  if (parked.committed) {
    Finish(parked.task, Committed{parked.revision, true});
  } else {
    Run(parked.task);
  }
}

}  // namespace heddle::controller
