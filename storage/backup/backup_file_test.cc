#include "storage/backup/backup_file.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

BackupHeader SampleHeader() {
  return {absl::FromUnixMillis(1'700'000'000'123), "0.3.0", "rocksdb", {"a1b2", 42}};
}

std::string FileOf(const Records& records) {
  std::string file;
  BackupWriter writer([&](absl::string_view bytes) {
    absl::StrAppend(&file, bytes);
    return absl::OkStatus();
  });
  EXPECT_TRUE(writer.Begin(SampleHeader()).ok());
  for (const auto& [key, value] : records) EXPECT_TRUE(writer.Add(key, value).ok());
  EXPECT_TRUE(writer.Finish().ok());
  return file;
}

struct Read {
  absl::Status status;
  Records records;
  std::optional<BackupHeader> header;
};

Read ReadIn(absl::string_view file, std::size_t piece) {
  Read read;
  BackupReader reader([&](std::string key, std::string value) {
    read.records.emplace_back(std::move(key), std::move(value));
    return absl::OkStatus();
  });
  for (std::size_t at = 0; at < file.size() && read.status.ok(); at += piece) {
    read.status = reader.Feed(file.substr(at, piece));
  }
  read.status = reader.Finish();
  read.header = reader.header();
  return read;
}

const Records kSample = {{"net/_/config", "c"},
                         {"net/_/node/a", std::string("\0\xff\n", 3)},
                         {"net/_/node/b", ""},
                         {std::string("net/_/node/b\0", 13), std::string(3000, 'v')}};

TEST(BackupFile, WhatIsWrittenIsReadBackInPiecesOfAnySize) {
  const std::string file = FileOf(kSample);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{64}, file.size()}) {
    const Read read = ReadIn(file, piece);
    ASSERT_TRUE(read.status.ok()) << read.status;
    EXPECT_EQ(read.records, kSample);
    ASSERT_TRUE(read.header);
    EXPECT_EQ(read.header->made, SampleHeader().made);
    EXPECT_EQ(read.header->software_version, "0.3.0");
    EXPECT_EQ(read.header->engine, "rocksdb");
    EXPECT_EQ(read.header->position.history, "a1b2");
    EXPECT_EQ(read.header->position.revision, 42u);
  }
  EXPECT_TRUE(ReadIn(FileOf({}), 10).status.ok());
}

TEST(BackupFile, EveryTruncationIsFound) {
  const std::string file = FileOf(kSample);
  for (std::size_t length = 0; length < file.size(); ++length) {
    const Read read = ReadIn(absl::string_view(file).substr(0, length), 100);
    ASSERT_TRUE(absl::IsInvalidArgument(read.status)) << length << " " << read.status;
  }
}

TEST(BackupFile, EveryFlippedBitIsFound) {
  const std::string file = FileOf({{"net/_/config", "c"}, {"net/_/node/a", "v"}});
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const Read read = ReadIn(damaged, 100);
    ASSERT_FALSE(read.status.ok()) << "bit " << bit;
  }
}

TEST(BackupFile, WhatFollowsTheEndIsRefused) {
  const Read read = ReadIn(FileOf(kSample) + "x", 100);
  EXPECT_TRUE(absl::StrContains(read.status.message(), "bytes follow the end")) << read.status;
}

TEST(BackupFile, KeysOutOfOrderAndTwiceAreRefused) {
  for (const Records& records :
       {Records{{"b", "1"}, {"a", "2"}}, Records{{"a", "1"}, {"a", "2"}}}) {
    const Read read = ReadIn(FileOf(records), 100);
    EXPECT_TRUE(absl::StrContains(read.status.message(), "out of order, or twice")) << read.status;
  }
  EXPECT_FALSE(ReadIn(FileOf({{"", "1"}}), 100).status.ok());
}

TEST(BackupFile, SizesAreBoundedBeforeAnythingIsKept) {
  std::string file = FileOf(kSample);
  const std::size_t header = absl::string_view("heddle backup\n").size();
  for (int i = 1; i <= 4; ++i) file[header + i] = '\xff';
  const Read read = ReadIn(file, 100);
  EXPECT_TRUE(absl::StrContains(read.status.message(), "4294967295 bytes")) << read.status;
}

TEST(BackupFile, AnotherFormatVersionIsRefusedByItsNumber) {
  std::string file = FileOf({});
  // The header's first field: tag, then the version.
  const std::size_t version = absl::string_view("heddle backup\n").size() + 5 + 1;
  ASSERT_EQ(file[version], 1);
  file[version] = 9;
  const Read read = ReadIn(file, 100);
  EXPECT_TRUE(absl::StrContains(read.status.message(), "format version 9")) << read.status;
}

TEST(BackupFile, ARecordTooLargeToRestoreIsNotWritten) {
  BackupWriter writer([](absl::string_view) { return absl::OkStatus(); });
  ASSERT_TRUE(writer.Begin(SampleHeader()).ok());
  EXPECT_TRUE(absl::IsDataLoss(writer.Add("k", std::string(1 << 20, 'v'))));
}

TEST(BackupFile, TheReceiversErrorEndsTheReading) {
  int taken = 0;
  BackupReader reader([&](const std::string&, const std::string&) {
    ++taken;
    return absl::InvalidArgumentError("not this one");
  });
  EXPECT_EQ(reader.Feed(FileOf(kSample)).message(), "not this one");
  EXPECT_EQ(reader.Finish().message(), "not this one");
  EXPECT_EQ(taken, 1);
}

TEST(BackupFile, TheSinksErrorIsTheWriters) {
  BackupWriter writer([](absl::string_view) { return absl::UnavailableError("gone"); });
  EXPECT_EQ(writer.Begin(SampleHeader()).message(), "gone");
}

}  // namespace
}  // namespace heddle::storage
