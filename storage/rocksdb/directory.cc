#include "storage/rocksdb/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "rocksdb/env.h"

namespace heddle::storage {
namespace {

// What a reopen needs: a new log, a new manifest, and the unwritten records as files.
constexpr off_t kProbeBytes = 4 << 20;

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Adds the directory and the way out to what went wrong.
absl::Status Explain(const std::string& path, const absl::Status& why) {
  const std::string where = absl::StrCat("storage directory ", path);
  if (absl::IsDataLoss(why)) {
    return absl::DataLossError(absl::StrCat(
        where, " is damaged: ", why.message(), ". None of its data was changed. Move it away and ",
        "restore a backup into an empty directory; keep the damaged one for examination"));
  }
  if (IsHeldByAnother(why)) {
    return absl::FailedPreconditionError(absl::StrCat(
        where, " is in use by another process, probably a second heddle-controller: stop that ",
        "one, or give this one a directory of its own (", why.message(), ")"));
  }
  if (absl::IsResourceExhausted(why)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the disk of ", where, " is full: free some space there (", why.message(), ")"));
  }
  return absl::Status(why.code(), absl::StrCat(where, " cannot be opened: ", why.message()));
}

// RocksDB aborts the process when its disk is full while it opens, so this is asked first.
absl::Status ProbeSpace(const std::string& path) {
  const std::string probe = absl::StrCat(path, "/probe");
  const int fd = open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int error = fd < 0 ? errno : posix_fallocate(fd, 0, kProbeBytes);
  if (fd >= 0) {
    if (error == 0 && fdatasync(fd) != 0) error = errno;
    close(fd);
    unlink(probe.c_str());
  }
  if (error == 0) return absl::OkStatus();
  const std::string text = absl::StrCat("writing 4 MiB there fails: ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text)
                                            : absl::UnavailableError(text);
}

absl::Status MakeNew(const std::string& path, rocksdb::Env* env, AcknowledgedMark* mark) {
  HEDDLE_RETURN_IF_ERROR(MakeFolders(path, 0700));
  HEDDLE_RETURN_IF_ERROR(ProbeSpace(path));
  const std::string final_name = DatabaseFolder(path);
  const std::string draft = absl::StrCat(final_name, ".new");
  const History history = NewHistory(/*restored=*/false);
  // What an interrupted attempt left is finished and overwritten by this one.
  HEDDLE_RETURN_IF_ERROR(Database::Create(draft, history, env));
  if (rename(draft.c_str(), final_name.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot rename ", draft, " to ", final_name, ": ", strerror(errno)));
  }
  // Making the mark syncs the folder, and with it the rename.
  return mark->Make({history.id, 0});
}

// A database that ends before what was acknowledged has lost the end of its log.
absl::Status CheckComplete(const Meta& meta, const Position& acknowledged) {
  if (meta.history.id != acknowledged.history || meta.revision >= acknowledged.revision) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("revision ", acknowledged.revision,
                                          " was acknowledged, but the database ends at revision ",
                                          meta.revision, ": the end of its log is missing"));
}

// Reads the database without changing it: opening for writing replays the log into new files and
// removes the old ones, and with them what an examination of the damage needs.
absl::Status Inspect(const std::string& path, rocksdb::Env* env,
                     const std::optional<Position>& acknowledged) {
  const std::string folder = DatabaseFolder(path);
  rocksdb::FileLock* lock = nullptr;
  const std::string lock_file = absl::StrCat(folder, "/LOCK");
  HEDDLE_RETURN_IF_ERROR(FromRocksdb(env->LockFile(lock_file, &lock), "RocksDB says"));
  const auto unlock = absl::MakeCleanup([&] { env->UnlockFile(lock).PermitUncheckedError(); });
  HEDDLE_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database,
                          Database::Open(folder, Database::Mode::kReadOnly, env));
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta, database->ReadMeta());
  if (acknowledged) HEDDLE_RETURN_IF_ERROR(CheckComplete(meta, *acknowledged));
  return database->VerifyContents();
}

absl::StatusOr<OpenedDirectory> OpenExisting(const std::string& path, rocksdb::Env* env,
                                             const std::optional<Position>& acknowledged) {
  HEDDLE_RETURN_IF_ERROR(Inspect(path, env, acknowledged));
  OpenedDirectory opened;
  HEDDLE_ASSIGN_OR_RETURN(opened.database,
                          Database::Open(DatabaseFolder(path), Database::Mode::kReadWrite, env));
  HEDDLE_ASSIGN_OR_RETURN(opened.meta, opened.database->ReadMeta());
  return opened;
}

absl::StatusOr<OpenedDirectory> OpenOrMake(const std::string& path, rocksdb::Env* env,
                                           AcknowledgedMark* mark) {
  HEDDLE_ASSIGN_OR_RETURN(const std::optional<Position> acknowledged, mark->Read());
  if (!Exists(DatabaseFolder(path))) {
    if (acknowledged) {
      return absl::DataLossError(absl::StrCat("revision ", acknowledged->revision,
                                              " was acknowledged here, but the folder ",
                                              DatabaseFolder(path), " is missing"));
    }
    HEDDLE_RETURN_IF_ERROR(MakeNew(path, env, mark));
  } else {
    HEDDLE_RETURN_IF_ERROR(ProbeSpace(path));
  }
  HEDDLE_ASSIGN_OR_RETURN(OpenedDirectory opened, OpenExisting(path, env, acknowledged));
  // A new term at each open: a fence of an earlier process is old from here on.
  ++opened.meta.term;
  HEDDLE_RETURN_IF_ERROR(opened.database->WriteTerm(opened.meta.term));
  HEDDLE_RETURN_IF_ERROR(mark->Make(opened.meta.position()));
  return opened;
}

}  // namespace

std::string DatabaseFolder(const std::string& path) { return absl::StrCat(path, "/rocksdb"); }
std::string MarkFile(const std::string& path) { return absl::StrCat(path, "/acknowledged"); }

History NewHistory(bool restored) {
  absl::BitGen random;
  std::string id = absl::StrFormat("%016x%016x", absl::Uniform<std::uint64_t>(random),
                                   absl::Uniform<std::uint64_t>(random));
  return {std::move(id), absl::Now(), restored};
}

bool IsHeldByAnother(const absl::Status& status) {
  return absl::StrContains(status.message(), "While lock file") ||
         absl::StrContains(status.message(), "lock hold by");
}

absl::StatusOr<OpenedDirectory> OpenDirectory(const std::string& path, rocksdb::Env* env,
                                              AcknowledgedMark* mark) {
  absl::StatusOr<OpenedDirectory> opened = OpenOrMake(path, env, mark);
  if (!opened.ok()) return Explain(path, opened.status());
  return opened;
}

absl::StatusOr<OpenedDirectory> ReopenDirectory(const std::string& path, rocksdb::Env* env,
                                                const Position& acknowledged) {
  absl::StatusOr<OpenedDirectory> opened = OpenExisting(path, env, acknowledged);
  if (!opened.ok()) return Explain(path, opened.status());
  return opened;
}

absl::Status ProbeWritable(const std::string& path) {
  const absl::Status probe = ProbeSpace(path);
  return probe.ok() ? probe : Explain(path, probe);
}

}  // namespace heddle::storage
