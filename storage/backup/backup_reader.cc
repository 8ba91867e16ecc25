#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/backup/backup_file.h"
#include "storage/backup/format.pb.h"
#include "storage/backup/frame.h"
#include "storage/backup/sha256.h"

namespace heddle::storage {
namespace {

template <typename Message>
bool Parse(absl::string_view bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::size_t PayloadBytes(absl::string_view frame_start) {
  std::size_t bytes = 0;
  for (int i = 1; i <= 4; ++i) bytes = bytes << 8 | static_cast<unsigned char>(frame_start[i]);
  return bytes;
}

}  // namespace

BackupReader::BackupReader(OnRecord on_record)
    : on_record_(std::move(on_record)), digest_(std::make_unique<Sha256>()) {}
BackupReader::~BackupReader() = default;

absl::Status BackupReader::Refuse(absl::string_view why) const {
  return absl::InvalidArgumentError(
      absl::StrCat("not a backup that can be used: at byte ", position_, ": ", why));
}

absl::Status BackupReader::Feed(absl::string_view bytes) {
  if (failed_.ok()) failed_ = Take(bytes);
  return failed_;
}

absl::Status BackupReader::Take(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (ended_) return Refuse("bytes follow the end");
    HEDDLE_ASSIGN_OR_RETURN(const std::size_t wanted, FrameBytes());
    const std::size_t taken = std::min(wanted - pending_.size(), bytes.size());
    pending_.append(bytes.data(), taken);
    bytes.remove_prefix(taken);
    if (pending_.size() < wanted) return absl::OkStatus();
    // The start of a frame says how much of it is still to come.
    HEDDLE_ASSIGN_OR_RETURN(const std::size_t whole, FrameBytes());
    if (pending_.size() < whole) continue;
    HEDDLE_RETURN_IF_ERROR(TakeFrame(pending_));
    position_ += pending_.size();
    pending_.clear();
  }
  return absl::OkStatus();
}

// How long the frame being read is, as far as can be told by now.
absl::StatusOr<std::size_t> BackupReader::FrameBytes() const {
  if (!began_) return kBackupMagicBytes;
  if (pending_.size() < kFrameStartBytes) return kFrameStartBytes;
  const char kind = pending_[0];
  const char* const expected = !header_ ? "H" : "RT";
  if (absl::string_view(expected).find(kind) == absl::string_view::npos) {
    return Refuse(absl::StrCat("a frame of kind '", absl::CHexEscape(absl::string_view(&kind, 1)),
                               "' where one of ", expected, " belongs"));
  }
  const std::size_t limit = kind == kHeaderFrame   ? kMaxHeaderBytes
                            : kind == kRecordFrame ? kMaxRecordBytes
                                                   : kMaxTrailerBytes;
  const std::size_t payload = PayloadBytes(pending_);
  if (payload > limit) {
    return Refuse(absl::StrCat("a frame of kind '", absl::string_view(&kind, 1), "' of ", payload,
                               " bytes; at most ", limit, " are allowed"));
  }
  return kFrameStartBytes + payload;
}

absl::Status BackupReader::TakeFrame(absl::string_view frame) {
  if (!began_) {
    if (frame != kBackupMagic) return Refuse("it does not begin as one");
    began_ = true;
  } else {
    const absl::string_view payload = frame.substr(kFrameStartBytes);
    if (frame[0] == kTrailerFrame) return TakeTrailer(payload);
    HEDDLE_RETURN_IF_ERROR(frame[0] == kHeaderFrame ? TakeHeader(payload) : TakeRecord(payload));
  }
  digest_->Add(frame);
  return absl::OkStatus();
}

absl::Status BackupReader::TakeHeader(absl::string_view payload) {
  backup::Header message;
  if (!Parse(payload, &message)) return Refuse("the header cannot be decoded");
  if (message.format_version() != kBackupFormatVersion) {
    return Refuse(absl::StrCat("it is of format version ", message.format_version(),
                               ", made by Heddle ", absl::CHexEscape(message.software_version()),
                               "; this release reads version ", kBackupFormatVersion));
  }
  header_ = BackupHeader{absl::FromUnixMillis(message.made_unix_ms()),
                         message.software_version(),
                         message.engine(),
                         {message.history(), message.revision()}};
  return absl::OkStatus();
}

absl::Status BackupReader::TakeRecord(absl::string_view payload) {
  backup::Record message;
  if (!Parse(payload, &message)) return Refuse("a record cannot be decoded");
  if (message.key().empty()) return Refuse("a record without a key");
  if (message.key() <= last_key_) {
    return Refuse(absl::StrCat("the record ", absl::CHexEscape(message.key()), " comes after ",
                               absl::CHexEscape(last_key_), ": out of order, or twice"));
  }
  last_key_ = message.key();
  ++records_;
  return on_record_(message.key(), std::move(*message.mutable_value()));
}

absl::Status BackupReader::TakeTrailer(absl::string_view payload) {
  backup::Trailer message;
  if (!Parse(payload, &message)) return Refuse("the trailer cannot be decoded");
  if (message.records() != records_) {
    return Refuse(absl::StrCat("it has ", records_, " records instead of ", message.records()));
  }
  if (message.sha256() != digest_->Digest()) {
    return Refuse("its checksum is wrong: it is damaged, or was changed");
  }
  ended_ = true;
  return absl::OkStatus();
}

absl::Status BackupReader::Finish() {
  if (failed_.ok() && !ended_) {
    failed_ = Refuse(absl::StrCat("it ends here, after ", pending_.size(),
                                  " bytes of a frame: the end is missing"));
  }
  return failed_;
}

}  // namespace heddle::storage
