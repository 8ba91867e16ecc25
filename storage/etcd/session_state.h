// What a session knows, and what it is to do next. Pure: nothing is called and time, which is that
// of a monotonic clock, is an argument.
//
// The order of things: a lease; this member's entry under it; then, whenever the leader key is
// known to be absent, a try at putting it. A lease that is lost, or that nobody answered for during
// two thirds of its time, is given up, and all begins anew with another.
//
// What another process left behind. The directory of the copy is locked, so the process that ran
// with this id and address before is gone: an entry and a leader key of ours that are older than
// this session are removed at once instead of being waited for. What is newer is of somebody who
// has taken the same id, and is never touched: the two would depose each other for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/etcd/session.h"
#include "storage/store.h"

namespace heddle::storage {

// Of the monotonic clock, since any moment.
using Instant = absl::Duration;

class SessionState {
 public:
  enum class Step {
    kNone,              // nothing before `wake`
    kGiveUpLease,       // it is gone from this object; close its stream
    kGrantLease,        // for the whole of `ttl`
    kOpenKeepAlive,     // the stream of the lease; close the former
    kKeepAlive,         // say on the stream that we are here
    kMoveOn,            // the stream is silent
    kPutEntry,          // if it is as it was seen last
    kCampaign,          // put the leader key, if it is absent
    kRemoveFormerLead,  // the leader key, if it is still the one of `remove_created`
  };
  // Steps that are answered are of a turn; an answer of another turn comes too late to count.
  using Turn = std::uint64_t;
  struct Plan {
    Step step = Step::kNone;
    Turn turn = 0;
    Instant wake = absl::InfiniteDuration();
    bool had_lead = false;  // of kGiveUpLease
  };

  SessionState(Member self, absl::Duration ttl) : self_(std::move(self)), ttl_(ttl) {}

  // Steps that are answered are under way from here on. To be called until it says kNone.
  Plan Next(Instant now);

  // Answers. `sent` is when the question was.
  void OnGranted(Turn turn, std::int64_t lease, std::int64_t revision, Instant sent);
  void OnEntryPut(Turn turn);
  // The entry is not as it was seen last; `mod_revision` 0: absent. OK: it may be replaced, and is
  // tried again. AlreadyExists: somebody else has this id; tried again later.
  absl::Status OnEntryTaken(Turn turn, const Member& holder, std::int64_t lease,
                            std::int64_t mod_revision, Instant now);
  void OnCampaigned(Turn turn, Instant now);
  void OnFormerLeadRemoved(Turn turn, Instant now);
  void OnStepFailed(Turn turn, Instant now);
  // Etcd says that it does not have the lease that the step was taken with.
  void OnLeaseUnknown(Turn turn);

  // The stream of `lease`.
  void OnKeptAlive(std::int64_t lease, std::int64_t ttl_seconds);
  void OnKeepAliveEnded(Instant now);

  // From the watch. AlreadyExists: somebody else with this id leads.
  absl::Status OnLeaderKey(std::optional<EtcdSession::LeaderKey> leader);
  void OnWatchLost() { is_leader_known_ = false; }

  std::optional<Fence> fence(Instant now) const;
  // No campaign before another has led, or until then.
  void Withhold(Instant until) { withheld_until_ = until; }
  bool IsWithheld(Instant now) const { return now < withheld_until_; }

  std::int64_t lease() const { return lease_; }
  std::int64_t entry_modified() const { return entry_modified_; }  // as seen last; 0: absent
  std::int64_t remove_created() const { return leader_ ? leader_->create_revision : 0; }

 private:
  bool IsAnsweredFor(Instant now) const { return now < answered_ + ttl_ * 2 / 3; }
  bool IsOfBefore(const Member& member, std::int64_t lease, std::int64_t revision) const;
  bool Leads() const { return lease_ != 0 && leader_ && leader_->lease == lease_; }
  Plan GiveUp();
  Plan Do(Step step) const;
  Plan Ask(Step step);  // one that is answered
  std::optional<Plan> NextOfLease(Instant now);
  std::optional<Plan> NextOfKeys(Instant now);
  Instant Wake(Instant now) const;

  const Member self_;
  const absl::Duration ttl_;

  Turn turn_ = 1;
  bool is_asking_ = false;  // a step of this turn is not answered
  Instant retry_at_ = -absl::InfiniteDuration();

  std::int64_t lease_ = 0;                         // 0: none
  bool is_lease_gone_ = false;                     // etcd says so
  Instant answered_;                               // when what was answered last was sent
  absl::flat_hash_set<std::int64_t> leases_;       // every one of this session
  std::optional<std::int64_t> began_at_revision_;  // of etcd

  bool is_stream_open_ = false;
  Instant open_at_ = -absl::InfiniteDuration();
  std::optional<Instant> asked_;  // on the stream, and not answered

  bool has_entry_ = false;
  std::int64_t entry_modified_ = 0;

  bool is_leader_known_ = false;
  std::optional<EtcdSession::LeaderKey> leader_;
  Instant withheld_until_ = -absl::InfiniteDuration();
};

}  // namespace heddle::storage
