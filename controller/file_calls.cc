#include "controller/file_calls.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/await.h"
#include "controller/grpc_bytes.h"
#include "controller/refused_call.h"
#include "controller/restore.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// In the audit log.
constexpr char kBackup[] = "Backup", kRestore[] = "Restore";

}  // namespace

FileCalls::~FileCalls() {
  ending_ = true;
  std::thread thread;
  {
    MutexLock lock(&mutex_);
    thread = std::move(restore_thread_);
  }
  if (thread.joinable()) thread.join();
}

grpc::ServerWriteReactor<v1::FileChunk>* FileCalls::Backup(grpc::CallbackServerContext* context) {
  const auto caller = wiring_.access->Admit(*context, Need::kAdmin, kBackup);
  if (!caller.ok()) {
    return RefusedCall<grpc::ServerWriteReactor<v1::FileChunk>>::Begin(context, caller.status());
  }
  auto stream = std::make_shared<BackupStream>(wiring_.store, wiring_.clock, wiring_.version,
                                               [this](BackupStream* ended) {
                                                 MutexLock lock(&mutex_);
                                                 backups_.erase(ended);
                                               });
  {
    MutexLock lock(&mutex_);
    backups_.emplace(stream.get(), stream);
  }
  stream->Begin();
  wiring_.streams->Hold(*caller, kBackup, stream,
                        [](BackupStream& live, const absl::Status& why) { live.End(ToGrpc(why)); });
  wiring_.store->ReadPosition(
      [this, stream, caller = *caller](const absl::StatusOr<storage::Position>& position) {
        BeginBackup(caller, stream, position);
      });
  return stream.get();
}

void FileCalls::BeginBackup(const Caller& caller, const std::shared_ptr<BackupStream>& stream,
                            const absl::StatusOr<storage::Position>& position) {
  const auto begin = [this, caller, stream](const absl::Status& status,
                                            storage::Revision revision) {
    AuditEntry audit = EntryFor(caller, kBackup);
    audit.result = status;
    audit.revision = revision;
    wiring_.access->audit()->Record(audit);
    if (status.ok()) return stream->Go();
    stream->End(ToGrpc(status));
  };
  if (!position.ok()) {
    return begin(absl::UnavailableError(absl::StrCat(
                     "no backup can be made: the store cannot be asked how new this controller's "
                     "copy is (",
                     position.status().message(), "); try again, or ask another controller")),
                 0);
  }
  const absl::Status posted =
      wiring_.writer->Post([begin, revision = position->revision](Writer& writer) {
        writer.is_torn() ? begin(writer.Torn(), 0) : begin(absl::OkStatus(), revision);
      });
  if (!posted.ok()) begin(posted, 0);
}

grpc::ServerReadReactor<v1::RestoreRequest>* FileCalls::Restore(
    grpc::CallbackServerContext* context, v1::RestoreResponse* response) {
  const auto caller = wiring_.access->Admit(*context, Need::kAdmin, kRestore);
  if (!caller.ok()) {
    return RefusedCall<grpc::ServerReadReactor<v1::RestoreRequest>>::Begin(context,
                                                                           caller.status());
  }
  auto call = std::make_shared<RestoreCall>(
      response,
      [this, context](std::shared_ptr<RestoreCall> received) {
        CarryOut(std::move(received), context);
      },
      [this, caller = *caller](RestoreCall* ending, const absl::Status& status) {
        OnRestoreEnding(caller, *ending, status);
        MutexLock lock(&mutex_);
        if (restoring_ == ending) restoring_ = nullptr;
      });
  bool free = false;
  {
    MutexLock lock(&mutex_);
    free = restoring_ == nullptr;
    if (free) restoring_ = call.get();
  }
  RestoreCall* const reactor = call.get();
  call->Begin(free);
  wiring_.streams->Hold(*caller, kRestore, call,
                        [](RestoreCall& live, const absl::Status& why) { live.Stop(why); });
  return reactor;
}

void FileCalls::OnRestoreEnding(const Caller& caller, const RestoreCall& call,
                                const absl::Status& status) {
  if (call.is_another_controllers()) return;
  AuditEntry audit = EntryFor(caller, kRestore);
  if (call.options().dry_run) audit.object = "dry run";
  audit.result = status;
  if (status.ok()) audit.revision = wiring_.store->Describe().position.revision;
  wiring_.access->audit()->Record(audit);
}

void FileCalls::CarryOut(std::shared_ptr<RestoreCall> call, grpc::CallbackServerContext* context) {
  MutexLock lock(&mutex_);
  // The one before has ended its call, or this one would not be here.
  if (restore_thread_.joinable()) restore_thread_.join();
  restore_thread_ = std::thread([this, call = std::move(call), context] {
    const absl::Status status = RestoreNow(call.get(), context);
    if (!status.ok()) spdlog::warn("a restore failed: {}", std::string(status.message()));
    call->End(status);
  });
}

absl::Status FileCalls::RestoreNow(RestoreCall* call, grpc::CallbackServerContext* context) {
  if (context->IsCancelled()) return absl::CancelledError("the caller has gone");
  HEDDLE_ASSIGN_OR_RETURN(const CheckedBackup backup, call->check().Finish());
  HEDDLE_RETURN_IF_ERROR(CheckMayRestore(call, context));
  v1::RestoreResponse* const response = call->response();
  response->set_records(backup.records.size());
  response->set_leases(backup.leases);
  response->set_backup_history(backup.header.position.history);
  response->set_backup_revision(backup.header.position.revision);
  response->set_backup_made_unix_ms(absl::ToUnixMillis(backup.header.made));
  if (!call->options().dry_run) {
    spdlog::warn("restoring a backup of revision {} made at {}: {} leases",
                 backup.header.position.revision, absl::FormatTime(backup.header.made),
                 backup.leases);
    HEDDLE_ASSIGN_OR_RETURN(
        const Writer::RestoreBegun begun, (Await<Writer::RestoreBegun>(ending_, [&](auto done) {
          const absl::Status posted =
              wiring_.writer->Post([position = backup.header.position, done](Writer& writer) {
                writer.MarkRestore(position, done);
              });
          if (!posted.ok()) done(posted);
        })));
    HEDDLE_RETURN_IF_ERROR(ReplaceRecords(wiring_.store, begun, backup.records, ending_));
  }
  const storage::History history = wiring_.store->Describe().history;
  response->set_history(history.id);
  if (!call->options().dry_run && wiring_.restore_settle > absl::ZeroDuration()) {
    response->set_settled_by_unix_ms(absl::ToUnixMillis(history.began + wiring_.restore_settle));
  }
  return absl::OkStatus();
}

// Asked before the file is judged worth a change; MarkRestore and the fence make sure of the lead.
absl::Status FileCalls::CheckMayRestore(RestoreCall* call, grpc::CallbackServerContext* context) {
  struct Present {
    bool leads = false, torn = false;
    std::optional<storage::Member> leader;
    std::size_t leases = 0;
  };
  HEDDLE_ASSIGN_OR_RETURN(const Present present, (Await<Present>(ending_, [&](auto done) {
                            const absl::Status posted =
                                wiring_.writer->Post([done](Writer& writer) {
                                  done(Present{writer.leads(), writer.is_torn(), writer.leader(),
                                               writer.book().leases().size()});
                                });
                            if (!posted.ok()) done(posted);
                          })));
  if (!present.leads) {
    if (!present.leader) {
      return absl::UnavailableError("no controller leads now, so none can restore; try again");
    }
    call->set_another_controllers();
    context->AddTrailingMetadata(kLeaderKey, present.leader->address);
    return absl::FailedPreconditionError(absl::StrCat("only the leading controller restores: '",
                                                      present.leader->id, "' at ",
                                                      present.leader->address));
  }
  if (present.leases == 0 || call->options().replace || present.torn) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the store has ", present.leases,
      " leases, which the backup would replace. If that is meant, say `heddlectl restore "
      "--replace`; make a backup of what is there first"));
}

void FileCalls::CloseAll(const absl::Status& why) {
  ending_ = true;
  std::vector<std::shared_ptr<BackupStream>> backups;
  {
    MutexLock lock(&mutex_);
    for (const auto& [raw, stream] : backups_) backups.push_back(stream);
  }
  for (const auto& stream : backups) stream->End(ToGrpc(why));
}

}  // namespace heddle::controller
