// backup: what is saved, for whom, and what a user reads when it is not.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "cli/backup_fixture.h"
#include "cli/golden.h"

namespace heddle::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

unsigned ModeOf(const std::string& path) {
  struct stat info;
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST_F(BackupCommands, BackupIsSavedWholeAndForItsOwnerOnly) {
  const Result result = Run({"backup", file_});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ExpectGolden("backup.txt", WithoutFolder(result.out));
  EXPECT_EQ(ReadFile(file_).value(), SampleBackup());
  EXPECT_EQ(ModeOf(file_), 0600u);
  EXPECT_THAT(Names(), ElementsAre("b"));
  ExpectGolden("backup.json", WithoutFolder(Run({"backup", file_, "-o", "json"}).out));
}

TEST_F(BackupCommands, AnEarlierBackupIsReplacedAndIsItsOwnersThen) {
  Save("yesterday's", 0644);
  EXPECT_EQ(Run({"backup", file_}).code, ExitCode::kOk);
  EXPECT_EQ(ReadFile(file_).value(), SampleBackup());
  EXPECT_EQ(ModeOf(file_), 0600u);
  EXPECT_THAT(Names(), ElementsAre("b"));
}

TEST_F(BackupCommands, ABackupThatIsNotWholeReplacesNothing) {
  Save("yesterday's");
  admin_.state().backup.pop_back();
  const Result cut = Run({"backup", file_});
  EXPECT_EQ(cut.code, ExitCode::kFailure);
  EXPECT_THAT(cut.out, IsEmpty());
  admin_.state().backup = SampleBackup();
  admin_.state().backup[40] ^= 1;
  const Result damaged = Run({"backup", file_, "-o", "json"});
  EXPECT_EQ(damaged.code, ExitCode::kFailure);
  EXPECT_THAT(damaged.out, IsEmpty());
  admin_.state().errors["Backup"] = absl::FailedPreconditionError("a restore runs");
  const Result refused = Run({"backup", file_});
  EXPECT_EQ(refused.code, ExitCode::kRefused);
  ExpectGolden("backup_not_whole.txt", WithoutFolder(cut.err + damaged.err + refused.err));
  EXPECT_EQ(ReadFile(file_).value(), "yesterday's");
  EXPECT_THAT(Names(), ElementsAre("b"));
}

TEST_F(BackupCommands, WhereNoFileCanBeMadeNoControllerIsAsked) {
  Save("a file");
  std::string said;
  for (const char* name : {"/none/b", "/b/c"}) {
    const Result result = Run({"backup", folder_ + name});
    EXPECT_EQ(result.code, ExitCode::kFailure) << name;
    said += result.err;
  }
  ExpectGolden("backup_no_folder.txt", WithoutFolder(said));
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(BackupCommands, ANameThatIsAFoldersIsNotReplaced) {
  const Result result = Run({"backup", folder_});
  EXPECT_EQ(result.code, ExitCode::kFailure);
  EXPECT_THAT(WithoutFolder(result.err), HasSubstr("Is a directory"));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_directory(folder_));
}

}  // namespace
}  // namespace heddle::cli
