#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

std::string TimeText(std::int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

}  // namespace

View BackupView(const std::string& path, const BackupSummary& saved) {
  View view;
  const std::int64_t made_unix_ms = absl::ToUnixMillis(saved.header.made);
  view.json["file"] = path;
  view.json["bytes"] = saved.bytes;
  view.json["records"] = saved.records;
  view.json["made"] = TimeJson(made_unix_ms);
  view.json["history"] = saved.header.position.history;
  view.json["revision"] = saved.header.position.revision;
  view.json["engine"] = saved.header.engine;
  view.json["softwareVersion"] = saved.header.software_version;
  view.lines.push_back(absl::StrCat("Saved ", saved.records, " records (", saved.bytes,
                                    " bytes) as of revision ", saved.header.position.revision,
                                    " of history ", Printable(saved.header.position.history),
                                    path == "-" ? "" : absl::StrCat(" in ", Printable(path)), "."));
  return view;
}

View RestoreView(const v1::RestoreResponse& answer, bool dry_run) {
  View view;
  view.json["restored"] = !dry_run;
  view.json["history"] = answer.history();
  view.json["records"] = answer.records();
  view.json["leases"] = answer.leases();
  view.json["backupHistory"] = answer.backup_history();
  view.json["backupRevision"] = answer.backup_revision();
  view.json["backupMade"] = TimeJson(answer.backup_made_unix_ms());
  view.json["settledBy"] = TimeJson(answer.settled_by_unix_ms());
  const std::string backup =
      absl::StrCat(answer.leases(), answer.leases() == 1 ? " lease" : " leases", " of revision ",
                   answer.backup_revision(), ", saved at ", TimeText(answer.backup_made_unix_ms()));
  if (dry_run) {
    view.lines.push_back(
        absl::StrCat("Nothing was changed. The backup can be restored: ", backup, "."));
    return view;
  }
  view.lines.push_back(absl::StrCat(
      "Restored ", backup, ". A new history has begun: ", Printable(answer.history()), "."));
  if (answer.settled_by_unix_ms() != 0) {
    view.lines.push_back(
        absl::StrCat("New nodes wait for a subnet until the others are back, at most until ",
                     TimeText(answer.settled_by_unix_ms()), "; see \"heddlectl status\"."));
  }
  return view;
}

}  // namespace heddle::cli
