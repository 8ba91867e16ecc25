#include "controller/follower_nodes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert_probe.h"
#include "api/peer.h"
#include "base/status_macros.h"
#include "controller/node_messages.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxNodes = 200'000;  // of one follower

v1::LeaderMessage CloseMessage(const std::string& node_id, std::uint64_t attachment,
                               const absl::Status& why) {
  v1::LeaderMessage message;
  message.mutable_close()->set_node_id(node_id);
  message.mutable_close()->set_attachment(attachment);
  message.mutable_close()->set_code(static_cast<int>(why.code()));
  message.mutable_close()->set_message(std::string(why.message()));
  return message;
}

}  // namespace

// A node's stream at a follower.
class FollowerNodes::RemoteStream final : public LiveStream {
 public:
  RemoteStream(std::weak_ptr<ToFollower> follower, std::string node_id, std::uint64_t attachment)
      : follower_(std::move(follower)), node_id_(std::move(node_id)), attachment_(attachment) {}

  std::uint64_t attachment() const { return attachment_; }

  void Close(absl::Status why) override { Send(CloseMessage(node_id_, attachment_, why)); }
  void SendAcceptRemovals() override {
    v1::LeaderMessage message;
    message.set_accept_removals_node_id(node_id_);
    Send(std::move(message));
  }
  void SendProbeRequest(const ProbeRequest& request) override {
    v1::LeaderMessage message;
    message.mutable_probe_request()->set_node_id(node_id_);
    *message.mutable_probe_request()->mutable_request() = ToProto(request);
    Send(std::move(message));
  }
  // The follower's own feed tells it.
  void OnOwnChange(const PeerChange&) override {}

 private:
  void Send(v1::LeaderMessage message) {
    if (const auto follower = follower_.lock()) follower->Send(std::move(message));
  }

  const std::weak_ptr<ToFollower> follower_;
  const std::string node_id_;
  const std::uint64_t attachment_;
};

absl::Status FollowerNodes::OnMessage(const std::shared_ptr<ToFollower>& stream,
                                      const v1::FollowerMessage& message, absl::Time now) {
  Later later;
  absl::Status status;
  switch (message.kind_case()) {
    case v1::FollowerMessage::kHello:
      status = OnHello(stream, message.hello(), &later);
      break;
    case v1::FollowerMessage::kNodes:
      status = OnNodes(stream, message.nodes(), now, &later);
      break;
    case v1::FollowerMessage::kProbeReport:
      OnProbeReport(stream.get(), message.probe_report());
      break;
    default:
      // Of a later release; nothing here depends on it.
      break;
  }
  for (const auto& act : later) act();
  return status;
}

absl::Status FollowerNodes::OnHello(const std::shared_ptr<ToFollower>& stream,
                                    const v1::FollowerMessage::Hello& hello, Later* later) {
  const std::string& id = hello.controller_id();
  HEDDLE_RETURN_IF_ERROR(CheckShort("hello.controller_id", id));
  if (id.empty() || id == wiring_.self_id) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hello.controller_id: '", id, "' is ", id.empty() ? "empty" : "this controller's own",
        "; every controller of a cluster needs an id of its own (--id)"));
  }
  if (hello.history() != wiring_.hub->history()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the controller '", id,
                     "' has another history than the leader; one of them "
                     "has yet to hear that the store was restored"));
  }
  MutexLock lock(&mutex_);
  if (followers_.contains(stream.get())) {
    return absl::InvalidArgumentError("hello: sent twice on one stream");
  }
  if (const auto former = present_[id].lock()) {
    followers_.erase(former.get());
    later->push_back([former] {
      former->Close(absl::AbortedError("a newer stream of this controller has taken over"));
    });
  }
  for (const std::string& node_id : wiring_.registry->DetachAllOf(id)) Gone(node_id);
  present_[id] = stream;
  followers_[stream.get()].controller_id = id;
  spdlog::info("the controller '{}' follows", id);
  return absl::OkStatus();
}

absl::Status FollowerNodes::OnNodes(const std::shared_ptr<ToFollower>& stream,
                                    const v1::FollowerMessage::Nodes& nodes, absl::Time now,
                                    Later* later) {
  MutexLock lock(&mutex_);
  const auto follower = followers_.find(stream.get());
  if (follower == followers_.end()) {
    return absl::InvalidArgumentError("hello: must be the first message of a stream");
  }
  for (const std::string& node_id : nodes.detached_node_ids()) {
    if (follower->second.nodes.erase(node_id) == 0) continue;
    if (wiring_.registry->DetachRemote(follower->second.controller_id, node_id)) Gone(node_id);
  }
  for (const v1::AttachedNode& node : nodes.attached()) {
    HEDDLE_RETURN_IF_ERROR(OnAttached(stream, &follower->second, node, now, later));
  }
  return absl::OkStatus();
}

absl::Status FollowerNodes::OnAttached(const std::shared_ptr<ToFollower>& stream,
                                       Follower* follower, const v1::AttachedNode& node,
                                       absl::Time now, Later* later) {
  HEDDLE_ASSIGN_OR_RETURN(NodeRegistry::Remote remote, ToRemote(node, now));
  const std::string node_id = remote.info.node_id;
  std::shared_ptr<RemoteStream> live;
  if (const auto known = follower->nodes.find(node_id); known != follower->nodes.end()) {
    live = known->second;
  }
  if (live == nullptr || live->attachment() != remote.attachment) {
    live = std::make_shared<RemoteStream>(stream, node_id, remote.attachment);
  }
  remote.info.controller_id = follower->controller_id;
  remote.stream = live;
  const auto displaced = wiring_.registry->AttachRemote(std::move(remote), now);
  if (!displaced.ok()) {
    follower->nodes.erase(node_id);
    later->push_back([live, why = displaced.status()] { live->Close(why); });
    return absl::OkStatus();
  }
  follower->nodes[node_id] = live;
  if (follower->nodes.size() > kMaxNodes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxNodes, " nodes at one controller"));
  }
  if (*displaced != nullptr) {
    later->push_back([stream = *displaced] {
      stream->Close(absl::AbortedError("a newer stream of this node has taken over"));
    });
  }
  return absl::OkStatus();
}

void FollowerNodes::OnProbeReport(const ToFollower* stream,
                                  const v1::FollowerMessage::NodeProbeReport& message) {
  {
    MutexLock lock(&mutex_);
    const auto follower = followers_.find(stream);
    if (follower == followers_.end() || !follower->second.nodes.contains(message.node_id())) return;
  }
  wiring_.probe_reports->Add(message.node_id(), ToProbeReport(message.report()));
}

void FollowerNodes::OnEnd(const ToFollower* stream) {
  MutexLock lock(&mutex_);
  const auto follower = followers_.find(stream);
  if (follower == followers_.end()) return;  // never said hello, or a later one has taken over
  const std::string id = follower->second.controller_id;
  for (const std::string& node_id : wiring_.registry->DetachAllOf(id)) Gone(node_id);
  followers_.erase(follower);
  present_.erase(id);
  spdlog::info("the controller '{}' follows no longer", id);
}

void FollowerNodes::Gone(const std::string& node_id) {
  wiring_.probe_reports->Add(node_id, absl::UnavailableError("its stream has ended meanwhile"));
  // Only who holds a lease is missed.
  if (!wiring_.hub->IsAnnounced(node_id)) wiring_.registry->Forget(node_id);
}

}  // namespace heddle::controller
