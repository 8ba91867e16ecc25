#include "controller/frames.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "api/convert.h"
#include "api/convert_probe.h"
#include "api/heddle/v1/node.pb.h"

namespace heddle::controller {
namespace {

using google::protobuf::internal::WireFormatLite;

Frame ToFrame(const v1::ControllerMessage& message) {
  return std::make_shared<const std::string>(message.SerializeAsString());
}

std::string OneChange(v1::PeerChange change) {
  v1::Chunk chunk;
  *chunk.add_changes() = std::move(change);
  return chunk.SerializeAsString();
}

}  // namespace

Frame WelcomeFrame(absl::string_view history, const Network& network, int heartbeat_seconds,
                   absl::string_view controller_version, absl::string_view controller_id) {
  v1::ControllerMessage message;
  v1::Welcome* welcome = message.mutable_welcome();
  welcome->set_history(std::string(history));
  *welcome->mutable_network() = ToProto(network);
  welcome->set_heartbeat_seconds(heartbeat_seconds);
  welcome->set_controller_version(std::string(controller_version));
  welcome->set_controller_id(std::string(controller_id));
  return ToFrame(message);
}

Frame OwnLeaseFrame(const Peer& self, absl::Time expires, const absl::Status& refused) {
  v1::ControllerMessage message;
  *message.mutable_own_lease()->mutable_self() = ToProto(self);
  message.mutable_own_lease()->set_expires_unix_ms(ToUnixMs(expires));
  message.mutable_own_lease()->set_refused(std::string(refused.message()));
  return ToFrame(message);
}

Frame SnapshotBeginFrame(storage::Revision revision) {
  v1::ControllerMessage message;
  message.mutable_snapshot_begin()->set_revision(revision);
  return ToFrame(message);
}

Frame SyncedFrame(storage::Revision revision, std::uint64_t set_hash, bool settling) {
  v1::ControllerMessage message;
  message.mutable_synced()->set_revision(revision);
  message.mutable_synced()->set_set_hash(set_hash);
  message.mutable_synced()->set_settling(settling);
  return ToFrame(message);
}

Frame HeartbeatFrame(storage::Revision revision, std::uint64_t set_hash, bool settling,
                     std::optional<absl::Time> stale_since) {
  v1::ControllerMessage message;
  message.mutable_heartbeat()->set_revision(revision);
  message.mutable_heartbeat()->set_set_hash(set_hash);
  message.mutable_heartbeat()->set_settling(settling);
  if (stale_since) message.mutable_heartbeat()->set_stale_since_unix_ms(ToUnixMs(*stale_since));
  return ToFrame(message);
}

Frame AcceptRemovalsFrame() {
  v1::ControllerMessage message;
  message.mutable_accept_removals();
  return ToFrame(message);
}

Frame ProbeRequestFrame(const ProbeRequest& request) {
  v1::ControllerMessage message;
  *message.mutable_probe_request() = ToProto(request);
  return ToFrame(message);
}

Frame NetworkFrame(const Network& network) {
  v1::ControllerMessage message;
  *message.mutable_network() = ToProto(network);
  return ToFrame(message);
}

Frame TrustFrame(absl::string_view roots_pem, absl::string_view issuer) {
  v1::ControllerMessage message;
  message.mutable_trust()->set_roots_pem(std::string(roots_pem));
  message.mutable_trust()->set_issuer(std::string(issuer));
  return ToFrame(message);
}

std::string PutBytes(const Peer& peer) {
  v1::PeerChange change;
  *change.mutable_put() = ToProto(peer);
  return OneChange(std::move(change));
}

std::string RemovedBytes(absl::string_view node_id) {
  v1::PeerChange change;
  change.set_removed_node_id(std::string(node_id));
  return OneChange(std::move(change));
}

Frame ChunkFrame(absl::string_view concatenated_changes) {
  using google::protobuf::io::CodedOutputStream;
  std::uint8_t header[10];
  std::uint8_t* end = CodedOutputStream::WriteTagToArray(
      WireFormatLite::MakeTag(v1::ControllerMessage::kChunkFieldNumber,
                              WireFormatLite::WIRETYPE_LENGTH_DELIMITED),
      header);
  end = CodedOutputStream::WriteVarint32ToArray(
      static_cast<std::uint32_t>(concatenated_changes.size()), end);
  std::string bytes;
  bytes.reserve((end - header) + concatenated_changes.size());
  bytes.append(reinterpret_cast<const char*>(header), end - header);
  bytes.append(concatenated_changes.data(), concatenated_changes.size());
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace heddle::controller
