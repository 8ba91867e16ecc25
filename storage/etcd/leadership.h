// This process's candidate: its session with etcd, and what its listener is told, in the order of
// the feed.
//
// Campaign, its candidacy and leader() are for any thread; the rest is the engine thread's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "storage/candidate.h"
#include "storage/etcd/client.h"
#include "storage/etcd/engine_thread.h"
#include "storage/etcd/session.h"
#include "storage/store.h"

namespace heddle::storage {

class Leadership {
 public:
  struct Options {
    std::string prefix;
    absl::Duration ttl;
    std::function<std::vector<Member>()> members;  // as known now; from any thread
  };
  Leadership(Options options, EtcdClient* client, EngineThread* thread)
      : options_(std::move(options)), client_(client), thread_(thread) {}

  absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                      LeadershipListener* listener);
  std::optional<Member> leader() const;

  void OnLeaderKey(std::optional<EtcdSession::LeaderKey> leader);
  void OnLost();

 private:
  class Standing;
  struct Stand {  // one candidacy
    std::shared_ptr<Candidate> candidate;
    std::unique_ptr<EtcdSession> session;
    std::optional<std::uint64_t> elected_term;  // that it was told last
  };

  void Introduce(const std::shared_ptr<Candidate>& candidate);
  void OnDeposed(const std::shared_ptr<Candidate>& candidate);
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Resign(const std::shared_ptr<Candidate>& candidate);
  bool Leads(const std::shared_ptr<Candidate>& candidate) const;
  absl::Status StepDown(const std::shared_ptr<Candidate>& candidate);

  const Options options_;
  EtcdClient* const client_;
  EngineThread* const thread_;

  mutable Mutex mutex_;  // held while the session is told something: it does not block
  bool is_known_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<EtcdSession::LeaderKey> leader_ ABSL_GUARDED_BY(mutex_);
  Stand stand_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::storage
