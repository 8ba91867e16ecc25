// ControllerMessages as bytes ready for the wire, made once and shared by every stream that sends
// them. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "api/peer.h"
#include "api/probe.h"
#include "storage/store.h"

namespace heddle::controller {

// One whole serialised ControllerMessage. Immutable, so threads share it freely.
using Frame = std::shared_ptr<const std::string>;

Frame WelcomeFrame(absl::string_view history, const Network& network, int heartbeat_seconds,
                   absl::string_view controller_version, absl::string_view controller_id);
// `expires`: absl::InfiniteFuture() when reserved.
Frame OwnLeaseFrame(const Peer& self, absl::Time expires, const absl::Status& refused);
Frame SnapshotBeginFrame(storage::Revision revision);
// `settling`: a restored store settles; see node.proto.
Frame SyncedFrame(storage::Revision revision, std::uint64_t set_hash, bool settling);
// `stale_since`: since when the shared store has not been heard of.
Frame HeartbeatFrame(storage::Revision revision, std::uint64_t set_hash, bool settling,
                     std::optional<absl::Time> stale_since);
Frame AcceptRemovalsFrame();
Frame ProbeRequestFrame(const ProbeRequest& request);
Frame NetworkFrame(const Network& network);
// `issuer`: the key id of the root that signs; empty: not known here.
Frame TrustFrame(absl::string_view roots_pem, absl::string_view issuer);

// A chunk message with one change. Concatenated, several are a chunk of all their changes: that is
// how repeated fields are encoded.
std::string PutBytes(const Peer& peer);
std::string RemovedBytes(absl::string_view node_id);
// The message around such a concatenation.
Frame ChunkFrame(absl::string_view concatenated_changes);

}  // namespace heddle::controller
