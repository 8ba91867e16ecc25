// The leader's view of its followers' nodes: which follower's stream counts, what it says, and what
// is to be said to its nodes. Without gRPC.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/heddle/v1/replica.pb.h"
#include "base/mutex.h"
#include "controller/node_registry.h"
#include "controller/probe_reports.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

// Where a follower's stream takes what its nodes are to be told. Thread-safe; returns at once.
class ToFollower {
 public:
  virtual ~ToFollower() = default;
  virtual void Send(v1::LeaderMessage message) = 0;
  virtual void Close(const absl::Status& why) = 0;
};

// Thread-safe.
class FollowerNodes {
 public:
  struct Wiring {
    std::string self_id;
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    ProbeReports* probe_reports = nullptr;
  };
  explicit FollowerNodes(Wiring wiring) : wiring_(std::move(wiring)) {}

  // What a follower says on `stream`, in order. An error ends the stream with that status:
  // InvalidArgument (what came cannot be used), FailedPrecondition (another history),
  // ResourceExhausted (too many nodes). A later stream of the same controller closes an earlier
  // one.
  absl::Status OnMessage(const std::shared_ptr<ToFollower>& stream,
                         const v1::FollowerMessage& message, absl::Time now);
  // The stream has ended: its nodes count as detached.
  void OnEnd(const ToFollower* stream);

 private:
  class RemoteStream;
  struct Follower {
    std::string controller_id;
    // Those attached to it, by id; the registry knows them weakly.
    absl::flat_hash_map<std::string, std::shared_ptr<RemoteStream>> nodes;
  };
  // What is to be called once no lock is held.
  using Later = std::vector<std::function<void()>>;

  absl::Status OnHello(const std::shared_ptr<ToFollower>& stream,
                       const v1::FollowerMessage::Hello& hello, Later* later);
  absl::Status OnNodes(const std::shared_ptr<ToFollower>& stream,
                       const v1::FollowerMessage::Nodes& nodes, absl::Time now, Later* later);
  absl::Status OnAttached(const std::shared_ptr<ToFollower>& stream, Follower* follower,
                          const v1::AttachedNode& node, absl::Time now, Later* later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnProbeReport(const ToFollower* stream, const v1::FollowerMessage::NodeProbeReport& message);
  void Gone(const std::string& node_id);

  const Wiring wiring_;
  Mutex mutex_;  // taken before the registry's
  absl::flat_hash_map<const ToFollower*, Follower> followers_ ABSL_GUARDED_BY(mutex_);
  // The stream of each controller that counts.
  absl::flat_hash_map<std::string, std::weak_ptr<ToFollower>> present_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
