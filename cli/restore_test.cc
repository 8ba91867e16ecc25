// restore: what is sent, what is asked before, and what a user reads when it is refused.
#include <gmock/gmock.h>

#include "cli/backup_fixture.h"
#include "cli/golden.h"

namespace heddle::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class RestoreCommands : public BackupCommands {
 protected:
  RestoreCommands() { Save(SampleBackup()); }
};

TEST_F(RestoreCommands, SendsTheFileAndSaysWhatWasRestored) {
  const Result result = Run({"restore", file_});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ExpectGolden("restore.txt", result.out);
  ExpectGolden("restore.json", Run({"restore", file_, "-o", "json"}).out);
  EXPECT_THAT(admin_.requests().front(), HasSubstr(absl::StrCat(SampleBackup().size(), " bytes")));
  EXPECT_THAT(admin_.requests().front(), Not(HasSubstr("replace: true")));
}

TEST_F(RestoreCommands, DryRunChangesNothingAndAsksNothing) {
  admin_.state().restore.clear_settled_by_unix_ms();
  const Result result = Run({"restore", "--dry-run", "--replace", file_}, "", /*interactive=*/true);
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  ExpectGolden("restore_dry_run.txt", result.out);
  ExpectGolden("restore_dry_run.json", Run({"restore", "--dry-run", file_, "-o", "json"}).out);
  for (const std::string& request : admin_.requests()) {
    EXPECT_THAT(request, HasSubstr("dry_run: true"));
  }
}

TEST_F(RestoreCommands, AFileThatIsNoWholeBackupIsNotSent) {
  const std::string whole = SampleBackup();
  std::string damaged = whole, newer = whole;
  damaged[damaged.find("0.3.0")] = '1';
  newer[newer.find("H") + 6] = 2;  // the header's first field, after its tag
  std::string said;
  for (const std::string& content : {whole.substr(0, 60), damaged, newer, whole + "x",
                                     std::string("{\"Network\": \"10.0.0.0/8\"}"), std::string()}) {
    Save(content);
    const Result result = Run({"restore", "--replace", "--yes", file_, "-o", "json"});
    EXPECT_EQ(result.code, ExitCode::kRefused);
    EXPECT_THAT(result.out, IsEmpty());
    said += result.err;
  }
  for (const std::string& path : {folder_, folder_ + "/none"}) {
    const Result result = Run({"restore", path});
    EXPECT_EQ(result.code, ExitCode::kRefused);
    said += result.err;
  }
  ExpectGolden("restore_not_a_backup.txt", WithoutFolder(said));
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(RestoreCommands, WhatTheControllerRefusesIsSaidWithItsReason) {
  admin_.state().errors["Restore"] = absl::FailedPreconditionError(
      "the store has 3 leases, which the backup would replace. If that is meant, say `heddlectl "
      "restore --replace`");
  const Result result = Run({"restore", file_, "-o", "json"});
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_THAT(result.out, IsEmpty());
  ExpectGolden("restore_refused.txt", WithoutFolder(result.err));
}

TEST_F(RestoreCommands, ReplacingIsAskedForWhereSomebodyAnswers) {
  std::string said;
  for (const char* answer : {"n\n", "", "Yess\n"}) {
    const Result result = Run({"restore", "--replace", file_}, answer, /*interactive=*/true);
    EXPECT_EQ(result.code, ExitCode::kUsage) << answer;
    said = result.err;
  }
  ExpectGolden("restore_not_confirmed.txt", said);
  EXPECT_THAT(admin_.requests(), IsEmpty());

  EXPECT_EQ(Run({"restore", "--replace", file_}, "yes\n", /*interactive=*/true).code,
            ExitCode::kOk);
  const Result unasked = Run({"restore", "--replace", "--yes", file_}, "", /*interactive=*/true);
  EXPECT_EQ(unasked.code, ExitCode::kOk);
  EXPECT_THAT(unasked.err, IsEmpty());
  EXPECT_EQ(Run({"restore", "--replace", file_}).code, ExitCode::kOk) << "a program is not asked";
  EXPECT_THAT(admin_.requests(), SizeIs(3));
  for (const std::string& request : admin_.requests()) {
    EXPECT_THAT(request, HasSubstr("replace: true"));
  }
}

TEST_F(RestoreCommands, TheLeaderIsAskedWhenAnotherControllerNamesIt) {
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
