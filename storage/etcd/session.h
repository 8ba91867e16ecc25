// This replica as a member: its etcd lease, its entry among the members, and its candidacy for the
// leader key. What it learns of the keys comes from the store's one watch.
//
// Thread-safe. Never calls the listener while the store has not delivered what came before.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/etcd/client.h"
#include "storage/store.h"

namespace heddle::storage {

// The value of `leader` and `member/<id>`.
std::string EncodeMember(const Member& member);
absl::StatusOr<Member> DecodeMember(absl::string_view bytes);

class EtcdSession {
 public:
  struct Options {
    std::string prefix;
    Member self;
    absl::Duration ttl;
  };
  // `deposed` is called at once, from any thread, when leadership may be gone: the lease is lost or
  // was not answered for for two thirds of the ttl. Safety rests on the fence, not on this.
  EtcdSession(Options options, EtcdClient* client, std::function<void()> deposed);
  // Revokes the lease, with which the entry and the lead go; bounded by one call.
  ~EtcdSession();

  // From the watch, in order, each change of `leader`: its value and create revision, or nothing
  // when it was deleted. Campaigns when it is free.
  struct LeaderKey {
    Member member;
    std::string value;
    std::int64_t create_revision = 0;
    std::int64_t lease = 0;
  };
  void OnLeaderKey(std::optional<LeaderKey> leader);
  // The watch has lost sight of the key, and will say anew.
  void OnWatchLost();

  // Set while this session's own put of the leader key is the newest seen and its lease is alive.
  // Its term is the key's create revision, its token the key's lease as 16 hexadecimal digits; both
  // are compared in every fenced transaction.
  std::optional<Fence> fence() const;
  // The same, and it is not about to give the lead away.
  bool leads() const;
  // Deletes the leader key if it is ours, and does not campaign before somebody else has led or
  // one ttl has passed. `done` once it is deleted; it may come after the session's end, not after
  // the client's. FailedPrecondition: it does not lead. Any other error: it may lead still.
  void StepDown(std::function<void(absl::Status)> done);

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace heddle::storage
