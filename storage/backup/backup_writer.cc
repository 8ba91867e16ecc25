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

std::string ToFrame(char kind, absl::string_view payload) {
  std::string frame(kFrameStartBytes, kind);
  for (int i = 0; i < 4; ++i) frame[1 + i] = static_cast<char>(payload.size() >> (24 - 8 * i));
  absl::StrAppend(&frame, payload);
  return frame;
}

}  // namespace

BackupWriter::BackupWriter(Sink sink)
    : sink_(std::move(sink)), digest_(std::make_unique<Sha256>()) {}
BackupWriter::~BackupWriter() = default;

absl::Status BackupWriter::Put(absl::string_view bytes) {
  digest_->Add(bytes);
  return sink_(bytes);
}

absl::Status BackupWriter::Begin(const BackupHeader& header) {
  HEDDLE_RETURN_IF_ERROR(Put(kBackupMagic));
  backup::Header message;
  message.set_format_version(kBackupFormatVersion);
  message.set_made_unix_ms(absl::ToUnixMillis(header.made));
  message.set_software_version(header.software_version);
  message.set_engine(header.engine);
  message.set_history(header.position.history);
  message.set_revision(header.position.revision);
  return Put(ToFrame(kHeaderFrame, message.SerializeAsString()));
}

absl::Status BackupWriter::Add(absl::string_view key, absl::string_view value) {
  backup::Record message;
  message.set_key(std::string(key));
  message.set_value(std::string(value));
  const std::string payload = message.SerializeAsString();
  if (payload.size() > kMaxRecordBytes) {
    return absl::DataLossError(absl::StrCat("the record ", absl::CHexEscape(key), " has ",
                                            payload.size(), " bytes; at most ", kMaxRecordBytes,
                                            " can be restored"));
  }
  ++records_;
  return Put(ToFrame(kRecordFrame, payload));
}

absl::Status BackupWriter::Finish() {
  backup::Trailer message;
  message.set_records(records_);
  message.set_sha256(digest_->Digest());
  return sink_(ToFrame(kTrailerFrame, message.SerializeAsString()));
}

}  // namespace heddle::storage
