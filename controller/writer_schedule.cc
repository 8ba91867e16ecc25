// Which command runs when, and what becomes of each answer of the store.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

absl::Status Annotated(absl::string_view what, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(what, ": ", why.message()));
}

}  // namespace

void Writer::Enqueue(Scope scope, std::string node_id, Decide decide, Done done) {
  auto task = std::make_shared<Task>();
  task->scope = scope;
  task->node_id = std::move(node_id);
  task->decide = std::move(decide);
  task->done = std::move(done);
  task->give_up_at = wiring_.clock->Now() + options_.patience;
  queue_.push_back(std::move(task));
  StartWaiting();
}

// Starts what may start, in order. A change of the network flies alone, so that no subnet of the
// old range is committed after the range has changed.
void Writer::StartWaiting() {
  if (starting_) return;
  starting_ = true;
  while (!queue_.empty() && MayRun() && !network_in_flight_ &&
         in_flight_ < options_.max_in_flight) {
    const bool network = queue_.front()->scope == Scope::kNetwork;
    if (network && (in_flight_ > 0 || !busy_.empty())) break;
    TaskPtr task = std::move(queue_.front());
    queue_.pop_front();
    if (task->scope == Scope::kNode) {
      const auto [waiting, free] = busy_.try_emplace(task->node_id);
      if (!free) {
        waiting->second.push_back(std::move(task));
        continue;
      }
    }
    network_in_flight_ = network;
    Run(std::move(task));
  }
  starting_ = false;
}

void Writer::Run(TaskPtr task) {
  if (!MayRun()) {
    Finish(task, absl::UnavailableError("this controller cannot reach its store; try again"));
    return;
  }
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
  ++in_flight_;
  flying_.insert(task);
  book_.Claim(task->decision);
  storage::Transaction transaction = task->decision.transaction;
  transaction.fence = fence_;
  wiring_.store->Commit(std::move(transaction), [this, post = wiring_.post,
                                                 task](absl::StatusOr<storage::Outcome> answer) {
    post([this, task, answer = std::move(answer)] { OnAnswer(task, answer); });
  });
}

void Writer::OnAnswer(TaskPtr task, absl::StatusOr<storage::Outcome> answer) {
  if (flying_.count(task) == 0) return;  // it was given up
  if (!answer.ok()) {
    if (absl::IsUnknown(answer.status()) || absl::IsDeadlineExceeded(answer.status())) {
      OnUnknown(std::move(task), answer.status());
    } else {
      Leave(task);
      Finish(task, Annotated("the store did not take the change", answer.status()));
    }
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
      OnDeposed();
      Leave(task);
      Finish(task, absl::UnavailableError(
                       "another controller has taken over the lead; ask that one, or try again"));
      return;
  }
}

// Perhaps committed. A linearizable read says up to where the feed must come before the book shows
// whether it was.
void Writer::OnUnknown(TaskPtr task, const absl::Status& why) {
  task->uncertain = true;
  const auto page = wiring_.store->List(task->decision.transaction.writes.front().key, "", 1,
                                        storage::Store::Consistency::kLinearizable);
  if (page.ok()) {
    DecideAgain(std::move(task), page->position.revision);
    return;
  }
  Leave(task);
  Finish(task, absl::UnavailableError(absl::StrCat(
                   "the store did not say whether the change was made (", why.message(),
                   ") and cannot be read (", page.status().message(), "); try again")));
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
  std::vector<Parked> ready;
  for (std::size_t i = 0; i < parked_.size();) {
    if (parked_[i].revision > book_.revision()) {
      ++i;
      continue;
    }
    ready.push_back(std::move(parked_[i]));
    parked_.erase(parked_.begin() + i);
  }
  for (const Parked& parked : ready) Resolve(parked);
}

void Writer::Resolve(const Parked& parked) {
  Leave(parked.task);
  if (parked.committed) {
    Finish(parked.task, Committed{parked.revision, true});
  } else {
    Run(parked.task);
  }
}

void Writer::Leave(const TaskPtr& task) {
  if (flying_.erase(task) == 0) return;
  book_.Unclaim(task->decision);
  --in_flight_;
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

// Commands that a silent store keeps waiting. One in flight keeps its claim until the store
// answers, because it may still be committed; its caller is told now.
void Writer::GiveUpOnOverdue(absl::Time now) {
  const auto overdue = [&](const TaskPtr& task) { return now >= task->give_up_at; };
  const auto give_up = [&](const TaskPtr& task) {
    Answer(task, absl::UnavailableError(absl::StrCat(
                     "the store has not answered for ", absl::FormatDuration(options_.patience),
                     "; the change may or may not have been made. Try again")));
  };
  std::vector<TaskPtr> dropped;
  std::vector<std::deque<TaskPtr>*> lines{&queue_};
  for (auto& [node, waiting] : busy_) lines.push_back(&waiting);
  for (std::deque<TaskPtr>* line : lines) {
    const auto keep_end = std::stable_partition(
        line->begin(), line->end(),
        [&](const TaskPtr& task) { return !overdue(task) || task->scope == Scope::kUpkeep; });
    dropped.insert(dropped.end(), keep_end, line->end());
    line->erase(keep_end, line->end());
  }
  for (const TaskPtr& task : flying_) {
    if (overdue(task)) dropped.push_back(task);
  }
  for (const TaskPtr& task : dropped) give_up(task);
}

void Writer::StartUpkeep(absl::Time now) {
  if (upkeep_left_ > 0 || !MayRun()) return;
  const auto alive = wiring_.alive ? wiring_.alive() : absl::flat_hash_set<std::string>();
  std::vector<Decision> decisions =
      book_.DecideUpkeep(alive, /*expire=*/now >= expiry_held_until_, now);
  upkeep_left_ = decisions.size();
  StartEndDraining();
  for (Decision& decision : decisions) {
    Enqueue(
        Scope::kUpkeep, "", [decision = std::move(decision)](absl::Time) { return decision; },
        [](const absl::StatusOr<Committed>& result) {
          // A lease that changed meanwhile is looked at again next time.
          if (!result.ok() && !absl::IsAborted(result.status())) {
            spdlog::warn("upkeep of leases failed, will be tried again: {}",
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
  GiveUpOnOverdue(now);
  if (now >= next_upkeep_) {
    next_upkeep_ = now + options_.upkeep_every;
    StartUpkeep(now);
  }
  if (book_.changes_backend() && now >= next_rollout_) DriveRollout(now);
  StartWaiting();
}

absl::Time Writer::tick_at() const {
  const bool waiting = feed_ == nullptr || !queue_.empty() || in_flight_ > 0;
  const absl::Time next = waiting ? std::min(next_upkeep_, next_check_) : next_upkeep_;
  return book_.changes_backend() && leads() ? std::min(next, next_rollout_) : next;
}

}  // namespace heddle::controller
