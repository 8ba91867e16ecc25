// Who leads, and what becomes of commands where somebody else or nobody does.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/take_if.h"
#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {

void Writer::OnElected(storage::Fence fence) {
  fence_ = std::move(fence);
  elected_at_ = wiring_.clock->Now();
  expiry_held_until_ = elected_at_ + options_.policy.ttl;
  spdlog::info("leading with term {}; leases are not expired before {}", fence_->term(),
               absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", expiry_held_until_, absl::UTCTimeZone()));
  TellLeadership();
}

void Writer::OnDeposed() {
  if (!fence_) return;
  spdlog::warn("no longer leading (term was {})", fence_->term());
  fence_.reset();
  DropUpkeep();
  TellLeadership();
}

void Writer::OnLeader(std::optional<storage::Member> leader) {
  leader_ = std::move(leader);
  if (another_leads()) spdlog::info("'{}' at {} leads", leader_->id, leader_->address);
  TellLeadership();
}

void Writer::TellLeadership() {
  if (wiring_.leadership != nullptr) wiring_.leadership->Set(leads(), leader_);
  ResumeHeld();
}

absl::Status Writer::StepDown() {
  if (!leads()) return absl::FailedPreconditionError("this controller does not lead");
  return candidacy_->StepDown();
}

// Its decisions are of a time that is over; the next leader makes its own.
void Writer::DropUpkeep() {
  const auto upkeep = [](const TaskPtr& task) { return task->scope == Scope::kUpkeep; };
  for (const TaskPtr& task : TakeIf(&queue_, upkeep)) {
    Finish(task, absl::AbortedError("no longer leading"));
  }
}

// Whether the book already is as the command asks.
bool Writer::IsDone(const Task& task) const {
  // An earlier attempt met an unknown end, and the book has come past it since; or it is not what
  // the book has that counts, but what the node presents.
  const bool settles = settling_ && task.acquire != nullptr && !task.here;
  if (task.uncertain || settles) {
    const absl::StatusOr<Decision> decision = task.decide(wiring_.clock->Now());
    if (decision.ok() && decision->transaction.writes.empty()) return true;
  }
  return task.acquire != nullptr && !task.here && !settles &&
         book_.FindGranted(task.node_id, task.acquire->advertisement, task.acquire->preferred,
                           wiring_.clock->Now()) != nullptr;
}

// A node that presents its subnets uses them already; told that they are its own, it does nothing
// that it would not do without a controller. Requires IsDone.
bool Writer::Presents(const Task& task) const {
  const Lease* lease = task.acquire != nullptr ? book_.Find(task.node_id) : nullptr;
  if (lease == nullptr) return false;
  const std::vector<Prefix>& presented = task.acquire->preferred;
  bool all = true;
  lease->subnets.ForEach([&](Family, const Prefix& subnet) {
    all &= std::find(presented.begin(), presented.end(), subnet) != presented.end();
  });
  return all;
}

// Requires that this one does not lead.
void Writer::Follow(TaskPtr task) {
  const bool done = task->scope != Scope::kUpkeep && IsDone(*task);
  const bool nobody_to_ask = !leader_ || task->confirmed == Task::Confirmed::kNoAnswer;
  if (task->scope == Scope::kUpkeep) {
    Finish(task, absl::AbortedError("no longer leading"));
  } else if (done &&
             (task->confirmed == Task::Confirmed::kYes || (nobody_to_ask && Presents(*task)))) {
    Finish(task, Committed{book_.revision(), task->uncertain});
  } else if (done && task->confirmed == Task::Confirmed::kNotAsked) {
    Confirm(std::move(task));
  } else if (another_leads() && task->acquire && !task->here && wiring_.forward_acquire) {
    Forward(std::move(task));
  } else if (another_leads() || (task->here && !leader_)) {
    Finish(task, NotNow(*task));
  } else {
    // Of one to be done here, who asks may have heard that this one leads sooner than itself.
    Hold(std::move(task));
  }
}

void Writer::Forward(TaskPtr task) {
  Fly(task);
  wiring_.forward_acquire(
      *leader_, *task->acquire,
      [this, post = wiring_.post, task](absl::StatusOr<storage::Revision> answer) {
        post([this, task, answer = std::move(answer)] { OnForwarded(task, answer); });
      });
}

void Writer::OnForwarded(TaskPtr task, absl::StatusOr<storage::Revision> answer) {
  if (answer.ok()) {
    parked_.push_back({*answer, std::move(task), /*committed=*/true});
    ResolveParked();
    return;
  }
  Leave(task);
  const bool again = absl::IsUnavailable(answer.status()) ||
                     absl::IsDeadlineExceeded(answer.status()) ||
                     absl::IsCancelled(answer.status());
  if (!again) {
    Finish(task, answer.status());
    return;
  }
  task->uncertain = true;
  Hold(std::move(task));
  resume_at_ = std::min(resume_at_, wiring_.clock->Now() + options_.try_again_after);
}

// Until who leads changes, or resume_at_.
void Writer::Hold(TaskPtr task) {
  if (task->scope == Scope::kNetwork) {
    network_in_flight_ = false;
    queue_.push_front(std::move(task));
  } else {
    held_.push_back(std::move(task));
  }
}

void Writer::ResumeHeld() {
  resume_at_ = absl::InfiniteFuture();
  for (TaskPtr& task : std::exchange(held_, {})) resumed_.push_back(std::move(task));
  StartWaiting();
}

void Writer::WhenReached(storage::Revision revision, absl::Time deadline,
                         std::function<void(const absl::Status&)> done) {
  reached_waits_.push_back({revision, deadline, std::move(done)});
  ResolveParked();
}

// Why a command was not carried out, and whether it may have been.
absl::Status Writer::NotNow(const Task& task) const {
  std::string why;
  if (another_leads()) {
    const bool asked = task.acquire != nullptr && !task.here;
    why = absl::StrCat("the controller '", leader_->id, "' at ", leader_->address, " leads",
                       asked ? ", and has not taken this on" : ", and this one cannot do it");
  } else if (leads()) {
    why = absl::StrCat("the store has not answered for ", absl::FormatDuration(options_.patience));
  } else {
    why = "no controller leads";
    if (const auto since = wiring_.store->Describe().unreachable_since) {
      absl::StrAppend(&why, ": the store has not been reached since ",
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *since, absl::UTCTimeZone()));
    }
  }
  return absl::UnavailableError(
      absl::StrCat(why, task.uncertain ? "; the change may or may not have been made. Try again"
                                       : "; nothing was changed. Try again in a moment"));
}

}  // namespace heddle::controller
