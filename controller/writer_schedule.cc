// Which command runs when, and what waits for what.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/take_if.h"
#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {

void Writer::Enqueue(Scope scope, std::string node_id, Decide decide, Done done) {
  auto task = std::make_shared<Task>();
  task->scope = scope;
  task->node_id = std::move(node_id);
  task->decide = std::move(decide);
  task->done = std::move(done);
  Enqueue(std::move(task));
}

void Writer::EnqueueAcquire(AcquireRequest request, bool here,
                            std::function<void(absl::StatusOr<LeaseGrant>)> done) {
  auto shared = std::make_shared<const AcquireRequest>(std::move(request));
  auto task = std::make_shared<Task>();
  task->node_id = shared->node_id;
  task->decide = [this, shared](absl::Time now) { return DecideAcquire(*shared, now); };
  task->done = [this, shared, done = std::move(done)](const absl::StatusOr<Committed>& result) {
    done(Acquired(*shared, result));
  };
  task->acquire = shared;
  task->here = here;
  Enqueue(std::move(task));
}

void Writer::Enqueue(TaskPtr task) {
  task->give_up_at = wiring_.clock->Now() + options_.patience;
  queue_.push_back(std::move(task));
  StartWaiting();
}

// Starts what may start, in order.
void Writer::StartWaiting() {
  if (starting_) return;
  starting_ = true;
  while (!network_in_flight_ && in_flight_ < options_.max_in_flight) {
    TaskPtr task = TakeNext();
    if (task == nullptr) break;
    Run(std::move(task));
  }
  starting_ = false;
}

// A change of the network flies alone, so that no subnet of the old range is committed after the
// range has changed. While nobody leads, only what concerns one node has its turn.
Writer::TaskPtr Writer::TakeNext() {
  if (!resumed_.empty()) {
    TaskPtr task = std::move(resumed_.front());
    resumed_.pop_front();
    return task;
  }
  const bool decided = another_leads() || MayRun() || !failure_.ok();
  for (auto next = queue_.begin(); next != queue_.end();) {
    const Scope scope = (*next)->scope;
    if (scope != Scope::kNode && !decided) {
      ++next;
      continue;
    }
    if (scope == Scope::kNetwork && MayRun() && (in_flight_ > 0 || !busy_.empty())) return nullptr;
    TaskPtr task = std::move(*next);
    next = queue_.erase(next);
    if (scope == Scope::kNode) {
      const auto [waiting, free] = busy_.try_emplace(task->node_id);
      if (!free) {
        waiting->second.push_back(std::move(task));
        continue;
      }
    }
    network_in_flight_ = scope == Scope::kNetwork;
    return task;
  }
  return nullptr;
}

void Writer::Run(TaskPtr task) {
  if (task->done == nullptr) {
    Finish(task, absl::CancelledError("its caller was told that it waited too long"));
  } else if (!failure_.ok()) {
    Finish(task, absl::UnavailableError(absl::StrCat("this controller starts anew (",
                                                     failure_.message(), "); try again")));
  } else if (is_torn() && !task->marks_restore) {
    Finish(task, Torn());
  } else if (MayRun()) {
    Commit(std::move(task));
  } else if (leads()) {
    // Until the feed is followed again, or it is told that it does not lead any more.
    Hold(std::move(task));
    resume_at_ = std::min(resume_at_, wiring_.clock->Now() + options_.try_again_after);
  } else {
    Follow(std::move(task));
  }
}

// Ends a task: answers, and lets what waited for it go on.
void Writer::Finish(const TaskPtr& task, absl::StatusOr<Committed> result) {
  Answer(task, std::move(result));
  if (task->scope == Scope::kNode) RunNext(task->node_id);
  if (task->scope == Scope::kNetwork) network_in_flight_ = false;
  if (task->scope == Scope::kUpkeep) --upkeep_left_;
  RunBlocked();
  StartWaiting();
}

void Writer::RunNext(const std::string& node_id) {
  const auto waiting = busy_.find(node_id);
  if (waiting == busy_.end()) return;
  if (waiting->second.empty()) {
    busy_.erase(waiting);
    return;
  }
  TaskPtr next = std::move(waiting->second.front());
  waiting->second.pop_front();
  Run(std::move(next));
}

void Writer::RunBlocked() {
  for (TaskPtr& task : std::exchange(blocked_, {})) Run(std::move(task));
}

void Writer::Answer(const TaskPtr& task, absl::StatusOr<Committed> result) {
  if (task->done == nullptr) return;
  // Moved out first: `done` may hold what keeps the task's node busy with a new command.
  const Done done = std::exchange(task->done, nullptr);
  done(std::move(result));
}

// What is in flight keeps its claim until the store answers, because it may still be committed; its
// caller is told now.
void Writer::GiveUpOnOverdue(absl::Time now) {
  const auto overdue = [now](const TaskPtr& task) {
    return now >= task->give_up_at && task->scope != Scope::kUpkeep;
  };
  std::vector<TaskPtr> waited = TakeIf(&queue_, overdue);
  for (auto& [node, waiting] : busy_) {
    for (TaskPtr& task : TakeIf(&waiting, overdue)) waited.push_back(std::move(task));
  }
  for (const TaskPtr& task : waited) Answer(task, NotNow(*task));
  std::vector<TaskPtr> flying;
  std::copy_if(flying_.begin(), flying_.end(), std::back_inserter(flying), overdue);
  for (const TaskPtr& task : flying) {
    Answer(task, absl::UnavailableError(absl::StrCat(
                     "the store has not answered for ", absl::FormatDuration(options_.patience),
                     "; the change may or may not have been made. Try again")));
  }
  // These have their node's place, and give it up.
  for (const TaskPtr& task : TakeIf(&held_, overdue)) Finish(task, NotNow(*task));
  for (const TaskPtr& task : TakeIf(&resumed_, overdue)) Finish(task, NotNow(*task));
  const auto over = [now](const ReachedWait& wait) { return now >= wait.deadline; };
  for (const ReachedWait& wait : TakeIf(&reached_waits_, over)) {
    wait.done(absl::DeadlineExceededError(
        absl::StrCat("this controller has not heard of revision ", wait.revision,
                     " in time; it is at revision ", book_.revision())));
  }
}

void Writer::StartUpkeep(absl::Time now) {
  if (upkeep_left_ > 0 || !MayRun() || is_torn() || settling_) return;
  const auto alive = wiring_.alive ? wiring_.alive() : absl::flat_hash_set<std::string>();
  std::vector<Decision> decisions =
      book_.DecideUpkeep(alive, /*expire=*/now >= expiry_held_until_, now);
  Decision forget;
  forget.transaction = certificates_.DecideForget(now);
  if (!forget.transaction.writes.empty()) decisions.push_back(std::move(forget));
  upkeep_left_ = decisions.size();
  StartEndDraining();
  for (Decision& decision : decisions) {
    Enqueue(
        Scope::kUpkeep, "", [decision = std::move(decision)](absl::Time) { return decision; },
        [](const absl::StatusOr<Committed>& result) {
          // What changed meanwhile is looked at again next time.
          if (!result.ok() && !absl::IsAborted(result.status())) {
            spdlog::warn("upkeep of leases and certificates failed, will be tried again: {}",
                         std::string(result.status().message()));
          }
        });
  }
}

// A change of the network, so it waits until it flies alone; decided anew then.
void Writer::StartEndDraining() {
  if (ending_draining_ || book_.DecideEndDraining().transaction.writes.empty()) return;
  ending_draining_ = true;
  Enqueue(
      Scope::kNetwork, "",
      [this](absl::Time) { return absl::StatusOr<Decision>(book_.DecideEndDraining()); },
      [this](const absl::StatusOr<Committed>& result) {
        ending_draining_ = false;
        if (!result.ok()) {
          spdlog::warn(
              "a range that nothing is held of any more could not be forgotten, will be "
              "tried again: {}",
              std::string(result.status().message()));
        } else if (result->changed) {
          spdlog::info("the network has left its former range: nothing of it is held any more");
        }
      });
}

void Writer::Tick() {
  const absl::Time now = wiring_.clock->Now();
  next_check_ = now + absl::Seconds(1);
  if (feed_ == nullptr && failure_.ok()) {
    if (const absl::Status status = Resynchronise(); !status.ok()) {
      spdlog::error("cannot follow the store, will try again: {}", std::string(status.message()));
    }
  }
  if (!unknown_.empty()) AskPosition();
  if (now >= resume_at_) ResumeHeld();
  GiveUpOnOverdue(now);
  if (now >= next_upkeep_) {
    next_upkeep_ = now + options_.upkeep_every;
    StartUpkeep(now);
  }
  if (now >= next_settling_look_ && !is_torn()) LookAtSettling(now);
  if (book_.changes_backend() && now >= next_rollout_ && !is_torn()) DriveRollout(now);
  StartWaiting();
}

absl::Time Writer::tick_at() const {
  const bool waiting = feed_ == nullptr || !idle() || !reached_waits_.empty();
  absl::Time next = std::min(next_upkeep_, resume_at_);
  if (waiting) next = std::min(next, next_check_);
  if (is_torn()) return next;
  next = std::min(next, next_settling_look_);
  return book_.changes_backend() && leads() ? std::min(next, next_rollout_) : next;
}

}  // namespace heddle::controller
