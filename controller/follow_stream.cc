#include "controller/follow_stream.h"

#include <algorithm>
#include <utility>

#include "api/convert_probe.h"
#include "controller/grpc_bytes.h"
#include "controller/node_messages.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kCollectFor = absl::Milliseconds(20);
constexpr std::size_t kMessageBytes = 256 << 10;
constexpr std::size_t kMaxReportsWaiting = 4096;  // more would be a flood
constexpr std::size_t kMaxAsked = 64;
constexpr std::size_t kMaxReasonBytes = 1024;

// The node's stream ends with what the leader says, whatever that is.
absl::Status ReasonOf(const v1::LeaderMessage::Close& close) {
  const bool known = close.code() > 0 && close.code() <= 16;
  const auto code =
      known ? static_cast<absl::StatusCode>(close.code()) : absl::StatusCode::kAborted;
  return absl::Status(code, close.message().substr(0, kMaxReasonBytes));
}

}  // namespace

void FollowStream::Begin(const std::shared_ptr<grpc::Channel>& channel, const std::string& self_id,
                         const std::string& history) {
  self_ = shared_from_this();
  stub_ = v1::ReplicaService::NewStub(channel);
  {
    MutexLock lock(&mutex_);
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->async()->Follow(context_.get(), this);
    v1::FollowerMessage hello;
    hello.mutable_hello()->set_controller_id(self_id);
    hello.mutable_hello()->set_history(history);
    waiting_.push_back(std::move(hello));
  }
  AddHold();  // until the reads have ended: others may write as long
  StartRead(&incoming_);
  StartCall();
  Write();
}

void FollowStream::Cancel() {
  MutexLock lock(&mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

void FollowStream::OnLocalChange() {
  MutexLock lock(&mutex_);
  changed_ = true;
}

absl::Time FollowStream::SendChanges(absl::Time now) {
  bool lost = false;
  absl::Time next = absl::InfiniteFuture();
  {
    MutexLock lock(&mutex_);
    if (broken_) return next;
    // What waits already goes first: meanwhile changes to one node become one.
    if (changed_ && waiting_.empty() && !writing_ && now >= collect_at_)
      lost = !CollectChanges(now);
    if (changed_) next = std::max(collect_at_, now + kCollectFor);
  }
  if (lost) {
    Cancel();
  } else {
    Write();
  }
  return next;
}

// False when the registry no longer knows what has changed: a new stream begins with all.
bool FollowStream::CollectChanges(absl::Time now) {
  changed_ = false;
  collect_at_ = now + kCollectFor;
  auto changes = registry_->LocalChangesAfter(cursor_);
  if (!changes) return false;
  cursor_ = changes->cursor;
  v1::FollowerMessage message;
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (bytes > 0) waiting_.push_back(std::exchange(message, {}));
    bytes = 0;
  };
  for (std::string& node_id : changes->detached_node_ids) {
    bytes += node_id.size() + 2;
    message.mutable_nodes()->add_detached_node_ids(std::move(node_id));
    if (bytes > kMessageBytes) flush();
  }
  for (const NodeRegistry::Local& local : changes->attached) {
    v1::AttachedNode* const node = message.mutable_nodes()->add_attached();
    *node = ToMessage(local, now);
    bytes += node->ByteSizeLong();
    if (bytes > kMessageBytes) flush();
  }
  flush();
  return true;
}

void FollowStream::SendProbeReport(const std::string& node_id,
                                   const absl::StatusOr<ProbeReport>& report) {
  {
    MutexLock lock(&mutex_);
    const auto send = [&](v1::ProbeReport what) {
      if (broken_ || reports_waiting_ >= kMaxReportsWaiting) return;
      v1::FollowerMessage message;
      message.mutable_probe_report()->set_node_id(node_id);
      *message.mutable_probe_report()->mutable_report() = std::move(what);
      waiting_.push_back(std::move(message));
      ++reports_waiting_;
    };
    if (report.ok()) {
      const bool asked =
          std::find(asked_.begin(), asked_.end(), report->request_id) != asked_.end();
      if (asked) send(ToProto(*report));
    } else if (!absl::IsUnavailable(report.status())) {  // that, the leader hears by the detachment
      for (const std::uint64_t id : asked_) {
        v1::ProbeReport failed;
        failed.set_request_id(id);
        failed.set_last(true);
        failed.set_error(std::string(report.status().message()));
        send(std::move(failed));
      }
    }
  }
  Write();
}

void FollowStream::Write() {
  {
    MutexLock lock(&mutex_);
    if (writing_ || broken_ || waiting_.empty()) return;
    outgoing_ = std::move(waiting_.front());
    waiting_.pop_front();
    if (outgoing_.has_probe_report()) --reports_waiting_;
    writing_ = true;
    AddHold();  // the reads may end before the write has begun
  }
  StartWrite(&outgoing_);
  RemoveHold();
}

void FollowStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) broken_ = true;
  }
  SendChanges(clock_->Now());
}

void FollowStream::OnReadDone(bool ok) {
  if (!ok) {
    {
      MutexLock lock(&mutex_);
      broken_ = true;
    }
    RemoveHold();
    return;
  }
  OnMessage(incoming_);
  StartRead(&incoming_);
}

void FollowStream::OnMessage(const v1::LeaderMessage& message) {
  switch (message.kind_case()) {
    case v1::LeaderMessage::kClose:
      return OnClose(message.close());
    case v1::LeaderMessage::kAcceptRemovalsNodeId:
      if (const auto stream = registry_->FindStream(message.accept_removals_node_id())) {
        stream->SendAcceptRemovals();
      }
      return;
    case v1::LeaderMessage::kProbeRequest:
      return OnProbeRequest(message.probe_request());
    default:
      spdlog::warn("the leader says something that this release does not know");
  }
}

void FollowStream::OnClose(const v1::LeaderMessage::Close& close) {
  const auto stream = registry_->FindStream(close.node_id(), close.attachment());
  if (stream != nullptr) stream->Close(ReasonOf(close));
}

void FollowStream::OnProbeRequest(const v1::LeaderMessage::NodeProbeRequest& message) {
  const absl::StatusOr<ProbeRequest> request = FromProto(message.request());
  if (!request.ok()) {
    spdlog::warn("the leader's probe request cannot be used: {}",
                 std::string(request.status().message()));
    return;
  }
  {
    MutexLock lock(&mutex_);
    if (std::find(asked_.begin(), asked_.end(), request->id) == asked_.end()) {
      asked_.push_back(request->id);
      if (asked_.size() > kMaxAsked) asked_.pop_front();
    }
  }
  const auto stream = registry_->FindStream(message.node_id());
  if (stream != nullptr) stream->SendProbeRequest(*request);
}

void FollowStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<FollowStream> self = std::move(self_);
  {
    // Both have a share of the channel, and gRPC's own thread must not be the last to have one.
    MutexLock lock(&mutex_);
    stub_.reset();
    context_.reset();
  }
  ended_(FromGrpc(status));
}

}  // namespace heddle::controller
