// Anything that two following controllers may say to the leader, one message after the other. The
// kind of a piece chooses which of them says it, or that its stream ends, or that time goes by.
#include <array>
#include <memory>

#include "controller/follower_nodes.h"
#include "spdlog/spdlog.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::controller {
namespace {

using fuzz::Require;

class TestFollower final : public ToFollower {
 public:
  void Send(v1::LeaderMessage message) override {
    v1::LeaderMessage again;
    Require(again.ParseFromString(message.SerializeAsString()));
  }
  void Close(const absl::Status&) override { closed = true; }
  bool closed = false;
};

class Leader {
 public:
  Leader() {
    hub_.Load({"h-1", 100}, {}, std::nullopt);
    for (auto& stream : streams_) stream = std::make_shared<TestFollower>();
  }
  ~Leader() {
    for (const auto& stream : streams_) nodes_.OnEnd(stream.get());
    for (const NodeInfo& info : registry_.List()) Require(!info.attached);
  }

  void Take(const fuzz::Pieces::Piece& piece) {
    const std::size_t which = piece.kind % 2;
    bool over = streams_[which]->closed || piece.kind % 16 / 2 == 1;
    if (piece.kind % 16 / 2 == 2) now_ += absl::Seconds(piece.bytes.size());
    v1::FollowerMessage message;
    if (!over && message.ParseFromString(piece.bytes)) {
      over = !fuzz::Accepted(nodes_.OnMessage(streams_[which], message, now_));
    }
    if (over) {
      nodes_.OnEnd(streams_[which].get());
      streams_[which] = std::make_shared<TestFollower>();
    }
    for (const NodeInfo& info : registry_.List()) {
      Require(ValidateNodeId(info.node_id).ok() && info.controller_id != "c-1");
      // As heddlectl's commands reach a node.
      if (const auto stream = registry_.FindStream(info.node_id)) stream->SendAcceptRemovals();
    }
  }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  WatchHub hub_;
  NodeRegistry registry_{absl::Seconds(15)};
  ProbeReports probe_reports_;
  FollowerNodes nodes_{{"c-1", &hub_, &registry_, &probe_reports_}};
  std::array<std::shared_ptr<TestFollower>, 2> streams_;
};

void CheckFollowers(const std::string& input) {
  spdlog::set_level(spdlog::level::off);  // each refusal is logged
  Leader leader;
  fuzz::Pieces pieces(input);
  while (const auto piece = pieces.Next()) leader.Take(*piece);
}

}  // namespace
}  // namespace heddle::controller

HEDDLE_FUZZ(heddle::controller::CheckFollowers)
