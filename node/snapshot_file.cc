#include "node/snapshot_file.h"

#include <xxhash.h>

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/heddle/v1/node.pb.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

// Like PNG's: the byte above 127 and the line ends show a file that was copied as text.
constexpr absl::string_view kMagic = "\x89HSNAP\r\n";
constexpr std::uint64_t kVersion = 1;
constexpr int kVersionBytes = 4, kLengthBytes = 8, kChecksumBytes = 8;
constexpr std::size_t kLimitBytes = 256 << 20;  // some 2 million peers

void AppendNumber(std::uint64_t number, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i) & 0xFF));
}

// Takes a number off the front of `content`, or fails when it is too short.
absl::StatusOr<std::uint64_t> TakeNumber(int bytes, absl::string_view* content) {
  if (content->size() < static_cast<std::size_t>(bytes)) {
    return absl::DataLossError("it is cut short");
  }
  std::uint64_t number = 0;
  for (int i = 0; i < bytes; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>((*content)[i])} << (8 * i);
  }
  content->remove_prefix(bytes);
  return number;
}

absl::StatusOr<absl::string_view> OpenEnvelope(absl::string_view content) {
  if (content.empty()) return absl::DataLossError("it is empty");
  if (!absl::StartsWith(content, kMagic)) {
    return absl::DataLossError("it is not a snapshot of heddle-node");
  }
  content.remove_prefix(kMagic.size());
  HEDDLE_ASSIGN_OR_RETURN(const std::uint64_t version, TakeNumber(kVersionBytes, &content));
  if (version != kVersion) {
    return absl::DataLossError(absl::StrCat("it is of format version ", version,
                                            "; this program knows version ", kVersion));
  }
  HEDDLE_ASSIGN_OR_RETURN(const std::uint64_t length, TakeNumber(kLengthBytes, &content));
  HEDDLE_ASSIGN_OR_RETURN(const std::uint64_t checksum, TakeNumber(kChecksumBytes, &content));
  if (content.size() != length) {
    return absl::DataLossError(
        absl::StrCat("it should hold ", length, " bytes but holds ", content.size()));
  }
  if (XXH3_64bits(content.data(), content.size()) != checksum) {
    return absl::DataLossError("its checksum does not match");
  }
  return content;
}

absl::StatusOr<Remembered> FromMessage(const v1::SavedSnapshot& message) {
  Remembered snapshot;
  snapshot.position = {message.position().history(), message.position().revision()};
  if (snapshot.position.history.empty() && snapshot.position.revision != 0) {
    return absl::InvalidArgumentError("it has a revision without a history");
  }
  HEDDLE_ASSIGN_OR_RETURN(snapshot.network, FromProto(message.network()));
  HEDDLE_ASSIGN_OR_RETURN(snapshot.self, FromProto(message.self()));
  for (const v1::Peer& peer_message : message.peers()) {
    HEDDLE_ASSIGN_OR_RETURN(Peer peer, FromProto(peer_message));
    std::string node_id = peer.node_id;
    if (!snapshot.peers.emplace(std::move(node_id), std::move(peer)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("it has node ", peer_message.node_id(), " twice"));
    }
  }
  return snapshot;
}

}  // namespace

std::string EncodeSnapshot(const Remembered& snapshot) {
  v1::SavedSnapshot message;
  message.mutable_position()->set_history(snapshot.position.history);
  message.mutable_position()->set_revision(snapshot.position.revision);
  *message.mutable_network() = ToProto(snapshot.network);
  *message.mutable_self() = ToProto(snapshot.self);
  message.mutable_peers()->Reserve(static_cast<int>(snapshot.peers.size()));
  for (const auto& [node_id, peer] : snapshot.peers) *message.add_peers() = ToProto(peer);

  const std::string payload = message.SerializeAsString();
  std::string content(kMagic.data(), kMagic.size());
  content.reserve(content.size() + kVersionBytes + kLengthBytes + kChecksumBytes + payload.size());
  AppendNumber(kVersion, kVersionBytes, &content);
  AppendNumber(payload.size(), kLengthBytes, &content);
  AppendNumber(XXH3_64bits(payload.data(), payload.size()), kChecksumBytes, &content);
  return content.append(payload);
}

absl::StatusOr<Remembered> DecodeSnapshot(absl::string_view content) {
  HEDDLE_ASSIGN_OR_RETURN(const absl::string_view payload, OpenEnvelope(content));
  v1::SavedSnapshot message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("its content is not a message that this program knows");
  }
  auto snapshot = FromMessage(message);
  if (!snapshot.ok()) {
    return absl::DataLossError(
        absl::StrCat("its content makes no sense: ", snapshot.status().message()));
  }
  return snapshot;
}

absl::Status WriteSnapshotFile(const std::string& path, const Remembered& snapshot) {
  return WriteFileAtomically(path, EncodeSnapshot(snapshot), 0600);
}

absl::StatusOr<Remembered> ReadSnapshotFile(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kLimitBytes));
  auto snapshot = DecodeSnapshot(content);
  if (snapshot.ok()) return snapshot;
  return absl::DataLossError(
      absl::StrCat("cannot use the saved snapshot ", path, ": ", snapshot.status().message(),
                   "; a new one replaces it once a controller has sent its peers"));
}

}  // namespace heddle::node
