// backup and restore as main() runs them, against a controller's stand-in and real files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "cli/commands_fixture.h"
#include "storage/backup/backup_file.h"

namespace heddle::cli {

inline std::string SampleBackup() {
  std::string file;
  storage::BackupWriter writer([&](absl::string_view bytes) {
    absl::StrAppend(&file, bytes);
    return absl::OkStatus();
  });
  EXPECT_TRUE(writer.Begin({FakeNow() - absl::Hours(1), "0.3.0", "rocksdb", {"5f3a", 20}}).ok());
  EXPECT_TRUE(writer.Add("net/_/config", "c").ok());
  EXPECT_TRUE(writer.Add("net/_/node/a", "a").ok());
  EXPECT_TRUE(writer.Finish().ok());
  return file;
}

class BackupCommands : public Commands {
 protected:
  BackupCommands() {
    admin_.state().backup = SampleBackup();
    v1::RestoreResponse& answer = admin_.state().restore;
    answer.set_history("77aa");
    answer.set_records(2);
    answer.set_leases(1);
    answer.set_backup_history("5f3a");
    answer.set_backup_revision(20);
    answer.set_backup_made_unix_ms(absl::ToUnixMillis(FakeNow() - absl::Hours(1)));
    answer.set_settled_by_unix_ms(absl::ToUnixMillis(FakeNow() + absl::Minutes(2)));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  // The golden text must not hold this host's path.
  std::string WithoutFolder(const std::string& text) const {
    return absl::StrReplaceAll(text, {{folder_, "FOLDER"}});
  }
  void Save(const std::string& content, int mode = 0600) {
    ASSERT_TRUE(WriteFileAtomically(file_, content, mode).ok());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  const std::string folder_ = absl::StrCat(std::getenv("TEST_TMPDIR"), "/backups");
  const std::string file_ = folder_ + "/b";
};

}  // namespace heddle::cli
