#include "controller/ca_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "absl/time/clock.h"
#include "base/file.h"
#include "controller/init_tls.h"
#include "identity/credentials.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

class CaFilesTest : public ::testing::Test {
 protected:
  absl::StatusOr<Steps> Init(const std::string& id = "c1") {
    return InitTls(files_, {id, admin_, "alice"}, now_);
  }
  void Begin() { ASSERT_TRUE(Init().ok()); }
  // As a running controller does at once when another root signs.
  void Reissue() {
    ASSERT_EQ(unlink(files_.own().c_str()), 0);
    ASSERT_TRUE(Init().ok());
  }
  std::string Signing() { return LoadAuthority(files_)->root().key_id; }
  std::vector<std::string> Believed() {
    std::vector<std::string> ids;
    const auto roots = ReadRoots(files_.roots());
    for (const identity::Root& root : *roots) ids.push_back(root.key_id);
    return ids;
  }
  absl::Status Refusal(const absl::StatusOr<Steps>& steps) {
    EXPECT_EQ(steps.status().code(), absl::StatusCode::kFailedPrecondition) << steps.status();
    return steps.status();
  }
  std::string Content(const std::string& path) { return ReadFile(path).value_or("none"); }

  const storage::ScratchFolder folder_;
  const TlsFiles files_{folder_.path() + "/data/tls"};
  const std::string admin_ = folder_.path() + "/etc/admin.pem";
  const absl::Time now_ = absl::Now();
};

TEST_F(CaFilesTest, InitMakesWhatAControllerStartsWith) {
  const auto steps = Init();
  ASSERT_TRUE(steps.ok()) << steps.status();
  EXPECT_EQ(steps->size(), 3u);
  const auto own = identity::LoadCredentials(files_.credentials());
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(ToString(own->leaf.principal), "controller/c1");
  EXPECT_EQ(own->leaf.issuer, Signing());
  EXPECT_GT(own->leaf.not_after, now_ + absl::Hours(24 * 364));
  EXPECT_GT(ReadRoots(files_.roots())->front().not_after, now_ + absl::Hours(24 * 3650));
  const auto admin = identity::LoadCredentials(identity::IdentityFile(admin_));
  ASSERT_TRUE(admin.ok()) << admin.status();
  EXPECT_EQ(ToString(admin->leaf.principal), "admin/alice");
  EXPECT_EQ(admin->roots_pem, own->roots_pem);
}

TEST_F(CaFilesTest, WhatInitMakesIsReadByItsOwnerAlone) {
  Begin();
  EXPECT_EQ(ModeOf(files_.folder), 0700u);
  EXPECT_EQ(ModeOf(files_.ca_key()), 0600u);
  EXPECT_EQ(ModeOf(files_.own()), 0600u);
  EXPECT_EQ(ModeOf(admin_), 0600u);
  EXPECT_EQ(ModeOf(FolderOf(admin_)), 0700u);
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  EXPECT_EQ(ModeOf(files_.next_ca_key()), 0600u);
  ASSERT_TRUE(PromoteRoot(files_).ok());
  EXPECT_EQ(ModeOf(files_.ca_key()), 0600u);
  EXPECT_EQ(ModeOf(files_.former_ca_key()), 0600u);
}

TEST_F(CaFilesTest, InitTwiceChangesNothing) {
  Begin();
  const std::vector<std::string> paths = {files_.roots(), files_.ca_key(), files_.own(), admin_};
  std::vector<std::string> before, after;
  for (const std::string& path : paths) before.push_back(Content(path));
  const auto again = Init("c2");
  ASSERT_TRUE(again.ok()) << again.status();
  for (const std::string& path : paths) after.push_back(Content(path));
  EXPECT_EQ(before, after);
  EXPECT_THAT((*again)[1], HasSubstr("there is the certificate of controller/c1"));
}

TEST_F(CaFilesTest, InitGoesOnFromAnotherControllersCa) {
  Begin();
  const TlsFiles second{folder_.path() + "/second/tls"};
  std::filesystem::create_directories(second.folder);
  std::filesystem::copy(files_.roots(), second.roots());
  std::filesystem::copy(files_.ca_key(), second.ca_key());
  ASSERT_TRUE(InitTls(second, {"c2", "", ""}, now_).ok());
  const auto own = identity::LoadCredentials(second.credentials());
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(ToString(own->leaf.principal), "controller/c2");
  EXPECT_EQ(own->leaf.issuer, Signing());
  EXPECT_EQ(Content(second.roots()), Content(files_.roots()));
}

TEST_F(CaFilesTest, InitWithoutTheCaKeyMakesNoCertificate) {
  Begin();
  ASSERT_EQ(unlink(files_.ca_key().c_str()), 0);
  ASSERT_TRUE(Init().ok()) << "nothing is missing";
  ASSERT_EQ(unlink(files_.own().c_str()), 0);
  EXPECT_THAT(std::string(Refusal(Init()).message()), HasSubstr("ca-key.pem"));
  EXPECT_FALSE(std::filesystem::exists(files_.ca_key())) << "no second CA beside the first";
}

TEST_F(CaFilesTest, InitFinishesWhatWasInterrupted) {
  Begin();
  const std::string roots = Content(files_.roots());
  ASSERT_EQ(unlink(files_.roots().c_str()), 0);
  ASSERT_EQ(unlink(files_.own().c_str()), 0);
  ASSERT_TRUE(Init().ok());
  EXPECT_EQ(Content(files_.roots()), roots);
  EXPECT_TRUE(identity::LoadCredentials(files_.credentials()).ok());
}

TEST_F(CaFilesTest, AKeyThatOthersCanReadIsRefused) {
  Begin();
  ASSERT_EQ(chmod(files_.ca_key().c_str(), 0644), 0);
  const auto authority = LoadAuthority(files_);
  EXPECT_EQ(authority.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(authority.status().message()), HasSubstr("chmod 600"));
}

TEST_F(CaFilesTest, ThreeStepsToAnotherRoot) {
  Begin();
  const std::string first = Signing();
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  EXPECT_EQ(Signing(), first);
  ASSERT_EQ(Believed().size(), 2u);
  const std::string second = Believed()[1];
  ASSERT_TRUE(PromoteRoot(files_).ok());
  EXPECT_EQ(Signing(), second);
  EXPECT_THAT(Believed(), ElementsAre(first, second));
  EXPECT_THAT(std::string(Refusal(RetireRoots(files_)).message()), HasSubstr("controller.pem"))
      << "nobody who knows only the new root would believe this controller";
  Reissue();
  ASSERT_TRUE(RetireRoots(files_).ok());
  EXPECT_THAT(Believed(), ElementsAre(second));
  EXPECT_EQ(Signing(), second);
  EXPECT_FALSE(std::filesystem::exists(files_.former_ca_key()));
  EXPECT_FALSE(std::filesystem::exists(files_.cross()));
  EXPECT_TRUE(identity::LoadCredentials(files_.credentials()).ok());
}

TEST_F(CaFilesTest, AStepDoneTwiceChangesNothing) {
  Begin();
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  const std::string next_key = Content(files_.next_ca_key()), roots = Content(files_.roots());
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  EXPECT_EQ(Content(files_.next_ca_key()), next_key);
  EXPECT_EQ(Content(files_.roots()), roots);
  const std::string first_key = LoadAuthority(files_)->key_pem();
  ASSERT_TRUE(PromoteRoot(files_).ok());
  ASSERT_TRUE(PromoteRoot(files_).ok());
  EXPECT_EQ(Content(files_.ca_key()), next_key);
  EXPECT_EQ(Content(files_.former_ca_key()), first_key);
  Reissue();
  ASSERT_TRUE(RetireRoots(files_).ok());
  ASSERT_TRUE(RetireRoots(files_).ok());
  EXPECT_EQ(Believed().size(), 1u);
}

TEST_F(CaFilesTest, StepsOutOfOrderAreRefused) {
  EXPECT_THAT(std::string(Refusal(AddRoot(files_, now_)).message()), HasSubstr("init"));
  Begin();
  EXPECT_THAT(std::string(Refusal(PromoteRoot(files_)).message()), HasSubstr("ca add"));
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  EXPECT_THAT(std::string(Refusal(RetireRoots(files_)).message()), HasSubstr("ca promote"));
  ASSERT_TRUE(PromoteRoot(files_).ok());
  EXPECT_THAT(std::string(Refusal(AddRoot(files_, now_)).message()), HasSubstr("ca retire"));
}

TEST_F(CaFilesTest, InterruptedStepsAreFinished) {
  Begin();
  const std::string before = Content(files_.roots());
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  const std::string after = Content(files_.roots());
  // The key was written, and the root was not.
  ASSERT_TRUE(WriteCertificates(files_.roots(), before).ok());
  EXPECT_THAT(std::string(Refusal(PromoteRoot(files_)).message()), HasSubstr("ca add"));
  ASSERT_TRUE(AddRoot(files_, now_).ok());
  EXPECT_EQ(Content(files_.roots()), after);
  // The former key was kept, and the new one not yet put in its place.
  ASSERT_TRUE(WriteNewKeyFile(files_.former_ca_key(), LoadAuthority(files_)->key_pem()).ok());
  ASSERT_TRUE(PromoteRoot(files_).ok());
  EXPECT_EQ(Signing(), Believed()[1]);
}

}  // namespace
}  // namespace heddle::controller
