// Anything that a node may say on its stream, one message after the other, while the writer
// answers, time goes by and others change: the controller says nothing that a node refuses.
#include "controller/test_stream.h"
#include "node/wire.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::controller {
namespace {

using fuzz::Require;

class Controller {
 public:
  Controller() {
    hub_.Load({"h-1", 100}, {TestPeer(1), TestPeer(2), TestPeer(3)}, TestNetwork());
    shared_.hub = &hub_;
    shared_.registry = &registry_;
    shared_.probe_reports = &probe_reports_;
    shared_.controller_version = "test";
    shared_.store_behind = [](const std::string& node_id, storage::Revision claimed,
                              const storage::Position& store) {
      Require(ValidateNodeId(node_id).ok() && claimed > store.revision);
    };
    Open();
  }

  // Whatever a piece's kind says. An error ends the stream, and the node dials again.
  void Take(const fuzz::Pieces::Piece& piece) {
    if (!fuzz::Accepted(Step(piece))) Open();
    while (const Frame frame = connection_->stream.Next(now_)) {
      v1::ControllerMessage message;
      Require(message.ParseFromString(*frame) && node::Decode(message).ok());
    }
    for (const AcquireRequest& request : connection_->requests) {
      Require(request.node_id == connection_->stream.node_id());
    }
    for (const NodeInfo& info : registry_.List()) Require(ValidateNodeId(info.node_id).ok());
  }

 private:
  void Open() {
    connection_ = std::make_unique<Connection>(&shared_, now_);
    granted_ = 0;
  }

  absl::Status Step(const fuzz::Pieces::Piece& piece) {
    NodeStream& stream = connection_->stream;
    switch (piece.kind % 8) {
      case 4:
        return Grant();
      case 5:
        now_ += absl::Milliseconds(100) * static_cast<int>(piece.bytes.size() + 1);
        return stream.CheckDeadline(now_);
      case 6:
        return stream.TakeAskPosition()
                   ? stream.OnPosition(storage::Position{"h-1", hub_.head()}, now_)
                   : absl::OkStatus();
      case 7:
        return Publish(static_cast<int>(piece.bytes.size() % 5));
      default: {
        v1::NodeMessage message;
        if (!message.ParseFromString(piece.bytes)) return absl::OkStatus();
        return stream.OnMessage(message, now_);
      }
    }
  }

  // As the writer answers: each request once.
  absl::Status Grant() {
    if (connection_->requests.size() == granted_) return absl::OkStatus();
    const AcquireRequest& request = connection_->requests[granted_++];
    LeaseGrant grant;
    grant.lease.node_id = request.node_id;
    grant.lease.subnets = TestPeer(4).subnets;
    grant.lease.advertisement = request.advertisement;
    grant.lease.expires = now_ + absl::Hours(24);
    grant.revision = hub_.head();
    return connection_->stream.OnGrant(grant);
  }

  absl::Status Publish(int number) {
    BookChanges changes;
    changes.peers.push_back({absl::StrCat("node-", number + 1), std::nullopt});
    if (number % 2 == 0) changes.peers.back().peer = TestPeer(number + 1, number);
    hub_.Publish(hub_.head() + 1, changes, hub_.network(), now_);
    hub_.Release(hub_.release_at());
    return connection_->stream.OnNetworkChange();
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  WatchHub hub_;
  NodeRegistry registry_{absl::Seconds(15)};
  ProbeReports probe_reports_;
  NodeStream::Shared shared_;
  std::unique_ptr<Connection> connection_;
  std::size_t granted_ = 0;
};

void CheckStream(const std::string& input) {
  Controller controller;
  fuzz::Pieces pieces(input);
  while (const auto piece = pieces.Next()) controller.Take(*piece);
}

}  // namespace
}  // namespace heddle::controller

HEDDLE_FUZZ(heddle::controller::CheckStream)
