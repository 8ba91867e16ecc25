#include "controller/backup_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/grpc_bytes.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kPageRecords = 500;
constexpr std::size_t kChunkBytes = 256 << 10;

}  // namespace

BackupStream::BackupStream(storage::Store* store, const Clock* clock, std::string version,
                           std::function<void(BackupStream*)> ended)
    : store_(store),
      clock_(clock),
      version_(std::move(version)),
      ended_(std::move(ended)),
      writer_([this](absl::string_view bytes) {
        absl::StrAppend(&pending_, bytes);
        return absl::OkStatus();
      }) {}

void BackupStream::Go() {
  {
    MutexLock lock(&mutex_);
    may_go_ = true;
  }
  Kick();
}

absl::Status BackupStream::AddPage() {
  HEDDLE_ASSIGN_OR_RETURN(
      const storage::Page page,
      store_->List(kNetworkPrefix, cursor_, kPageRecords, storage::Store::Consistency::kLocal));
  if (!std::exchange(began_, true)) {
    HEDDLE_RETURN_IF_ERROR(
        writer_.Begin({clock_->Now(), version_, store_->Describe().engine, page.position}));
  }
  for (const storage::Record& record : page.records) {
    HEDDLE_RETURN_IF_ERROR(writer_.Add(record.key, record.value));
  }
  cursor_ = page.next_cursor;
  if (!cursor_.empty()) return absl::OkStatus();
  complete_ = true;
  return writer_.Finish();
}

BackupStream::Turn BackupStream::Next() {
  if (!may_go_) return {};
  while (!complete_ && pending_.size() < kChunkBytes) {
    const absl::Status added = AddPage();
    if (added.ok()) continue;
    return {std::nullopt,
            ToGrpc(absl::Status(added.code(), absl::StrCat("the backup cannot be completed: ",
                                                           added.message(), "; make it again")))};
  }
  if (pending_.empty()) return {std::nullopt, grpc::Status::OK};
  v1::FileChunk chunk;
  chunk.set_bytes(pending_.substr(0, kChunkBytes));
  pending_.erase(0, kChunkBytes);
  return {std::move(chunk), std::nullopt};
}

}  // namespace heddle::controller
