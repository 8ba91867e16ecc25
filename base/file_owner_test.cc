#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace heddle {
namespace {

TEST(FileOwnerTest, RootWritesForTheFoldersOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give files away";
  std::string folder = absl::StrCat(::testing::TempDir(), "/file_owner_test.XXXXXX");
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(chown(folder.c_str(), 4711, 4712), 0);
  ASSERT_EQ(MakeFolderOfOwner(folder + "/tls", 0700), absl::OkStatus());
  EXPECT_EQ(MakeFolderOfOwner(folder + "/tls", 0700), absl::OkStatus()) << "there already";
  FileTerms terms;
  terms.mode = 0600;
  terms.is_of_folder_owner = true;
  ASSERT_EQ(WriteFileAtomically(folder + "/tls/key", "x", terms), absl::OkStatus());
  for (const char* name : {"/tls", "/tls/key"}) {
    struct stat info;
    ASSERT_EQ(stat((folder + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 4711u) << name;
    EXPECT_EQ(info.st_gid, 4712u) << name;
    EXPECT_EQ(info.st_mode & 0077, 0u) << name;
  }
}

}  // namespace
}  // namespace heddle
