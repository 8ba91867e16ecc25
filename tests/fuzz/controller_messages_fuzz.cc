// Anything that a controller may say, one message after the other, to a node's table of peers. A
// piece of an odd kind gets the hash that a fuzzer cannot guess.
#include <map>

#include "node/peer_table.h"
#include "node/wire.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::node {
namespace {

using fuzz::Require;

class Stream {
 public:
  void Take(const std::string& bytes, bool with_right_hash) {
    v1::ControllerMessage message;
    if (!message.ParseFromString(bytes)) return;
    if (with_right_hash && message.has_synced()) message.mutable_synced()->set_set_hash(Hash());
    if (with_right_hash && message.has_heartbeat()) {
      message.mutable_heartbeat()->set_set_hash(Hash());
    }
    const auto update = Decode(message);
    if (!fuzz::Accepted(update)) {
      const std::string text(update.status().message());
      Require(text.find_first_of("\n\r\033") == std::string::npos && text.size() <= 5000);
      return;
    }
    const PeerTable::Peers peers = table_.peers();
    const Position position = table_.position();
    const absl::Status status = std::visit([this](const auto& said) { return On(said); }, *update);
    if (!fuzz::Accepted(status)) {
      Require(table_.peers() == peers && table_.position() == position);
      Attach(history_);  // the stream is dropped, and the next one begins
    }
    CheckTable();
  }

 private:
  void Attach(const std::string& history) {
    history_ = history;
    told_.clear();
    for (const auto& [id, peer] : table_.peers()) {
      if (!table_.IsHeld(id)) told_[id] = peer;
    }
    table_.Attach(history);
  }

  absl::Status On(const Welcome& welcome) {
    Attach(welcome.history);
    return absl::OkStatus();
  }
  absl::Status On(const SnapshotBegin& begin) {
    told_.clear();
    return table_.Begin(begin);
  }
  absl::Status On(const Chunk& chunk) {
    for (const PeerUpdate& change : chunk.changes) {
      told_.erase(change.node_id);
      if (change.peer) told_.emplace(change.node_id, *change.peer);
    }
    return table_.Add(chunk);
  }
  absl::Status On(const Synced& synced) { return table_.Complete(synced).status(); }
  absl::Status On(const Heartbeat& heartbeat) { return table_.Check(heartbeat).status(); }
  absl::Status On(const AcceptRemovals&) {
    table_.Accept();
    return absl::OkStatus();
  }
  template <typename Other>
  absl::Status On(const Other&) {
    return absl::OkStatus();
  }

  std::uint64_t Hash() const {
    std::uint64_t hash = 0;
    for (const auto& [id, peer] : told_) hash += PeerDigest(peer);
    return hash;
  }

  // What the kernel is given never overlaps, and the hash is of what the controller told.
  void CheckTable() const {
    std::uint64_t hash = 0;
    std::size_t held = 0;
    std::map<Prefix, std::string> subnets;
    for (const auto& [id, peer] : table_.peers()) {
      Require(id == peer.node_id);
      table_.IsHeld(id) ? ++held : hash += PeerDigest(peer);
      for (const Family family : kFamilies) {
        if (peer.subnets[family]) Require(subnets.emplace(*peer.subnets[family], id).second);
      }
    }
    Require(held == table_.held() && hash == table_.set_hash());
    const Prefix* before = nullptr;
    for (const auto& [subnet, id] : subnets) {
      Require(before == nullptr || !before->Overlaps(subnet));
      before = &subnet;
    }
  }

  PeerTable table_{RemovalGuard{0.5, 3}};
  std::string history_;
  std::map<std::string, Peer> told_;  // on this stream
};

void CheckStream(const std::string& input) {
  Stream stream;
  fuzz::Pieces pieces(input);
  while (const auto piece = pieces.Next()) stream.Take(piece->bytes, piece->kind % 2 == 1);
}

}  // namespace
}  // namespace heddle::node

HEDDLE_FUZZ(heddle::node::CheckStream)
