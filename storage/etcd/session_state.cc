#include "storage/etcd/session_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace heddle::storage {
namespace {

// Between tries of what failed.
constexpr absl::Duration kRetry = absl::Milliseconds(250);

// That an answer on the stream may take before another endpoint is asked: long enough for a busy
// machine, and short enough to ask another before two thirds of the lease's time are over.
absl::Duration SilenceOf(absl::Duration ttl) { return std::max(ttl / 6, absl::Milliseconds(400)); }

absl::Status Taken(const Member& self, const Member& holder, absl::string_view does) {
  return absl::AlreadyExistsError(
      absl::StrCat("another controller ", does, " with the id of this one, ", self.id, ", at ",
                   holder.address, " (this one is at ", self.address,
                   "); give each its own id. If it is gone, its entry goes within seconds"));
}

}  // namespace

SessionState::Plan SessionState::Next(Instant now) {
  if (lease_ != 0 && (is_lease_gone_ || !IsAnsweredFor(now))) return GiveUp();
  if (const auto plan = NextOfLease(now)) return *plan;
  if (const auto plan = NextOfKeys(now)) return *plan;
  Plan plan = Do(Step::kNone);
  plan.wake = Wake(now);
  return plan;
}

SessionState::Plan SessionState::GiveUp() {
  Plan plan = Do(Step::kGiveUpLease);
  plan.had_lead = Leads();
  ++turn_;
  is_asking_ = false;
  lease_ = 0;
  is_lease_gone_ = false;
  has_entry_ = false;
  is_stream_open_ = false;
  asked_.reset();
  retry_at_ = open_at_ = -absl::InfiniteDuration();
  return plan;
}

SessionState::Plan SessionState::Do(Step step) const {
  Plan plan;
  plan.step = step;
  plan.turn = turn_;
  return plan;
}

SessionState::Plan SessionState::Ask(Step step) {
  is_asking_ = true;
  return Do(step);
}

std::optional<SessionState::Plan> SessionState::NextOfLease(Instant now) {
  if (lease_ == 0) {
    if (is_asking_ || now < retry_at_) return std::nullopt;
    return Ask(Step::kGrantLease);
  }
  if (asked_ && now >= *asked_ + SilenceOf(ttl_)) {
    is_stream_open_ = false;
    asked_.reset();
    open_at_ = now;
    return Do(Step::kMoveOn);
  }
  if (!is_stream_open_ && now >= open_at_) {
    is_stream_open_ = true;
    return Do(Step::kOpenKeepAlive);
  }
  if (is_stream_open_ && !asked_ && now >= answered_ + ttl_ / 3) {
    asked_ = now;
    return Do(Step::kKeepAlive);
  }
  return std::nullopt;
}

std::optional<SessionState::Plan> SessionState::NextOfKeys(Instant now) {
  if (lease_ == 0 || is_asking_ || now < retry_at_) return std::nullopt;
  if (!has_entry_) return Ask(Step::kPutEntry);
  if (!is_leader_known_) return std::nullopt;
  if (!leader_) {
    if (now < withheld_until_) return std::nullopt;
    return Ask(Step::kCampaign);
  }
  if (leader_->lease != lease_ &&
      IsOfBefore(leader_->member, leader_->lease, leader_->create_revision)) {
    return Ask(Step::kRemoveFormerLead);
  }
  return std::nullopt;
}

Instant SessionState::Wake(Instant now) const {
  if (lease_ == 0) return is_asking_ ? absl::InfiniteDuration() : retry_at_;
  Instant wake = answered_ + ttl_ * 2 / 3;
  if (asked_) {
    wake = std::min(wake, *asked_ + SilenceOf(ttl_));
  } else {
    wake = std::min(wake, is_stream_open_ ? answered_ + ttl_ / 3 : open_at_);
  }
  if (!is_asking_ && now < retry_at_) wake = std::min(wake, retry_at_);
  if (!is_asking_ && now < withheld_until_) wake = std::min(wake, withheld_until_);
  return wake;
}

bool SessionState::IsOfBefore(const Member& member, std::int64_t lease,
                              std::int64_t revision) const {
  if (leases_.contains(lease)) return true;
  return member.id == self_.id && member.address == self_.address && began_at_revision_ &&
         revision <= *began_at_revision_;
}

void SessionState::OnGranted(Turn turn, std::int64_t lease, std::int64_t revision, Instant sent) {
  if (turn != turn_) return;
  is_asking_ = false;
  lease_ = lease;
  answered_ = sent;
  leases_.insert(lease);
  if (!began_at_revision_) began_at_revision_ = revision;
}

void SessionState::OnEntryPut(Turn turn) {
  if (turn != turn_) return;
  is_asking_ = false;
  has_entry_ = true;
}

absl::Status SessionState::OnEntryTaken(Turn turn, const Member& holder, std::int64_t lease,
                                        std::int64_t mod_revision, Instant now) {
  if (turn != turn_) return absl::OkStatus();
  is_asking_ = false;
  if (lease == lease_) {
    has_entry_ = true;
    return absl::OkStatus();
  }
  if (mod_revision == 0 || IsOfBefore(holder, lease, mod_revision)) {
    entry_modified_ = mod_revision;
    return absl::OkStatus();
  }
  entry_modified_ = 0;
  retry_at_ = now + ttl_ / 3;
  return Taken(self_, holder, "stands for leadership");
}

void SessionState::OnCampaigned(Turn turn, Instant now) {
  if (turn != turn_) return;
  is_asking_ = false;
  // The watch tells who won. Should it be late, asking again does no harm.
  retry_at_ = now + ttl_ / 3;
}

void SessionState::OnFormerLeadRemoved(Turn turn, Instant now) { OnCampaigned(turn, now); }

void SessionState::OnStepFailed(Turn turn, Instant now) {
  if (turn != turn_) return;
  is_asking_ = false;
  retry_at_ = now + kRetry;
}

void SessionState::OnLeaseUnknown(Turn turn) {
  if (turn == turn_) is_lease_gone_ = true;
}

void SessionState::OnKeptAlive(std::int64_t lease, std::int64_t ttl_seconds) {
  if (lease != lease_) return;
  if (ttl_seconds <= 0) {
    is_lease_gone_ = true;
  } else if (asked_) {
    answered_ = *asked_;
  }
  asked_.reset();
}

void SessionState::OnKeepAliveEnded(Instant now) {
  is_stream_open_ = false;
  asked_.reset();
  open_at_ = now + kRetry;
}

absl::Status SessionState::OnLeaderKey(std::optional<EtcdSession::LeaderKey> leader) {
  is_leader_known_ = true;
  leader_ = std::move(leader);
  retry_at_ = -absl::InfiniteDuration();
  if (!leader_ || leader_->lease == lease_) return absl::OkStatus();
  withheld_until_ = -absl::InfiniteDuration();
  if (leader_->member.id != self_.id || !began_at_revision_ ||
      IsOfBefore(leader_->member, leader_->lease, leader_->create_revision)) {
    return absl::OkStatus();
  }
  return Taken(self_, leader_->member, "leads");
}

std::optional<Fence> SessionState::fence(Instant now) const {
  if (!Leads() || is_lease_gone_ || !IsAnsweredFor(now)) return std::nullopt;
  return Fence(static_cast<std::uint64_t>(leader_->create_revision),
               absl::StrFormat("%016x", static_cast<std::uint64_t>(lease_)));
}

}  // namespace heddle::storage
