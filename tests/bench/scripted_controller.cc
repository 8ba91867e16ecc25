#include "tests/bench/scripted_controller.h"

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "api/convert.h"

namespace heddle::bench {
namespace {

constexpr int kPeersInChunk = 1000;
constexpr std::uint32_t kFirstSubnet = 0x0A000040;   // 10.0.0.64, in steps of 64
constexpr std::uint32_t kFirstAddress = 0xC6120001;  // 198.18.0.1: the range for benchmarks

Network TestNetwork() {
  Network network;
  const Prefix range = Prefix::Parse("10.0.0.0/8").value();
  network.ranges[Family::kV4] = Range{range, 26, range.base(), Prefix(range.last(), 26).base()};
  network.backend = CompleteBackend({"vxlan", {}}).value();
  return network;
}

// `version` changes the address and the MAC.
Peer MakePeer(int number, int version) {
  Peer peer;
  peer.node_id = absl::StrCat("node-", number);
  peer.subnets[Family::kV4] = Prefix(Ip(Family::kV4, kFirstSubnet + number * 64), 26);
  peer.advertisement.public_address[Family::kV4] =
      Ip(Family::kV4, kFirstAddress + number + version * (1 << 18));
  peer.advertisement.backend_type = "vxlan";
  const auto byte = [&](int shift) { return static_cast<std::uint8_t>(number >> shift); };
  peer.advertisement.vtep_mac.bytes = {
      2, static_cast<std::uint8_t>(version), byte(24), byte(16), byte(8), byte(0)};
  return peer;
}

}  // namespace

ScriptedController::ScriptedController(int peers) {
  for (int number = 0; number <= peers; ++number) {
    peers_.push_back(MakePeer(number, 0));
    if (number == 0) continue;
    if ((number - 1) % kPeersInChunk == 0) chunks_.emplace_back();
    *chunks_.back().mutable_chunk()->add_changes()->mutable_put() = ToProto(peers_.back());
    set_hash_ += PeerDigest(peers_.back());
  }
  server_ = std::make_unique<node::FakeController>([this](int, Wire* wire) { return Serve(wire); });
}

grpc::Status ScriptedController::Serve(Wire* wire) {
  v1::NodeMessage message;
  if (!wire->Read(&message)) return grpc::Status::OK;
  const bool resumes =
      message.hello().resume().revision() == revision_ && !message.hello().need_snapshot();
  v1::ControllerMessage welcome;
  welcome.mutable_welcome()->set_history("bench");
  welcome.mutable_welcome()->set_heartbeat_seconds(600);
  *welcome.mutable_welcome()->mutable_network() = ToProto(TestNetwork());
  wire->Write(welcome);
  while (wire->Read(&message)) {
    if (message.has_advertise()) Grant(message.advertise(), resumes, wire);
    if (!message.has_applied()) continue;
    MutexLock lock(&mutex_);
    applied_ = message.applied().revision();
    applied_at_ = SteadyClock::now();
    for (const std::string& problem : message.applied().problems()) {
      fprintf(stderr, "the node says: %s\n", problem.c_str());
    }
    reported_.notify_all();
  }
  SetWire(nullptr);
  return grpc::Status::OK;
}

void ScriptedController::SetWire(Wire* wire) {
  MutexLock lock(&mutex_);
  wire_ = wire;
}

void ScriptedController::Grant(const v1::Advertise& advertise, bool resumes, Wire* wire) {
  peers_[0].advertisement = FromProto(advertise.advertisement()).value();
  v1::ControllerMessage lease;
  *lease.mutable_own_lease()->mutable_self() = ToProto(peers_[0]);
  wire->Write(lease);
  if (!resumes) {
    v1::ControllerMessage begin;
    begin.mutable_snapshot_begin()->set_revision(revision_);
    wire->Write(begin);
    for (const v1::ControllerMessage& chunk : chunks_) wire->Write(chunk);
  }
  WriteSynced(wire);
  SetWire(wire);
}

void ScriptedController::WriteSynced(Wire* wire) const {
  v1::ControllerMessage synced;
  synced.mutable_synced()->set_revision(revision_);
  synced.mutable_synced()->set_set_hash(set_hash_);
  wire->Write(synced);
}

void ScriptedController::ChangePeer(int number) {
  Peer& peer = peers_.at(number);
  const int version = peer.advertisement.vtep_mac.bytes[1] + 1;
  set_hash_ -= PeerDigest(peer);
  peer = MakePeer(number, version);
  set_hash_ += PeerDigest(peer);
  ++revision_;
  v1::ControllerMessage chunk;
  *chunk.mutable_chunk()->add_changes()->mutable_put() = ToProto(peer);
  MutexLock lock(&mutex_);
  if (wire_ == nullptr) return;  // the wait for the report says so
  wire_->Write(chunk);
  WriteSynced(wire_);
}

void ScriptedController::ForgetApplied() {
  MutexLock lock(&mutex_);
  applied_ = 0;
}

std::optional<SteadyClock::time_point> ScriptedController::WaitForApplied(
    std::chrono::seconds limit) {
  MutexLock lock(&mutex_);
  if (!reported_.wait_for(lock.native(), limit, [this] { return applied_ == revision_; })) {
    return std::nullopt;
  }
  return applied_at_;
}

}  // namespace heddle::bench
