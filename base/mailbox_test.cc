#include "base/mailbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace heddle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Mailbox, KeepsTheOrder) {
  Mailbox<int> mailbox(8);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(mailbox.Post(int{i}));
  EXPECT_THAT(mailbox.TakeAll(absl::ZeroDuration()), ElementsAre(0, 1, 2));
  EXPECT_THAT(mailbox.TakeAll(absl::ZeroDuration()), IsEmpty());
}

TEST(Mailbox, RefusesWhenFullAndLeavesTheItem) {
  Mailbox<std::unique_ptr<int>> mailbox(1);
  EXPECT_TRUE(mailbox.Post(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(mailbox.Post(std::move(second)));
  ASSERT_NE(second, nullptr);
  mailbox.TakeAll(absl::ZeroDuration());
  EXPECT_TRUE(mailbox.Post(std::move(second))) << "room again";
}

TEST(Mailbox, CloseRefusesPostsButKeepsWhatCame) {
  Mailbox<int> mailbox(8);
  mailbox.Post(7);
  mailbox.Close();
  EXPECT_TRUE(mailbox.closed());
  EXPECT_FALSE(mailbox.Post(8));
  EXPECT_THAT(mailbox.TakeAll(absl::InfiniteDuration()), ElementsAre(7));
  EXPECT_THAT(mailbox.TakeAll(absl::InfiniteDuration()), IsEmpty()) << "does not block";
}

TEST(Mailbox, TimesOut) {
  Mailbox<int> mailbox(8);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(mailbox.TakeAll(absl::Milliseconds(20)), IsEmpty());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
}

TEST(Mailbox, ClosingWakesTheTaker) {
  Mailbox<int> mailbox(8);
  std::thread closer([&] { mailbox.Close(); });
  EXPECT_THAT(mailbox.TakeAll(absl::InfiniteDuration()), IsEmpty());
  closer.join();
}

TEST(Mailbox, ManyPostersLoseNothing) {
  constexpr int kPosters = 4, kEach = 2000;
  Mailbox<std::pair<int, int>> mailbox(64);
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kEach; ++i) {
        while (!mailbox.Post({poster, i})) std::this_thread::yield();
      }
    });
  }
  int next[kPosters] = {}, total = 0;
  while (total < kPosters * kEach) {
    for (const auto& [poster, i] : mailbox.TakeAll(absl::InfiniteDuration())) {
      EXPECT_EQ(i, next[poster]++) << "order of one poster";
      ++total;
    }
  }
  for (std::thread& poster : posters) poster.join();
}

}  // namespace
}  // namespace heddle
