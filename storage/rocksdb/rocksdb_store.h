// The embedded engine: one process, one directory, RocksDB. No answer before the disk has it.
//
// One engine thread commits: it takes every transaction that waits, writes them as one synced
// group, delivers the feed, then answers. Reads go straight to the database from the caller's
// thread.
//
// When a write fails (disk full, I/O error) the whole group is answered Unknown and the store is no
// longer writable: commits are Unavailable, Describe has an alarm that says why, reads continue.
// The engine then tries to reopen the database, delivers what turns out to have been committed, and
// goes on. There is one candidate for leadership at a time, and it always leads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace heddle::storage {

struct RocksdbOptions {
  std::string path;                     // directory; made (0700) when missing
  std::size_t history_limit = 100'000;  // batches kept for subscribers that come back
  // Between attempts to reopen the database after a failed write.
  absl::Duration reopen_interval = absl::Seconds(1);
  std::size_t queue_limit = 16'384;  // waiting transactions; more are Unavailable
  rocksdb::Env* env = nullptr;       // null: the system's; tests put faults there
};

// DataLoss: the directory is damaged; nothing in it was changed. FailedPrecondition: another
// process has it, or a newer version wrote it. ResourceExhausted: the disk is full. Each message
// names the directory and what to do. Destroy subscriptions and candidacies before the store.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksdbStore(const RocksdbOptions& options);

}  // namespace heddle::storage
