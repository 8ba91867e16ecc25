// backup, restore

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/backup_path.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

absl::StatusOr<BackupSummary> SaveBackup(Session& session, const std::string& path) {
  BackupPath file(path);
  if (const absl::Status opened = file.Open(); !opened.ok()) return opened;
  OnInterrupt interrupt([&session] { session.client().CancelStream(); });
  const absl::Status status = session.client().Backup(
      [&file](const v1::FileChunk& chunk) { return file.Write(chunk.bytes()); });
  if (!status.ok()) return status;
  return file.Finish();
}

ExitCode Backup(Session& session, const std::string& path) {
  const std::string what = absl::StrCat("cannot make the backup ", path);
  const auto saved = SaveBackup(session, path);
  if (!saved.ok()) return session.Fail(what, saved.status());
  const View view = BackupView(path, *saved);
  if (path != "-") return session.Print(view);
  // The standard output is the file's.
  session.console().err << Render(view, Format::kTable) << std::flush;
  return ExitCode::kOk;
}

ExitCode Restore(Session& session, const std::string& path, bool replace, bool dry_run) {
  const std::string what = absl::StrCat("cannot restore ", path);
  if (const auto checked = CheckBackup(path); !checked.ok()) {
    return session.Fail(what, checked.status());
  }
  if (replace && !dry_run &&
      !session.Confirm("Replace all leases and the network by those of the backup?")) {
    return session.FailUsage("nothing has been restored.");
  }
  return session.Show(what, session.client().Restore(path, replace, dry_run),
                      [&](const v1::RestoreResponse& answer) -> absl::StatusOr<View> {
                        return RestoreView(answer, dry_run);
                      });
}

}  // namespace

void AddBackupCommands(CommandLine* line) {
  auto saved = std::make_shared<std::string>();
  CLI::App* backup = AddCommand(
      &line->app, line, "backup",
      "Save the network and all leases in a file, from which \"restore\" fills a store of any "
      "engine. The controllers go on serving. The file is written under another name, checked, "
      "and renamed; its mode is 0600.",
      [saved](Session& session) { return Backup(session, *saved); });
  backup->add_option("file", *saved, "Where to save it; - is the standard output.")
      ->required()
      ->type_name(kFileType);

  auto restored = std::make_shared<std::string>();
  auto replace = std::make_shared<bool>(false), dry_run = std::make_shared<bool>(false);
  CLI::App* restore = AddCommand(
      &line->app, line, "restore",
      "Put what a backup holds in the place of what the store holds. The whole file is checked "
      "first. Nodes keep forwarding and keep their subnets, also those that they got after the "
      "backup was made; new nodes wait until the others are back, two minutes at most. If it is "
      "interrupted, run it again.",
      [restored, replace, dry_run](Session& session) {
        return Restore(session, *restored, *replace, *dry_run);
      });
  restore->add_option("file", *restored, "The backup.")->required()->type_name(kFileType);
  restore->add_flag("--replace", *replace,
                    "Restore though the store has leases. They are replaced by the backup's.");
  restore->add_flag("--dry-run", *dry_run,
                    "Only check: whether the backup is whole and could be restored now.");
  AddYesOption(restore, line);
}

}  // namespace heddle::cli
