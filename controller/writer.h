// The one place where the controller's state changes: decide, commit, apply, publish, answer.
//
// A command becomes a transaction of the LeaseBook's making. Many are in flight at once; commands
// for one node, and changes of the network, wait their turn. A command is answered after what it
// committed has come back through the store's feed, was applied to the book and published to the
// hub. A decision that met a newer state of the store is made again on the newer book. After an
// Unknown commit the store is read, and the command made again on what that showed: every command
// is idempotent.
//
// Every replica has one. Its book follows the store's feed whoever leads; only the leader commits.
// A request for a lease that the book has already is granted from it on any replica, once the store
// has confirmed the book; when it cannot be asked, only if the node presents the subnets. Another
// is forwarded to the leader and granted once the book shows it. While nobody leads, commands wait.
// See writer_follow.cc.
//
// Expiry is held for one ttl after every election, because renewals of the time before may have
// been known only to the process that is gone.
//
// Not thread-safe, and starts no thread: everything runs on the caller's, and what the store says
// on its own threads is handed to `post`, which must run it later on the same thread as all else,
// in order. WriterThread does that; a simulation does it by itself.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "controller/certificate_book.h"
#include "controller/commands.h"
#include "controller/leadership.h"
#include "controller/lease_book.h"
#include "controller/node_registry.h"
#include "controller/restore_marks.h"
#include "controller/rollout.h"
#include "controller/settling.h"
#include "controller/watch_hub.h"
#include "storage/store.h"

namespace heddle::controller {

class StoreFeed;

class Writer {
 public:
  struct Options {
    storage::Member self{"controller", "", ""};  // as the other candidates for leadership see it
    LeasePolicy policy;
    absl::Duration upkeep_every = absl::Seconds(5);
    // For a command, until the store or a leader has answered.
    absl::Duration patience = absl::Seconds(10);
    absl::Duration try_again_after = absl::Milliseconds(200);  // when a leader did not take it
    std::size_t max_in_flight = 256;
    int max_attempts = 8;
    // How long a change of the backend waits for a node that is away: see Judge.
    absl::Duration rollout_grace = absl::Seconds(15);
    // How long a restored store settles at most (controller/settling.h); 0: not at all.
    absl::Duration restore_settle = absl::Minutes(2);
  };
  using ForwardAcquire =
      std::function<void(const storage::Member& leader, const AcquireRequest& request,
                         std::function<void(absl::StatusOr<storage::Revision>)> done)>;
  struct Wiring {
    storage::Store* store = nullptr;
    const Clock* clock = nullptr;
    WatchHub* hub = nullptr;
    std::function<void(std::function<void()>)> post;  // thread-safe; drops when all is ending
    std::function<absl::flat_hash_set<std::string>()> alive;  // nodes to renew; null: none
    std::function<void(const BookChanges&)> published;        // after each publication; may be null
    // Who is attached and has applied what, for changes of the backend; null: nobody is attached.
    const NodeRegistry* registry = nullptr;
    Leadership* leadership = nullptr;  // told who leads; may be null
    // Asks `leader` for a lease. `done` is called once, from any thread, with a revision at which
    // the store has it. Unavailable or DeadlineExceeded: that one does not lead any more, cannot be
    // reached or cannot commit now, and it is tried again. Any other error is the node's to see.
    // Null: nothing is forwarded.
    ForwardAcquire forward_acquire;
    // Called with the serials of certificates that are revoked, as soon as the book has them: at
    // the start, on the caller's thread, with all there are, and later with more. May be null.
    std::function<void(const std::vector<std::string>& serials)> revoked;
  };

  Writer(Options options, Wiring wiring);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Reads the store's local copy, loads the hub, follows the feed and campaigns; needs neither a
  // leader nor a store that is reached. An error means that the controller cannot start.
  absl::Status Start();

  // ---- Commands. `done` is called once, on this thread, perhaps before the call returns.
  // Unavailable: not now; the message says whether it may have been made. ----
  // A node that is announced keeps the lease it has when the addresses that it claims now are
  // another's (LeaseGrant::refused).
  void Acquire(AcquireRequest request, std::function<void(absl::StatusOr<LeaseGrant>)> done);
  // The same, of a replica that holds this one for the leader: never forwarded once more.
  void AcquireHere(AcquireRequest request, std::function<void(absl::StatusOr<LeaseGrant>)> done);
  // The others are the leader's alone: when another controller leads they are refused at once.
  void Reserve(std::string node_id, std::vector<Prefix> subnets,
               std::function<void(absl::StatusOr<LeaseGrant>)> done);
  void Release(std::string node_id, std::function<void(absl::StatusOr<Committed>)> done);
  // Moves the node's lease out of a range being left, or with `finish` lets go of what it left.
  void Renumber(std::string node_id, bool finish,
                std::function<void(absl::StatusOr<LeaseGrant>)> done);
  // `net_conf_digest`, `drain`: see LeaseBook::DecideSetNetwork.
  void SetNetwork(Network network, std::string source_json,
                  std::function<void(absl::StatusOr<Committed>)> done,
                  std::optional<std::uint64_t> net_conf_digest = std::nullopt, bool drain = false);

  // LeaseBook::DecideAllowAddress.
  void AllowAddress(std::string node_id, Ip address,
                    std::function<void(absl::StatusOr<Committed>)> done);
  void ChangeCertificates(CertificateChange change,
                          std::function<void(absl::StatusOr<Committed>)> done);

  // The first step of a restore: notes in the store that its records are being replaced by those of
  // the backup made at `backup`. From then on, on every replica, nothing else is changed or told to
  // nodes until a new history has begun (FailedPrecondition says so). Nothing is in flight when
  // `done` is called.
  struct RestoreBegun {
    storage::Fence fence;
    std::string history;         // whose records are to be replaced
    storage::Revision modified;  // of the note, for guards
  };
  void MarkRestore(storage::Position backup,
                   std::function<void(absl::StatusOr<RestoreBegun>)> done);

  // Calls `done` once the book has reached `revision`, as for the answer of another controller.
  // DeadlineExceeded: it has not by `deadline`; says how far it is.
  void WhenReached(storage::Revision revision, absl::Time deadline,
                   std::function<void(const absl::Status&)> done);
  // Candidacy::StepDown. May block for a call of the store.
  absl::Status StepDown();

  // Upkeep, and what has waited too long. To be called at tick_at() or later.
  void Tick();
  absl::Time tick_at() const;

  const LeaseBook& book() const { return book_; }
  const CertificateBook& certificates() const { return certificates_; }
  bool leads() const { return fence_.has_value(); }
  // Who leads, as the store says; may be this controller. Nothing: nobody, or not known.
  const std::optional<storage::Member>& leader() const { return leader_; }
  // Where the present stage of a change of the backend stands. Requires book().changes_backend().
  RolloutProgress JudgeRollout() const;
  // A restore runs or was interrupted; Torn says so.
  bool is_torn() const { return marks_.is_torn(history_); }
  absl::Status Torn() const;
  // While a restored store settles; as it was looked at last.
  const std::optional<Settling>& settling() const { return settling_; }
  // No lease ends before this time.
  absl::Time expiry_held_until() const { return expiry_held_until_; }
  // True when nothing waits or is in flight.
  bool idle() const {
    return queue_.empty() && held_.empty() && resumed_.empty() && in_flight_ == 0;
  }
  // Not OK when the store has begun another history: the process must start anew.
  const absl::Status& failure() const { return failure_; }

 private:
  friend class StoreFeed;
  enum class Scope { kNode, kNetwork, kUpkeep };
  using Decide = std::function<absl::StatusOr<Decision>(absl::Time now)>;
  using Done = std::function<void(absl::StatusOr<Committed>)>;
  struct Task {
    Scope scope = Scope::kNode;
    std::string node_id;
    Decide decide;
    Done done;
    absl::Time give_up_at;
    int attempts = 0;
    bool uncertain = false;                         // an earlier attempt may have been committed
    Decision decision;                              // while its commit is in flight
    std::uint64_t term = 0;                         // of the fence it was committed with
    std::shared_ptr<const AcquireRequest> acquire;  // null: another command
    bool here = false;                              // not to be forwarded
    // Whether the book was as new as the store after this was asked.
    enum class Confirmed { kNotAsked, kYes, kNoAnswer } confirmed = Confirmed::kNotAsked;
    bool marks_restore = false;  // runs though the store is torn
  };
  using TaskPtr = std::shared_ptr<Task>;
  // Goes on when the book has reached `revision`.
  struct Parked {
    storage::Revision revision;
    TaskPtr task;
    bool committed;  // then it is done; else it is decided again
  };

  // Goes on when the book has reached `revision`, or at `deadline`.
  struct ReachedWait {
    storage::Revision revision;
    absl::Time deadline;
    std::function<void(const absl::Status&)> done;
  };

  // Scheduling (writer_schedule.cc).
  void Enqueue(Scope scope, std::string node_id, Decide decide, Done done);
  void EnqueueAcquire(AcquireRequest request, bool here,
                      std::function<void(absl::StatusOr<LeaseGrant>)> done);
  void Enqueue(TaskPtr task);
  void StartWaiting();
  TaskPtr TakeNext();
  // What it says without a commit must be as new as the store, too: by the clock it still leads.
  bool MayRun() const {
    return leads() && feed_ != nullptr && failure_.ok() && candidacy_->Leads();
  }
  void Run(TaskPtr task);
  void RunNext(const std::string& node_id);
  void RunBlocked();
  void Finish(const TaskPtr& task, absl::StatusOr<Committed> result);
  void Answer(const TaskPtr& task, absl::StatusOr<Committed> result);
  void GiveUpOnOverdue(absl::Time now);
  void StartUpkeep(absl::Time now);
  void StartEndDraining();

  // At the leader, from the decision to the answer (writer_commit.cc).
  void Commit(TaskPtr task);
  void Fly(const TaskPtr& task);
  void Confirm(TaskPtr task);
  void Leave(const TaskPtr& task);  // ends its flight
  void OnAnswer(TaskPtr task, const absl::StatusOr<storage::Outcome>& answer);
  void OnUnknown(TaskPtr task);
  void AskPosition();
  void OnPosition(const std::vector<TaskPtr>& unknown, const std::vector<TaskPtr>& unconfirmed,
                  const absl::StatusOr<storage::Position>& answer);
  void DecideAgain(TaskPtr task, storage::Revision newer_than);
  void Resolve(const Parked& parked);
  void ResolveParked();

  // Who leads, and what is done where somebody else or nobody does (writer_follow.cc).
  void OnElected(storage::Fence fence);
  void OnDeposed();
  void OnLeader(std::optional<storage::Member> leader);
  void TellLeadership();
  bool another_leads() const { return !leads() && leader_ && leader_->id != options_.self.id; }
  bool IsDone(const Task& task) const;
  bool Presents(const Task& task) const;
  void Follow(TaskPtr task);
  void Forward(TaskPtr task);
  void OnForwarded(TaskPtr task, absl::StatusOr<storage::Revision> answer);
  void Hold(TaskPtr task);
  void ResumeHeld();
  void DropUpkeep();
  absl::Status NotNow(const Task& task) const;

  // Changes of the backend (writer_rollout.cc).
  void DriveRollout(absl::Time now);
  void AdvanceRollout(absl::Time now);
  std::vector<RolloutNode> RolloutNodes(const std::string& target_type) const;
  storage::Revision RolloutNeeds(const std::string& target_type) const;

  // Certificates (writer_certificates.cc).
  void TakeCertificates(const std::vector<storage::Change>& changes);
  void ReplaceCertificates(const std::vector<storage::Change>& listing);
  void TellRevoked(const std::vector<std::string>& serials);

  // Restores (writer_restore.cc).
  void TakeMarks(const std::vector<storage::Change>& changes);
  void BeginSettling();
  void JudgeSettlingNow(absl::Time now);
  void LookAtSettling(absl::Time now);
  void EndSettling();
  void RecordSettled();
  Decision DecideMark(const storage::Position& backup, absl::Time now) const;
  const Settling* settling_now() const { return settling_ ? &*settling_ : nullptr; }

  // The store's side (writer.cc).
  void OnBatch(storage::Revision revision, const std::vector<storage::Change>& changes);
  void OnFeedEnded(const absl::Status& why);
  struct Listing {
    storage::Position position;
    std::vector<storage::Change> changes;
  };
  absl::StatusOr<Listing> ListAll();
  absl::Status FollowFeed();
  absl::Status Resynchronise();
  void Publish(const BookChanges& changes);
  absl::StatusOr<LeaseGrant> Granted(const std::string& node_id,
                                     const absl::StatusOr<Committed>& result) const;

  // Claims of addresses (writer_addresses.cc).
  absl::StatusOr<Decision> DecideAcquire(const AcquireRequest& request, absl::Time now);
  bool IsStillAt(const std::string& node_id, const Ip& address) const;
  absl::StatusOr<LeaseGrant> Acquired(const AcquireRequest& request,
                                      const absl::StatusOr<Committed>& result) const;

  const Options options_;
  const Wiring wiring_;
  LeaseBook book_;
  CertificateBook certificates_;  // as new as book_
  // What nodes that were refused an address say where they are instead of where their lease says:
  // two that change places would wait for each other for ever.
  absl::flat_hash_map<std::string, PerFamily<Ip>> moved_to_;
  std::string history_;
  std::optional<storage::Fence> fence_;
  std::optional<storage::Member> leader_;
  absl::Time expiry_held_until_ = absl::InfiniteFuture();
  absl::Time next_upkeep_ = absl::InfiniteFuture();
  absl::Time next_check_ = absl::InfinitePast();  // of what waits
  absl::Status failure_;

  RestoreMarks marks_;
  storage::History history_info_;
  std::optional<SettlingTerms> settling_terms_;
  std::optional<Settling> settling_;
  absl::Time next_settling_look_ = absl::InfiniteFuture();
  bool recording_settled_ = false;

  absl::Time elected_at_ = absl::InfinitePast();
  absl::Time next_rollout_ = absl::InfinitePast();  // look at a change of the backend
  absl::Time judge_again_ = absl::InfinitePast();   // at the latest, though nothing moved
  std::uint64_t judged_reports_ = 0;                // what moved shows in these two
  storage::Revision judged_revision_ = 0;
  std::optional<absl::Time> all_done_since_;  // every node has done its part of judged_network_
  storage::Revision judged_network_ = 0;
  bool advancing_ = false;

  std::deque<TaskPtr> queue_;
  // Those that had their turn and cannot go on before something changes, and those that can.
  std::vector<TaskPtr> held_;
  std::deque<TaskPtr> resumed_;
  absl::Time resume_at_ = absl::InfiniteFuture();  // though nothing changed
  absl::flat_hash_map<std::string, std::deque<TaskPtr>>
      busy_;                             // node in flight -> who waits for it
  absl::flat_hash_set<TaskPtr> flying_;  // claimed: committed, forwarded or parked
  std::vector<Parked> parked_;
  std::vector<ReachedWait> reached_waits_;
  std::vector<TaskPtr> unknown_;      // wait for a position to be decided again at
  std::vector<TaskPtr> unconfirmed_;  // the same, and go on without one, too
  bool asking_position_ = false;
  std::vector<TaskPtr> blocked_;  // their node is in an upkeep that is in flight
  std::size_t in_flight_ = 0;
  std::size_t upkeep_left_ = 0;
  bool network_in_flight_ = false;
  bool ending_draining_ = false;  // queued or in flight
  bool starting_ = false;         // guards StartWaiting against itself

  std::unique_ptr<StoreFeed> feed_;  // null: not following the store
  std::unique_ptr<storage::LeadershipListener> listener_;
  std::unique_ptr<storage::Candidacy> candidacy_;
};

}  // namespace heddle::controller
