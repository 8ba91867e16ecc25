#include "controller/leader_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/grpc_bytes.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// For a leader to be there and to answer; and for this controller to read what that one had.
constexpr absl::Duration kPatience = absl::Seconds(10);
// While a connection to the leader is being made.
constexpr absl::Duration kConnecting = absl::Milliseconds(10);
// After somebody answered that it does not lead: the news is on its way, to it or to this one.
constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(50);

// Early enough for the caller to read our words before it gives up itself.
absl::Time DeadlineOf(const grpc::CallbackServerContext& context, absl::Duration lasts,
                      absl::Time now) {
  const absl::Time callers = absl::FromChrono(context.deadline());
  const absl::Duration margin = std::min(absl::Milliseconds(500), (callers - now) / 10);
  return std::min(now + kPatience + lasts, callers - margin);
}

absl::Status NotAsked(const storage::Member& leader, absl::string_view obstacle) {
  return absl::UnavailableError(
      absl::StrCat("the leading controller '", leader.id, "' at ", leader.address, " ", obstacle,
                   "; nothing was changed. Ask that one, or see `heddlectl controller list`"));
}

// Its connection ended, or its time: it may have been done before that, or may be yet.
absl::Status PerhapsDone(const storage::Member& leader, const absl::Status& why) {
  return absl::UnknownError(absl::StrCat(
      "the leading controller '", leader.id, "' at ", leader.address,
      " was asked and has not answered (", why.message(),
      "): the change may have been made, or not. See what is so with `heddlectl lease list`, "
      "`heddlectl network show` or `heddlectl controller list` before you ask again"));
}

// Who sent this answer; "" when nobody did, and it is gRPC's own.
std::string AnsweredBy(const grpc::ClientContext& client) {
  const auto& metadata = client.GetServerTrailingMetadata();
  const auto found = metadata.find(kAnsweredKey);
  return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
}

}  // namespace

bool IsForwarded(const grpc::CallbackServerContext& context) {
  return context.client_metadata().count(kForwardedKey) > 0;
}

void MarkRefused(grpc::CallbackServerContext* context) {
  if (IsForwarded(*context)) context->AddTrailingMetadata(kAnsweredKey, kAnsweredByLeader);
}

LeaderCall::LeaderCall(const Wiring* wiring, Job job)
    : wiring_(*wiring),
      job_(std::move(job)),
      forwarded_(IsForwarded(*job_.context)),
      deadline_(DeadlineOf(*job_.context, job_.lasts, wiring_.clock->Now())),
      leader_until_(std::min(deadline_, wiring_.clock->Now() + kPatience)) {}

bool LeaderCall::Enter(Phase phase) {
  MutexLock lock(&mutex_);
  if (phase_ == Phase::kAnswered) return false;
  phase_ = phase;
  return true;
}

void LeaderCall::Go() {
  if (!Enter(Phase::kWaiting)) return;
  if (job_.context->IsCancelled()) return Answer(absl::CancelledError("the caller has gone"));
  const Leadership::State state = wiring_.leadership->state();
  if (state.role == Leadership::Role::kLeader) return DoHere();
  if (forwarded_) {
    return Answer(absl::FailedPreconditionError(
        absl::StrCat("the controller '", wiring_.leadership->self_id(), "' is not leading")));
  }
  const absl::Time now = wiring_.clock->Now();
  if (state.role == Leadership::Role::kFollower) {
    OnFollower(state, now);
  } else {
    OnNobodyLeads(state, now);
  }
}

void LeaderCall::DoHere() {
  if (job_.hands_over) return HandOver();
  if (!Enter(Phase::kHere)) return;
  job_.here([self = shared_from_this()](const absl::Status& status) { self->OnDoneHere(status); });
}

void LeaderCall::HandOver() {
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kAnswered) return;
    phase_ = Phase::kAnswered;
  }
  if (forwarded_) job_.context->AddTrailingMetadata(kAnsweredKey, kAnsweredByLeader);
  const auto here = job_.here;
  wiring_.done(this);
  here(nullptr);
}

// A read that was here when another began to lead is that one's now.
void LeaderCall::OnDoneHere(const absl::Status& status) {
  const Leadership::State state = wiring_.leadership->state();
  const absl::Time now = wiring_.clock->Now();
  if (absl::IsUnavailable(status) && reads() && !forwarded_ && now < deadline_ &&
      state.role != Leadership::Role::kLeader) {
    leader_until_ = std::min(deadline_, now + kPatience);
    Wait(state, std::min(deadline_, now + kAskAgainAfter));
  } else {
    Answer(status);
  }
}

void LeaderCall::OnNobodyLeads(const Leadership::State& state, absl::Time now) {
  const absl::Time until = std::min(leader_until_, wiring_.leader_awaited_until());
  if (now < until) return Wait(state, until);
  if (job_.kind == Kind::kViews) return DoHere();
  Answer(absl::UnavailableError(wiring_.why_nobody_leads()));
}

void LeaderCall::OnFollower(const Leadership::State& state, absl::Time now) {
  const std::shared_ptr<grpc::Channel> channel = wiring_.channels->To(state.leader->address);
  // Asked only over a connection that stands: what fails before that was surely not done.
  if (now < leader_until_ && channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) {
    return Ask(state, channel);
  }
  if (now < leader_until_) return Wait(state, std::min(leader_until_, now + kConnecting));
  Answer(NotAsked(*state.leader, obstacle_.empty() ? "cannot be reached from here" : obstacle_));
}

void LeaderCall::Wait(const Leadership::State& seen, absl::Time until) {
  if (Enter(Phase::kWaiting)) wiring_.wait(shared_from_this(), seen, until);
}

void LeaderCall::Ask(const Leadership::State& state,
                     const std::shared_ptr<grpc::Channel>& channel) {
  std::shared_ptr<grpc::ClientContext> client =
      grpc::ClientContext::FromCallbackServerContext(*job_.context);
  client->AddMetadata(kForwardedKey, "1");
  NameCaller(job_.caller, client.get());
  client->set_deadline(absl::ToChronoTime(deadline_));
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kAnswered) return;
    phase_ = Phase::kAsking;
    client_ = client;
    asked_ = state;
    has_moved_ = false;
  }
  job_.ask(channel, client.get(),
           [self = shared_from_this()](const grpc::Status& status) { self->OnAnswer(status); });
}

void LeaderCall::OnAnswer(const grpc::Status& status) {
  std::string by;
  std::optional<absl::Status> closing;
  Leadership::State asked;
  bool has_moved = false;
  {
    // The context has a share of the channel. This thread, gRPC's own, must let go of it before the
    // call is answered: after that it could be the last, and gRPC would wait for this thread's end.
    MutexLock lock(&mutex_);
    by = AnsweredBy(*std::exchange(client_, nullptr));
    closing = closing_;
    asked = asked_;
    has_moved = has_moved_;
  }
  if (status.ok()) return ReadUpTo(job_.answered_revision());
  const absl::Status why = FromGrpc(status);
  // A leader that is none any more, or is ending, has nothing to say of a read.
  if (by == kAnsweredByLeader && !(reads() && absl::IsUnavailable(why))) {
    Answer(why);
  } else if (closing) {
    Answer(*closing);
  } else {
    OnNoAnswer(asked, /*not_done=*/by == kAnsweredByOther, has_moved, why);
  }
}

void LeaderCall::OnNoAnswer(const Leadership::State& asked, bool not_done, bool has_moved,
                            const absl::Status& why) {
  if (!not_done && !reads()) return Answer(PerhapsDone(*asked.leader, why));
  obstacle_ = not_done ? "says that it does not lead"
                       : absl::StrCat("has not answered (", why.message(), ")");
  const bool again = job_.may_repeat() &&
                     (not_done ? job_.kind != Kind::kOnce : has_moved || absl::IsUnavailable(why));
  const absl::Time now = wiring_.clock->Now();
  // A loss after a long wait does not count against the next leader.
  if (!not_done) leader_until_ = std::min(deadline_, now + kPatience);
  if (again && now < leader_until_) {
    Wait(asked, std::min(leader_until_, now + kAskAgainAfter));
  } else {
    Answer(NotAsked(*asked.leader, obstacle_));
  }
}

void LeaderCall::ReadUpTo(storage::Revision revision) {
  if (!Enter(Phase::kReading)) return;
  const auto read = [self = shared_from_this(), revision](const absl::Status& status) {
    // What was asked is done all the same.
    if (!status.ok()) {
      spdlog::warn("answering before revision {} is read: {}", revision,
                   std::string(status.message()));
    }
    self->Answer(absl::OkStatus());
  };
  const absl::Status posted =
      wiring_.writer->Post([revision, until = wiring_.clock->Now() + kPatience,
                            read](Writer& writer) { writer.WhenReached(revision, until, read); });
  if (!posted.ok()) read(posted);
}

void LeaderCall::OnLeadership(const Leadership::State& state) {
  std::shared_ptr<grpc::ClientContext> client;
  {
    MutexLock lock(&mutex_);
    if (phase_ != Phase::kAsking || !reads() || state == asked_) return;
    has_moved_ = true;
    client = client_;
  }
  if (client != nullptr) client->TryCancel();
}

void LeaderCall::Close(const absl::Status& why) {
  std::shared_ptr<grpc::ClientContext> client;
  absl::Status answer = why;
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kHere || phase_ == Phase::kAnswered) return;
    closing_ = why;
    if (phase_ == Phase::kAsking) client = client_;
    if (phase_ == Phase::kReading) answer = absl::OkStatus();
    if (phase_ == Phase::kAsking && client == nullptr) return;  // it is being answered
  }
  if (client != nullptr) {
    client->TryCancel();
  } else {
    Answer(answer);
  }
}

void LeaderCall::Answer(const absl::Status& status) {
  bool from_leader = false;
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kAnswered) return;
    from_leader = phase_ == Phase::kReading;
    if (forwarded_) {
      job_.context->AddTrailingMetadata(
          kAnsweredKey, phase_ == Phase::kHere ? kAnsweredByLeader : kAnsweredByOther);
    }
    phase_ = Phase::kAnswered;
  }
  if (from_leader) job_.take_answer();
  // Nothing of the call, nor of what it is part of, is there for certain after the end.
  const auto finish = job_.finish;
  wiring_.done(this);
  finish(status);
}

}  // namespace heddle::controller
