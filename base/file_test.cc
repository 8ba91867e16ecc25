#include "base/file.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace heddle {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = absl::StrCat(::testing::TempDir(), "/file_test.XXXXXX");
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  int FilesIn(const std::string& folder) {
    int count = 0;
    DIR* dir = opendir(folder.c_str());
    while (const dirent* entry = readdir(dir)) count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
  }
  std::string folder_;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const std::string path = folder_ + "/a";
  const std::string content("zero \0 and newline\n", 19);
  ASSERT_EQ(WriteFileAtomically(path, content, 0640), absl::OkStatus());
  EXPECT_EQ(ReadFile(path).value(), content);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(FileTest, ReplacingLeavesNothingBeside) {
  const std::string path = folder_ + "/a";
  ASSERT_EQ(WriteFileAtomically(path, "old", 0644), absl::OkStatus());
  ASSERT_EQ(WriteFileAtomically(path, "", 0644), absl::OkStatus());
  EXPECT_EQ(ReadFile(path).value(), "");
  EXPECT_EQ(FilesIn(folder_), 1);
}

TEST_F(FileTest, ANewFileTakesNobodysPlace) {
  const std::string path = folder_ + "/key";
  FileTerms terms;
  terms.mode = 0600;
  terms.must_be_new = true;
  ASSERT_EQ(WriteFileAtomically(path, "first", terms), absl::OkStatus());
  const absl::Status second = WriteFileAtomically(path, "second", terms);
  EXPECT_EQ(second.code(), absl::StatusCode::kAlreadyExists) << second;
  EXPECT_EQ(ReadFile(path).value(), "first");
  EXPECT_EQ(FilesIn(folder_), 1) << "no temporary file is left";
}

TEST_F(FileTest, MakesMissingFolders) {
  const std::string path = folder_ + "/run/heddle/a";
  ASSERT_EQ(WriteFileAtomically(path, "x", 0644), absl::OkStatus());
  EXPECT_EQ(ReadFile(path).value(), "x");
  EXPECT_EQ(MakeFolders(folder_ + "/run/heddle", 0755), absl::OkStatus()) << "there already";
}

TEST_F(FileTest, AFailedWriteKeepsTheOldAndCleansUp) {
  ASSERT_EQ(WriteFileAtomically(folder_ + "/a/inside", "x", 0644), absl::OkStatus());
  EXPECT_FALSE(WriteFileAtomically(folder_ + "/a", "over a folder", 0644).ok());
  EXPECT_EQ(ReadFile(folder_ + "/a/inside").value(), "x");
  EXPECT_EQ(FilesIn(folder_), 1) << "no temporary file is left";
  EXPECT_FALSE(WriteFileAtomically(folder_ + "/a/inside/deeper", "x", 0644).ok());
}

// What fails again and again says the same each time, so that it can be told from news.
TEST_F(FileTest, AFullDiskIsSaidOfTheFileItself) {
  const std::string path = folder_ + "/a";
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 10;
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status first = WriteFileAtomically(path, std::string(100, 'x'), 0644);
  const absl::Status second = WriteFileAtomically(path, std::string(100, 'x'), 0644);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(first.ok());
  EXPECT_EQ(first, second);
  EXPECT_NE(first.message().find(path + ":"), absl::string_view::npos) << first;
  EXPECT_EQ(FilesIn(folder_), 0);
}

TEST_F(FileTest, NamesWhatItCannotRead) {
  const absl::Status missing = ReadFile(folder_ + "/none").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.message().find(folder_ + "/none"), absl::string_view::npos);
  EXPECT_FALSE(ReadFile(folder_).ok()) << "a folder";
}

TEST_F(FileTest, ReadsUpToTheLimit) {
  const std::string path = folder_ + "/a";
  ASSERT_EQ(WriteFileAtomically(path, std::string(200000, 'x'), 0644), absl::OkStatus());
  EXPECT_EQ(ReadFile(path, 200000)->size(), 200000u);
  EXPECT_EQ(ReadFile(path, 199999).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace heddle
