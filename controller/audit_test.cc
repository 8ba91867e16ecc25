#include "controller/audit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controller/test_clock.h"

namespace heddle::controller {
namespace {

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() { std::remove(path_.c_str()); }

  void Open() {
    auto audit = Audit::Open(path_, &clock_);
    ASSERT_TRUE(audit.ok()) << audit.status();
    audit_ = *std::move(audit);
  }
  static std::vector<nlohmann::json> Read(const std::string& path) {
    std::vector<nlohmann::json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  std::vector<nlohmann::json> Lines() { return Read(path_); }
  static AuditEntry Release(int number) {
    return {"admin/alice",         "1f",
            "ipv4:192.0.2.1:4711", "controller/c-1",
            "ReleaseLease",        absl::StrCat("h", number),
            absl::OkStatus(),      7};
  }
  static AuditEntry Refused(int port, const std::string& from = "ipv4:192.0.2.1") {
    return {"viewer/bob",   "2f", absl::StrCat(from, ":", port),    "",
            "ReleaseLease", "",   absl::PermissionDeniedError("no")};
  }

  TestClock clock_;
  const std::string path_ = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  std::unique_ptr<Audit> audit_;
};

TEST_F(AuditTest, ALineSaysWhoWhatAndAtWhichRevision) {
  Open();
  audit_->Record(Release(1));
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], nlohmann::json::parse(R"({"time":"2023-11-14T22:13:20.000Z",
      "who":"admin/alice","serial":"1f","from":"ipv4:192.0.2.1:4711","through":"controller/c-1",
      "action":"ReleaseLease","object":"h1","result":"OK","revision":7})"));
}

TEST_F(AuditTest, WhatIsNotThereIsNotSaid) {
  Open();
  audit_->Record({"", "", "", "", "Join", "h1", absl::PermissionDeniedError("no such token")});
  EXPECT_EQ(Lines().at(0), nlohmann::json::parse(R"({"time":"2023-11-14T22:13:20.000Z","who":"",
      "action":"Join","object":"h1","result":"PERMISSION_DENIED","message":"no such token"})"));
}

// Callers choose names; a line stays one line, of JSON, and short.
TEST_F(AuditTest, HostileWordsStayInTheirField) {
  Open();
  AuditEntry entry = Release(1);
  entry.object = "h1\"}\n{\"who\":\"admin/eve\"\xff\x01";
  entry.result = absl::NotFoundError(std::string(100'000, 'x'));
  audit_->Record(entry);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["who"], "admin/alice");
  EXPECT_EQ(lines[0]["object"], "h1\"}\n{\"who\":\"admin/eve\"\xEF\xBF\xBD\x01");
  EXPECT_EQ(lines[0]["message"].get<std::string>().size(), 512U);
}

TEST_F(AuditTest, OnlyItsOwnerReadsIt) {
  Open();
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(AuditTest, WhatWasThereStays) {
  Open();
  audit_->Record(Release(1));
  audit_.reset();
  Open();
  audit_->Record(Release(2));
  ASSERT_EQ(Lines().size(), 2U);
  EXPECT_EQ(Lines()[1]["object"], "h2");
}

TEST_F(AuditTest, AFileThatWasMovedAwayIsMadeAgain) {
  Open();
  audit_->Record(Release(1));
  const std::string moved = path_ + ".1";
  ASSERT_EQ(std::rename(path_.c_str(), moved.c_str()), 0);
  audit_->Record(Release(2));
  EXPECT_EQ(Read(moved).size(), 1U);
  ASSERT_EQ(Lines().size(), 1U);
  EXPECT_EQ(Lines()[0]["object"], "h2");
}

TEST_F(AuditTest, AFolderThatIsNotThereIsSaidAtTheStart) {
  const auto audit = Audit::Open(path_ + "/missing/audit.log", &clock_);
  EXPECT_TRUE(absl::IsUnavailable(audit.status())) << audit.status();
  EXPECT_NE(audit.status().message().find(path_), std::string::npos);
}

TEST_F(AuditTest, RefusalsBeyondTenAMinuteAreCounted) {
  Open();
  for (int i = 0; i < 1000; ++i) audit_->Record(Refused(i));
  EXPECT_EQ(Lines().size(), 10U);
  EXPECT_EQ(audit_->OnTime(clock_.now), clock_.now + absl::Minutes(1));
  clock_.now += absl::Minutes(1);
  EXPECT_EQ(audit_->OnTime(clock_.now), absl::InfiniteFuture());
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_EQ(lines[10]["times"], 990);
  EXPECT_EQ(lines[10]["from"], "ipv4:192.0.2.1:999");
  audit_->Record(Refused(1));  // a new minute
  EXPECT_EQ(Lines().size(), 12U);
}

TEST_F(AuditTest, WhatWasCountedIsToldAtTheEnd) {
  Open();
  for (int i = 0; i < 12; ++i) audit_->Record(Refused(i));
  audit_.reset();
  ASSERT_EQ(Lines().size(), 11U);
  EXPECT_EQ(Lines()[10]["times"], 2);
}

TEST_F(AuditTest, OneKindOfRefusalHidesNoOther) {
  Open();
  for (int i = 0; i < 100; ++i) audit_->Record(Refused(i));
  audit_->Record(Refused(1, "ipv4:192.0.2.2"));
  AuditEntry other = Refused(1);
  other.action = "ReserveLease";
  audit_->Record(other);
  EXPECT_EQ(Lines().size(), 12U);
}

TEST_F(AuditTest, WhatAnAdministratorDoesIsToldEachTime) {
  Open();
  for (int i = 0; i < 100; ++i) {
    audit_->Record(Release(i));
    AuditEntry failed = Release(i);
    failed.result = absl::NotFoundError("no such lease");
    audit_->Record(failed);
  }
  EXPECT_EQ(Lines().size(), 200U);
}

// From very many addresses: a thousand kinds of ten lines each, and ten for all others.
TEST_F(AuditTest, ManyKindsOfRefusalsDoNotFillTheDisk) {
  Open();
  for (int i = 0; i < 5000; ++i)
    audit_->Record(Refused(1, absl::StrCat("ipv6:[2001:db8::", i, "]")));
  EXPECT_EQ(Lines().size(), 1010U);
  clock_.now += absl::Minutes(2);
  audit_->OnTime(clock_.now);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1011U);
  EXPECT_EQ(lines.back()["times"], 3990);
}

TEST_F(AuditTest, ManyThreadsWriteWholeLines) {
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 500; ++i) audit_->Record(Release(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Lines().size(), 2000U);
}

}  // namespace
}  // namespace heddle::controller
