// Backup and Restore of the AdminService: the store's content as a file, and back.
//
// Any controller makes a backup, of its local copy, once that is as new as the store. Only the
// leader restores; another refuses, and names the leader's address in the trailing metadata
// kLeaderKey. What was asked of them is in the audit log, but for what the leader is asked next.
// One restore at a time; once it has begun to change the store it is completed though the caller
// goes away.
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
#include "controller/access.h"
#include "controller/admitted_streams.h"
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
    const Access* access = nullptr;
    AdmittedStreams* streams = nullptr;
  };

  explicit FileCalls(const Wiring& wiring) : wiring_(wiring) {}
  ~FileCalls();

  grpc::ServerWriteReactor<v1::FileChunk>* Backup(grpc::CallbackServerContext* context);
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(grpc::CallbackServerContext* context,
                                                       v1::RestoreResponse* response);
  // Ends backups, and a restore between two transactions.
  void CloseAll(const absl::Status& why);

 private:
  // The end of a backup that cannot begin, or its begin; for the audit log as well.
  void BeginBackup(const Caller& caller, const std::shared_ptr<BackupStream>& stream,
                   const absl::StatusOr<storage::Position>& position);
  void OnRestoreEnding(const Caller& caller, const RestoreCall& call, const absl::Status& status);
  void CarryOut(std::shared_ptr<RestoreCall> call, grpc::CallbackServerContext* context);
  absl::Status RestoreNow(RestoreCall* call, grpc::CallbackServerContext* context);
  absl::Status CheckMayRestore(RestoreCall* call, grpc::CallbackServerContext* context);

  const Wiring wiring_;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  absl::flat_hash_map<BackupStream*, std::shared_ptr<BackupStream>> backups_
      ABSL_GUARDED_BY(mutex_);
  RestoreCall* restoring_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread restore_thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
