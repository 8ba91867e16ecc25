#include "controller/restore_marks.h"

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/records.pb.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

std::optional<RestoreMark> DecodeRestoreMark(const storage::Record& record) {
  v1::RestoreRecord stored;
  if (!stored.ParseFromString(record.value) || stored.history().empty()) return std::nullopt;
  RestoreMark mark;
  mark.history = stored.history();
  mark.began = absl::FromUnixMillis(stored.began_unix_ms());
  mark.backup = {stored.backup_history(), stored.backup_revision()};
  mark.former_node_ids.assign(stored.former_node_ids().begin(), stored.former_node_ids().end());
  mark.more_former_nodes = stored.more_former_nodes();
  mark.modified = record.modified;
  return mark;
}

}  // namespace

std::string EncodeRestoreMark(const RestoreMark& mark) {
  v1::RestoreRecord stored;
  stored.set_history(mark.history);
  stored.set_began_unix_ms(absl::ToUnixMillis(mark.began));
  stored.set_backup_history(mark.backup.history);
  stored.set_backup_revision(mark.backup.revision);
  for (const std::string& node_id : mark.former_node_ids) stored.add_former_node_ids(node_id);
  stored.set_more_former_nodes(mark.more_former_nodes);
  return stored.SerializeAsString();
}

std::string EncodeSettled(absl::string_view history) {
  v1::SettledRecord stored;
  stored.set_history(std::string(history));
  return stored.SerializeAsString();
}

std::vector<std::string> RestoreMarks::Apply(const std::vector<storage::Change>& changes) {
  std::vector<std::string> problems;
  for (const storage::Change& change : changes) {
    const std::string& key = change.record.key;
    if (key == kRestoreKey) {
      restore_ = change.deleted ? std::nullopt : DecodeRestoreMark(change.record);
      unreadable_ = !change.deleted && !restore_;
      if (unreadable_) {
        problems.push_back(absl::StrCat("the record ", key, " (revision ", change.record.modified,
                                        ") cannot be read: restore a backup again"));
      }
    } else if (key == kSettledKey) {
      v1::SettledRecord stored;
      settled_.clear();
      if (change.deleted) continue;
      if (!stored.ParseFromString(change.record.value)) {
        problems.push_back(absl::StrCat("the record ", key, " (revision ", change.record.modified,
                                        ") cannot be read: a restored store settles once more"));
        continue;
      }
      settled_ = stored.history();
    }
  }
  return problems;
}

bool RestoreMarks::is_torn(absl::string_view history) const {
  return unreadable_ || (restore_ && restore_->history == history);
}

}  // namespace heddle::controller
