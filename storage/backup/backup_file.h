// A backup: the records of a store at one position as a stream of bytes that any engine can be
// filled from. docs/backup.md has the format.
//
// What is read is hostile until the end was checked: sizes are bounded before anything is kept, and
// what was handed out counts only once Finish has answered OK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace heddle::storage {

inline constexpr std::uint32_t kBackupFormatVersion = 1;

struct BackupHeader {
  absl::Time made = absl::UnixEpoch();
  std::string software_version, engine;
  Position position;
};

class Sha256;

// Not thread-safe. What it makes is handed to `sink` in pieces; an error of the sink ends it.
class BackupWriter {
 public:
  using Sink = std::function<absl::Status(absl::string_view bytes)>;

  explicit BackupWriter(Sink sink);
  ~BackupWriter();

  // Once, first.
  absl::Status Begin(const BackupHeader& header);
  // In the order of keys. Of a record only key and value are kept: what the new store makes of it
  // has revisions of its own.
  absl::Status Add(absl::string_view key, absl::string_view value);
  // Once, last. Without it the file is not complete, and readers say so.
  absl::Status Finish();

  std::uint64_t records() const { return records_; }

 private:
  absl::Status Put(absl::string_view bytes);

  const Sink sink_;
  const std::unique_ptr<Sha256> digest_;
  std::uint64_t records_ = 0;
};

// Reads the bytes as they come, in pieces of any size, and holds no more than one record. Not
// thread-safe. Every error is InvalidArgument and says where and what; after one nothing more is
// taken.
class BackupReader {
 public:
  // Called for each record, in the order of keys; its error ends the reading.
  using OnRecord = std::function<absl::Status(std::string key, std::string value)>;

  explicit BackupReader(OnRecord on_record);
  ~BackupReader();

  absl::Status Feed(absl::string_view bytes);
  // The file ends here. OK: it is whole and as it was written.
  absl::Status Finish();

  // Once it has been read.
  const std::optional<BackupHeader>& header() const { return header_; }
  std::uint64_t records() const { return records_; }

 private:
  absl::Status Take(absl::string_view bytes);
  absl::StatusOr<std::size_t> FrameBytes() const;
  absl::Status TakeFrame(absl::string_view frame);
  absl::Status TakeHeader(absl::string_view payload);
  absl::Status TakeRecord(absl::string_view payload);
  absl::Status TakeTrailer(absl::string_view payload);
  absl::Status Refuse(absl::string_view why) const;

  const OnRecord on_record_;
  const std::unique_ptr<Sha256> digest_;
  absl::Status failed_;
  std::string pending_;         // of the frame being read, at most one
  std::uint64_t position_ = 0;  // in the file, of pending_
  bool began_ = false;          // the magic was read
  bool ended_ = false;          // the trailer was read
  std::optional<BackupHeader> header_;
  std::string last_key_;
  std::uint64_t records_ = 0;
};

}  // namespace heddle::storage
