// The last good snapshot on the node's disk, so that a host that boots while every controller is
// down still comes up connected.
//
// A small envelope (magic, version, length, checksum) around v1::SavedSnapshot. What is read is
// hostile: it is whole and valid, or an error, never part of it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "node/executor.h"

namespace heddle::node {

// The file's content, and back. DataLoss: truncated, corrupted, not such a file, of another version
// or not to be decoded; says which.
std::string EncodeSnapshot(const Remembered& snapshot);
absl::StatusOr<Remembered> DecodeSnapshot(absl::string_view content);

// Replaces `path` atomically, readable by its owner only (0600).
absl::Status WriteSnapshotFile(const std::string& path, const Remembered& snapshot);
// NotFound: there is none. DataLoss: as DecodeSnapshot, naming the file and what to do.
absl::StatusOr<Remembered> ReadSnapshotFile(const std::string& path);

}  // namespace heddle::node
