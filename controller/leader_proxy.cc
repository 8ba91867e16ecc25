#include "controller/leader_proxy.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::controller {
namespace {

// An election takes this long at most unless something is wrong.
constexpr absl::Duration kElection = absl::Seconds(10);

std::string StoreText(const storage::Health& health, absl::Time now) {
  if (health.unreachable_since) {
    return absl::StrCat(
        "the store (", health.engine, ") has not been reached for ",
        absl::FormatDuration(absl::Floor(now - *health.unreachable_since, absl::Seconds(1))),
        ", since ",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *health.unreachable_since, absl::UTCTimeZone()),
        health.detail.empty() ? "" : absl::StrCat(" (", health.detail, ")"),
        ". Check that its members run and can be reached from this host");
  }
  std::vector<std::string> members;
  for (const storage::Member& member : health.members) members.push_back(member.id);
  return absl::StrCat("the store (", health.engine, ") is reached, but none of its candidates (",
                      members.empty() ? "none" : absl::StrJoin(members, ", "),
                      ") has been elected. Check `heddlectl controller list` and the "
                      "controllers' logs");
}

}  // namespace

LeaderProxy::LeaderProxy(const Wiring& wiring)
    : wiring_(wiring),
      call_wiring_{wiring.leadership,
                   wiring.writer,
                   wiring.channels,
                   wiring.clock,
                   [this](const Call& call, const Leadership::State& seen, absl::Time until) {
                     WhenLeadership(
                         until, [seen](const Leadership::State& state) { return !(state == seen); },
                         [call](const Leadership::State&) { call->Go(); });
                   },
                   [this](LeaderCall* call) {
                     MutexLock lock(&mutex_);
                     live_.erase(call);
                   },
                   [this] { return LeaderAwaitedUntil(); },
                   [this] { return WhyNobodyLeads(); }},
      leaderless_since_(wiring.clock->Now()) {
  wiring_.leadership->OnChange([this](const Leadership::State& state) { OnLeadership(state); });
  wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
}

LeaderProxy::Call LeaderProxy::Begin(LeaderCall::Job job) {
  auto call = std::make_shared<LeaderCall>(&call_wiring_, std::move(job));
  {
    MutexLock lock(&mutex_);
    live_.emplace(call.get(), call);
  }
  call->Go();
  return call;
}

void LeaderProxy::WhenLeadership(absl::Time deadline,
                                 std::function<bool(const Leadership::State&)> is_enough,
                                 std::function<void(const Leadership::State&)> act) {
  {
    MutexLock lock(&mutex_);
    waiting_.push_back({deadline, std::move(is_enough), std::move(act)});
  }
  wiring_.pump->Wake();
}

absl::Time LeaderProxy::OnTime(absl::Time now) {
  const Leadership::State state = wiring_.leadership->state();
  std::vector<Waiting> ready;
  {
    MutexLock lock(&mutex_);
    const auto waits = std::stable_partition(
        waiting_.begin(), waiting_.end(),
        [&](const Waiting& waiting) { return waiting.until > now && !waiting.is_enough(state); });
    ready.assign(std::make_move_iterator(waits), std::make_move_iterator(waiting_.end()));
    waiting_.erase(waits, waiting_.end());
  }
  for (const Waiting& waiting : ready) waiting.act(state);
  absl::Time next = absl::InfiniteFuture();
  MutexLock lock(&mutex_);
  for (const Waiting& waiting : waiting_) next = std::min(next, waiting.until);
  return next;
}

void LeaderProxy::OnLeadership(const Leadership::State& state) {
  if (state.role == Leadership::Role::kUnknown) {
    MutexLock lock(&mutex_);
    leaderless_since_ = wiring_.clock->Now();
  }
  for (const Call& call : Live()) call->OnLeadership(state);
  wiring_.pump->Wake();
}

absl::Time LeaderProxy::LeaderAwaitedUntil() {
  MutexLock lock(&mutex_);
  return leaderless_since_ + kElection;
}

std::string LeaderProxy::WhyNobodyLeads() {
  return absl::StrCat("no controller leads, so nothing can be changed or asked of all nodes: ",
                      StoreText(wiring_.store->Describe(), wiring_.clock->Now()));
}

std::vector<LeaderProxy::Call> LeaderProxy::Live() {
  MutexLock lock(&mutex_);
  std::vector<Call> live;
  for (const auto& [raw, call] : live_) live.push_back(call);
  return live;
}

void LeaderProxy::CloseAll(const absl::Status& why) {
  for (const Call& call : Live()) call->Close(why);
}

}  // namespace heddle::controller
