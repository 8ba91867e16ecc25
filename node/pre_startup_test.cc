// Real commands, and a clock that the test moves.
#include "node/pre_startup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/backend_schema.h"
#include "base/file.h"

namespace heddle::node {
namespace {

Network Extension(const std::string& command) {
  Network network;
  network.backend = *CompleteBackend({"extension", {{"PreStartupCommand", command}}});
  return network;
}

class PreStartupTest : public testing::Test {
 protected:
  PreStartupTest() { options_.run_commands = true; }

  std::string Script(const std::string& body) {
    const std::string path =
        absl::StrCat(testing::TempDir(), "/pre-", getpid(), "-",
                     testing::UnitTest::GetInstance()->current_test_info()->name());
    EXPECT_TRUE(WriteFileAtomically(path, absl::StrCat("#!/bin/sh\n", body, "\n"), 0755).ok());
    return path;
  }
  // Steps until the command has ended; `pre` has been told of it before.
  PreStartup::News Wait(PreStartup* pre, const Network& network) {
    for (;;) {
      now_ = std::max(now_, pre->next_due());
      const auto news = pre->Step(network, now_);
      if (news) return *news;
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  PreStartup::News NewsOf(const std::string& command) {
    PreStartup pre(options_);
    const Network network = Extension(command);
    const auto first = pre.Step(network, now_);
    EXPECT_TRUE(first && first->ok() && !first->value()) << "nothing is known yet";
    return Wait(&pre, network);
  }

  PreStartupOptions options_;
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(PreStartupTest, GivesTheTrimmedStandardOutput) {
  const auto news = NewsOf(Script("printf '  {\"Key\": 1}\\n\\n'; echo noise >&2"));
  ASSERT_TRUE(news.ok()) << news.status();
  EXPECT_EQ(**news, "{\"Key\": 1}");
}

TEST_F(PreStartupTest, WhatCannotBeAnnouncedIsRefused) {
  for (const char* body : {"printf 'a\\001b'", "head -c 20000 /dev/zero | tr '\\0' a",
                           "printf 'a\\377'", "printf a; head -c 70000 /dev/zero | tr '\\0' ' '"}) {
    const auto news = NewsOf(Script(body));
    EXPECT_EQ(news.status().code(), absl::StatusCode::kInvalidArgument) << body;
  }
}

TEST_F(PreStartupTest, AFailureSaysWhyAndIsTriedAgain) {
  PreStartup pre(options_);
  const Network network = Extension(Script("echo no key >&2; exit 4"));
  pre.Step(network, now_);
  const auto news = Wait(&pre, network);
  EXPECT_NE(news.status().message().find("exited with 4, saying: no key"), std::string::npos)
      << news.status();
  EXPECT_GT(pre.next_due(), now_);
  EXPECT_LE(pre.next_due(), now_ + options_.retry_maximum);
  Script("echo key");
  EXPECT_EQ(**Wait(&pre, network), "key");
  EXPECT_EQ(pre.next_due(), absl::InfiniteFuture()) << "once it has ended well it is left alone";
  EXPECT_FALSE(pre.Step(network, now_ + absl::Hours(1)));
}

TEST_F(PreStartupTest, AHangingCommandBlocksNobodyAndEndsAtTheLimit) {
  options_.time_limit = absl::Milliseconds(500);
  PreStartup pre(options_);
  const Network network = Extension("sleep 1000");
  const absl::Time start = absl::Now();
  for (int step = 0; step < 3; ++step) EXPECT_FALSE(pre.Step(network, now_) && step > 0);
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(400));
  EXPECT_EQ(Wait(&pre, network).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PreStartupTest, AnotherCommandIsRunAndNoneIsForgotten) {
  PreStartup pre(options_);
  pre.Step(Extension("sleep 1000"), now_);
  pre.Step(Extension("sleep 1000"), now_);
  const Network network = Extension("echo two");
  EXPECT_FALSE(pre.Step(network, now_)->value()) << "the first one's is not this one's";
  EXPECT_EQ(**Wait(&pre, network), "two");
  EXPECT_FALSE(pre.Step(Extension(""), now_)->value());
  EXPECT_EQ(pre.next_due(), absl::InfiniteFuture());
}

TEST_F(PreStartupTest, TheStandbysIsRunToo) {
  Network network;
  network.backend = *CompleteBackend({"vxlan", {}});
  network.standby = Extension("echo standby").backend;
  PreStartup pre(options_);
  pre.Step(network, now_);
  EXPECT_EQ(**Wait(&pre, network), "standby");
}

TEST_F(PreStartupTest, WithoutPermissionNothingIsRun) {
  options_.run_commands = false;
  PreStartup pre(options_);
  EXPECT_FALSE(pre.Step(Extension("echo x"), now_));
  EXPECT_EQ(pre.next_due(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace heddle::node
