// A follower's open stream to the leader: says what is new of this controller's nodes, and does
// what the leader says to them.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/replica.grpc.pb.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/node_registry.h"

namespace heddle::controller {

// Lives until gRPC is done with it and nobody else holds it. Thread-safe. No lock is held while a
// read or write is started, or a node's stream called.
class FollowStream final : public grpc::ClientBidiReactor<v1::FollowerMessage, v1::LeaderMessage>,
                           public std::enable_shared_from_this<FollowStream> {
 public:
  // `ended` is called once, when gRPC is done with it.
  FollowStream(NodeRegistry* registry, const Clock* clock,
               std::function<void(const absl::Status&)> ended)
      : registry_(registry), clock_(clock), ended_(std::move(ended)) {}

  void Begin(const std::shared_ptr<grpc::Channel>& channel, const std::string& self_id,
             const std::string& history);
  // Says what has changed, if that is due and no write is under way; answers when to call again at
  // the latest.
  absl::Time SendChanges(absl::Time now);
  void OnLocalChange();
  void SendProbeReport(const std::string& node_id, const absl::StatusOr<ProbeReport>& report);
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Write();
  bool CollectChanges(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnMessage(const v1::LeaderMessage& message);
  void OnClose(const v1::LeaderMessage::Close& close);
  void OnProbeRequest(const v1::LeaderMessage::NodeProbeRequest& message);

  NodeRegistry* const registry_;
  const Clock* const clock_;
  const std::function<void(const absl::Status&)> ended_;
  std::unique_ptr<v1::ReplicaService::Stub> stub_;
  std::shared_ptr<FollowStream> self_;  // until OnDone
  v1::FollowerMessage outgoing_;
  v1::LeaderMessage incoming_;

  Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);  // while gRPC has it
  std::deque<v1::FollowerMessage> waiting_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool changed_ ABSL_GUARDED_BY(mutex_) = true;
  std::uint64_t cursor_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time collect_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::size_t reports_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> asked_ ABSL_GUARDED_BY(mutex_);  // the leader's latest probe requests
};

}  // namespace heddle::controller
