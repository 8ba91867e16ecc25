// The answer to a Backup: all that is restored from, page by page of one listing, as a file.
#pragma once

#include <functional>
#include <string>

#include "api/heddle/v1/admin.pb.h"
#include "base/clock.h"
#include "controller/event_stream.h"
#include "storage/backup/backup_file.h"
#include "storage/store.h"

namespace heddle::controller {

class BackupStream final : public EventStream<v1::FileChunk> {
 public:
  // `ended` is called once gRPC is done with it.
  BackupStream(storage::Store* store, const Clock* clock, std::string version,
               std::function<void(BackupStream*)> ended);

  // The store's local copy is new enough: the file begins.
  void Go();

 private:
  Turn Next() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnEnded() override { ended_(this); }
  absl::Status AddPage();

  storage::Store* const store_;
  const Clock* const clock_;
  const std::string version_;
  const std::function<void(BackupStream*)> ended_;
  std::string pending_;  // guarded by mutex_, and what follows
  storage::BackupWriter writer_;
  bool may_go_ = false, began_ = false, complete_ = false;
  std::string cursor_;
};

}  // namespace heddle::controller
