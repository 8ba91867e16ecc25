// backup and restore, against a controller's stand-in and real files.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "storage/backup/backup_file.h"

namespace heddle::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string SampleBackup() {
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
  std::string WithoutFolder(std::string text) const {
    for (std::size_t at; (at = text.find(folder_)) != std::string::npos;) {
      text.replace(at, folder_.size(), "FOLDER");
    }
    return text;
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

TEST_F(BackupCommands, BackupIsSavedWholeAndForItsOwnerOnly) {
  const Result result = Run({"backup", file_});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ExpectGolden("backup.txt", WithoutFolder(result.out));
  EXPECT_EQ(ReadFile(file_).value(), SampleBackup());
  struct stat info;
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(Names(), ElementsAre("b"));
  ExpectGolden("backup.json", WithoutFolder(Run({"backup", file_, "-o", "json"}).out));
}

TEST_F(BackupCommands, ABackupThatIsNotWholeReplacesNothing) {
  ASSERT_TRUE(WriteFileAtomically(file_, "yesterday's", 0600).ok());
  admin_.state().backup.pop_back();
  const Result cut = Run({"backup", file_});
  EXPECT_EQ(cut.code, ExitCode::kRefused);
  EXPECT_THAT(cut.err, HasSubstr("the end is missing"));
  admin_.state().errors["Backup"] = absl::FailedPreconditionError("a restore runs");
  EXPECT_EQ(Run({"backup", file_}).code, ExitCode::kRefused);
  EXPECT_EQ(ReadFile(file_).value(), "yesterday's");
  EXPECT_THAT(Names(), ElementsAre("b"));
  EXPECT_THAT(Run({"backup", folder_ + "/none/b"}).err, HasSubstr("/none/b"));
}

TEST_F(BackupCommands, RestoreSendsTheFileAndSaysWhatWasRestored) {
  ASSERT_TRUE(WriteFileAtomically(file_, SampleBackup(), 0600).ok());
  const Result result = Run({"restore", file_});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ExpectGolden("restore.txt", result.out);
  ExpectGolden("restore.json", Run({"restore", file_, "-o", "json"}).out);
  ExpectGolden("restore_dry_run.txt", Run({"restore", "--dry-run", file_}).out);
  EXPECT_THAT(admin_.requests().front(), HasSubstr(absl::StrCat(SampleBackup().size(), " bytes")));
  EXPECT_THAT(admin_.requests().back(), HasSubstr("dry_run: true"));
}

TEST_F(BackupCommands, ADamagedFileIsNotSent) {
  ASSERT_TRUE(WriteFileAtomically(file_, SampleBackup().substr(0, 60), 0600).ok());
  const Result result = Run({"restore", file_});
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_THAT(result.err, HasSubstr("the end is missing"));
  EXPECT_EQ(Run({"restore", folder_ + "/none"}).code, ExitCode::kRefused);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(BackupCommands, ReplacingIsAskedForWhereSomebodyAnswers) {
  ASSERT_TRUE(WriteFileAtomically(file_, SampleBackup(), 0600).ok());
  EXPECT_EQ(Run({"restore", "--replace", file_}, "n\n", /*interactive=*/true).code,
            ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
  EXPECT_EQ(Run({"restore", "--replace", "--yes", file_}, "", /*interactive=*/true).code,
            ExitCode::kOk);
  EXPECT_THAT(admin_.requests().back(), HasSubstr("replace: true"));
}

TEST_F(BackupCommands, TheLeaderIsAskedWhenAnotherControllerNamesIt) {
  ASSERT_TRUE(WriteFileAtomically(file_, SampleBackup(), 0600).ok());
  FakeAdmin leader;
  leader.state().restore = admin_.state().restore;
  admin_.state().errors["Restore"] = absl::FailedPreconditionError("only the leader restores");
  admin_.state().leader = leader.address();
  const Result result = Run({"restore", file_});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(leader.requests().size(), 1u);

  leader.state().errors["Restore"] = absl::FailedPreconditionError("the store has 3 leases");
  leader.state().leader = admin_.address();
  const Result refused = Run({"restore", file_});
  EXPECT_EQ(refused.code, ExitCode::kRefused);
  EXPECT_THAT(refused.err, HasSubstr("3 leases"));
}

}  // namespace
}  // namespace heddle::cli
