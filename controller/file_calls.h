// Backup and Restore of the AdminService: the store's content as a file, and back.
//
// Any controller makes a backup, of its local copy, once that is as new as the store. Only the
// leader restores; another refuses, and names the leader's address in the trailing metadata
// kLeaderKey. One restore at a time; once it has begun to change the store it is completed though
// the caller goes away.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/backup_stream.h"
#include "controller/restore_call.h"
#include "controller/writer_thread.h"
#include "storage/store.h"

namespace heddle::controller {

inline constexpr char kLeaderKey[] = "heddle-leader";

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class FileCalls {
 public:
  struct Wiring {
    storage::Store* store = nullptr;
    WriterThread* writer = nullptr;
    const Clock* clock = nullptr;
    std::string version;
    absl::Duration restore_settle;
  };

  explicit FileCalls(const Wiring& wiring) : wiring_(wiring) {}
  ~FileCalls();

  grpc::ServerWriteReactor<v1::FileChunk>* Backup();
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(grpc::CallbackServerContext* context,
                                                       v1::RestoreResponse* response);
  // Ends backups, and a restore between two transactions.
  void CloseAll(const absl::Status& why);

 private:
  void BeginBackup(const std::shared_ptr<BackupStream>& stream);
  void CarryOut(std::shared_ptr<RestoreCall> call, grpc::CallbackServerContext* context);
  absl::Status RestoreNow(RestoreCall* call, grpc::CallbackServerContext* context);
  absl::Status CheckMayRestore(bool replace, grpc::CallbackServerContext* context);

  const Wiring wiring_;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  absl::flat_hash_map<BackupStream*, std::shared_ptr<BackupStream>> backups_
      ABSL_GUARDED_BY(mutex_);
  RestoreCall* restoring_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread restore_thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
