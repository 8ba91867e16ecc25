#include "node/wire.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/convert_probe.h"
#include "base/program.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

// A controller that asks for less would have nodes give up streams that are merely busy.
constexpr int kHeartbeatMinSeconds = 1, kHeartbeatMaxSeconds = 3600;

// What a controller says goes to logs and terminals: of this length, and escaped.
constexpr std::size_t kVersionCharacters = 64, kReasonCharacters = 1000;

absl::StatusOr<Update> DecodeWelcome(const v1::Welcome& message) {
  if (message.history().empty() || message.history().size() > 256) {
    return absl::InvalidArgumentError("history: it must be there, and at most 256 bytes long");
  }
  if (message.heartbeat_seconds() < kHeartbeatMinSeconds ||
      message.heartbeat_seconds() > kHeartbeatMaxSeconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("heartbeat_seconds: ", message.heartbeat_seconds(), " is not between ",
                     kHeartbeatMinSeconds, " and ", kHeartbeatMaxSeconds));
  }
  HEDDLE_ASSIGN_OR_RETURN(Network network, FromProto(message.network()));
  return Welcome{message.history(), std::move(network), absl::Seconds(message.heartbeat_seconds()),
                 Excerpt(message.controller_version(), kVersionCharacters)};
}

absl::StatusOr<Update> DecodeOwnLease(const v1::OwnLease& message) {
  HEDDLE_ASSIGN_OR_RETURN(Peer self, FromProto(message.self()));
  return OwnLease{std::move(self), FromUnixMs(message.expires_unix_ms()),
                  Excerpt(message.refused(), kReasonCharacters)};
}

absl::StatusOr<PeerUpdate> DecodeChange(const v1::PeerChange& message) {
  if (message.has_put()) {
    HEDDLE_ASSIGN_OR_RETURN(Peer peer, FromProto(message.put()));
    std::string node_id = peer.node_id;
    return PeerUpdate{std::move(node_id), std::move(peer)};
  }
  if (message.kind_case() != v1::PeerChange::kRemovedNodeId) {
    return absl::InvalidArgumentError("a change neither puts nor removes a peer");
  }
  HEDDLE_RETURN_IF_ERROR(ValidateNodeId(message.removed_node_id()));
  return PeerUpdate{message.removed_node_id(), std::nullopt};
}

absl::StatusOr<Update> DecodeChunk(const v1::Chunk& message) {
  Chunk chunk;
  chunk.changes.reserve(message.changes_size());
  for (const v1::PeerChange& change : message.changes()) {
    HEDDLE_ASSIGN_OR_RETURN(PeerUpdate update, DecodeChange(change));
    chunk.changes.push_back(std::move(update));
  }
  return chunk;
}

Heartbeat DecodeHeartbeat(const v1::Heartbeat& message) {
  Heartbeat heartbeat{message.revision(), message.set_hash(), message.settling(), std::nullopt};
  if (message.stale_since_unix_ms() > 0) {
    heartbeat.stale_since = absl::FromUnixMillis(message.stale_since_unix_ms());
  }
  return heartbeat;
}

absl::StatusOr<Update> DecodeKind(const v1::ControllerMessage& message) {
  switch (message.kind_case()) {
    case v1::ControllerMessage::kWelcome:
      return DecodeWelcome(message.welcome());
    case v1::ControllerMessage::kOwnLease:
      return DecodeOwnLease(message.own_lease());
    case v1::ControllerMessage::kSnapshotBegin:
      return SnapshotBegin{message.snapshot_begin().revision()};
    case v1::ControllerMessage::kChunk:
      return DecodeChunk(message.chunk());
    case v1::ControllerMessage::kSynced:
      return Synced{message.synced().revision(), message.synced().set_hash(),
                    message.synced().settling()};
    case v1::ControllerMessage::kHeartbeat:
      return DecodeHeartbeat(message.heartbeat());
    case v1::ControllerMessage::kAcceptRemovals:
      return AcceptRemovals{};
    case v1::ControllerMessage::kNetwork: {
      HEDDLE_ASSIGN_OR_RETURN(Network network, FromProto(message.network()));
      return network;
    }
    case v1::ControllerMessage::kProbeRequest: {
      HEDDLE_ASSIGN_OR_RETURN(ProbeRequest request, FromProto(message.probe_request()));
      return request;
    }
    case v1::ControllerMessage::kTrust:
      return Trust{message.trust().roots_pem(), message.trust().issuer()};
    case v1::ControllerMessage::KIND_NOT_SET:
      break;
  }
  return UnknownKind{};
}

}  // namespace

absl::StatusOr<Update> Decode(const v1::ControllerMessage& message) {
  absl::StatusOr<Update> update = DecodeKind(message);
  if (update.ok()) return update;
  return absl::InvalidArgumentError(
      absl::StrCat("the controller's message cannot be used: ",
                   Excerpt(update.status().message(), kReasonCharacters)));
}

v1::NodeMessage EncodeAdvertise(const Advertisement& advertisement,
                                absl::Span<const Prefix> preferred) {
  v1::NodeMessage message;
  v1::Advertise* advertise = message.mutable_advertise();
  *advertise->mutable_advertisement() = ToProto(advertisement);
  for (const Prefix& subnet : preferred) *advertise->add_preferred_subnets() = ToProto(subnet);
  return message;
}

v1::NodeMessage EncodeApplied(const Applied& applied) {
  v1::NodeMessage message;
  v1::Applied* to = message.mutable_applied();
  to->set_revision(applied.revision);
  to->set_set_hash(applied.set_hash);
  to->set_peers(applied.peers);
  to->set_held_removals(applied.held_removals);
  for (const std::string& problem : applied.problems) to->add_problems(problem);
  *to->mutable_reachability() = ToProto(applied.reachability);
  return message;
}

v1::NodeMessage EncodeProbeReport(const ProbeReport& report) {
  v1::NodeMessage message;
  *message.mutable_probe_report() = ToProto(report);
  return message;
}

}  // namespace heddle::node
