// Follows etcd: asks where it is, watches from there, and brings the replica everything in order;
// begins again, elsewhere, when the watch breaks.
//
//   Connect -> survey -> (another history, or compacted: listing) -> watch -> ready
//      ^------------------- after a pause, when anything of it fails --------------'
//
// Of the engine thread, except where it says so.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "base/backoff.h"
#include "base/mutex.h"
#include "storage/etcd/client.h"
#include "storage/etcd/engine_thread.h"
#include "storage/etcd/keys.h"
#include "storage/etcd/replica.h"
#include "storage/etcd/session.h"
#include "storage/etcd/watch.h"

namespace heddle::storage {

class Follower {
 public:
  using LeaderKey = EtcdSession::LeaderKey;
  struct Hooks {
    // The leader key as it is once the feed has come so far; and that it is out of sight for longer
    // than a lead lasts.
    std::function<void(std::optional<LeaderKey>)> leader;
    std::function<void()> lost;
  };
  struct Options {
    absl::Duration call_timeout, compare_every, leader_ttl;
  };

  Follower(Options options, const EtcdKeys* keys, EtcdClient* client, EngineThread* thread,
           Replica* replica, Hooks hooks);

  // ---- Any thread. ----
  struct State {
    bool is_ready = false;              // the watch is open and the replica as new as etcd was then
    absl::Status trouble;               // why not; OK while it has not failed yet
    std::int64_t history_modified = 0;  // mod revision of the history key; 0: not known yet
    std::vector<Member> members;
    std::string copy_alarm;           // why the copy cannot be written
    std::vector<std::string> alarms;  // of etcd
  };
  State state() const;
  // The mod revision of the history key, that a transaction is to be guarded with. Unavailable:
  // etcd cannot be reached now, or was not yet.
  absl::StatusOr<std::int64_t> committable() const;
  // OK once ready. Otherwise what is wrong, as soon as etcd refuses us, or when etcd was not
  // reached in `first_contact`.
  absl::Status WaitUntilReady(absl::Duration first_contact);

  // ---- The engine thread. ----
  void Begin();
  void End();  // after this nothing of it calls the client
  // The position that etcd has now, once the feed has reached it.
  void ReadPosition(Store::PositionDone done);
  // Begins a new history after the one that is known, and voids every fence. `done` once the feed
  // has come so far.
  void BeginHistory(std::function<void(absl::Status)> done);

 private:
  struct Survey {  // what etcd has besides records, at one revision
    Revision revision = 0;
    std::uint64_t cluster_id = 0, raft_term = 0;
    std::optional<etcdserverpb::KeyValue> history, leader;
    std::vector<etcdserverpb::KeyValue> members;
  };

  // A client's callback that runs `take` on the thread, unless a new attempt was begun meanwhile.
  template <typename Answer, typename Take>
  std::function<void(absl::StatusOr<Answer>)> OnThread(Take take) {
    return [this, attempt = attempt_, take](absl::StatusOr<Answer> answer) {
      thread_->Post([this, attempt, take, answer = std::move(answer)]() mutable {
        if (attempt == attempt_) take(std::move(answer));
      });
    };
  }

  void Connect();
  void Retry(const absl::Status& why);
  void NotReady(const absl::Status& why);
  void AskSurvey(std::function<void(absl::StatusOr<Survey>)> take);
  static Survey ToSurvey(etcdserverpb::RangeResponse response, const EtcdKeys& keys);
  void TakeSurvey(Survey survey);
  bool HasGoneBack(const Survey& survey, const History& history) const;
  void OpenWatch(Revision start);
  bool IsEcho(const etcdserverpb::WatchResponse& response) const;
  void TakeWatched(etcdserverpb::WatchResponse response);
  void TakeRevision(const WatchedRevision& watched);
  void TakeHistory(const etcdserverpb::Event& event, Revision revision);
  void TakeLeader(const etcdserverpb::KeyValue* kv);
  void TakeMember(const etcdserverpb::KeyValue& kv, bool is_deleted);
  void BecomeReady();

  void MakeHistory();
  void ReplaceHistory(const History& history);
  void FillGap();
  std::function<void(absl::StatusOr<Revision>)> ConnectAfter();
  void LeaveHistory();
  void PutHistory(std::int64_t expected_modified, bool restored,
                  std::function<void(absl::StatusOr<Revision>)> done);
  void List(Revision revision, std::function<void(std::vector<Record>)> take);

  void AskPosition();
  void PutBarrier();
  void Probe();
  void Compare();
  void CompareAfter(absl::Duration delay);
  bool IsBeyond(const std::vector<Change>& changes) const;
  void AskAlarms();
  void Judge(std::vector<Record> listing, Revision at);
  std::vector<Change> Healing(Revision at);
  void ReopenCopy();

  void SetState(const std::function<void(State*)>& change);
  void PublishMembers();

  const Options options_;
  const EtcdKeys& keys_;
  EtcdClient* const client_;
  EngineThread* const thread_;
  Replica* const replica_;
  const Hooks hooks_;

  absl::BitGen random_;
  Backoff backoff_;
  std::uint64_t attempt_ = 0;
  bool is_ended_ = false;
  bool must_list_ = false;  // the watch cannot go on from where the replica is
  Survey survey_;           // of this attempt
  std::unique_ptr<EtcdClient::WatchStream> watch_;
  WatchAssembler assembler_;
  bool is_ready_ = false;
  int lost_ = 0;                           // how often it was not ready any more
  std::map<std::string, Member> members_;  // by id
  std::int64_t history_modified_ = 0;

  std::vector<Store::PositionDone> position_asked_, position_wanted_;
  bool barrier_under_way_ = false;
  int probes_ = 0, status_asked_ = 0;
  // A listing that the copy differs from, read at that revision; taken over with the next revision
  // that changes no record.
  std::optional<std::pair<std::vector<Record>, Revision>> healing_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  State state_ ABSL_GUARDED_BY(mutex_);
  bool is_reached_ ABSL_GUARDED_BY(mutex_) = false;  // etcd has answered in this attempt
};

}  // namespace heddle::storage
