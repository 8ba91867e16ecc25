#include "node/dataplane/forwarder/swapped.h"

#include <array>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node::forwarder {
namespace {

// Tells of its end, and is whole as long as it lives.
class Whole {
 public:
  Whole(std::uint64_t value, std::atomic<int>* alive) : alive_(alive) {
    parts_.fill(value);
    ++*alive_;
  }
  ~Whole() {
    parts_.fill(~std::uint64_t{0});
    --*alive_;
  }
  // The value; 0 when its parts differ.
  std::uint64_t Value() const {
    for (std::uint64_t part : parts_) {
      if (part != parts_[0]) return 0;
    }
    return parts_[0];
  }

 private:
  std::array<std::uint64_t, 32> parts_;
  std::atomic<int>* const alive_;
};

class SwappedTest : public testing::Test {
 protected:
  std::unique_ptr<const Whole> Make(std::uint64_t value) {
    return std::make_unique<const Whole>(value, &alive_);
  }
  std::atomic<int> alive_{0};
};

TEST_F(SwappedTest, WithoutReadersTheFormerIsGoneAtOnce) {
  Swapped<Whole> value(Make(1));
  value.Replace(Make(2));
  EXPECT_EQ(value.Get().Value(), 2u);
  EXPECT_EQ(alive_, 1);
}

TEST_F(SwappedTest, AReaderKeepsWhatItHoldsUntilItSaysSo) {
  Swapped<Whole> value(Make(1));
  std::atomic<bool> woken{false}, replaced{false};
  Swapped<Whole>::Reader reader(&value, [&] { woken = true; });
  const Whole& held = reader.Get();
  std::thread publisher([&] {
    value.Replace(Make(2));
    replaced = true;
  });
  while (!woken) std::this_thread::yield();
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_FALSE(replaced);
  EXPECT_EQ(held.Value(), 1u);
  reader.Quiesce();
  publisher.join();
  EXPECT_EQ(reader.Get().Value(), 2u);
  EXPECT_EQ(alive_, 1);
}

TEST_F(SwappedTest, AReaderThatLeavesIsNotWaitedFor) {
  Swapped<Whole> value(Make(1));
  std::atomic<bool> woken{false};
  auto reader = std::make_unique<Swapped<Whole>::Reader>(&value, [&] { woken = true; });
  std::thread publisher([&] { value.Replace(Make(2)); });
  while (!woken) std::this_thread::yield();
  reader.reset();
  publisher.join();
  EXPECT_EQ(alive_, 1);
}

TEST_F(SwappedTest, ReadersSeeWholeValuesThatOnlyGrow) {
  constexpr std::uint64_t kLast = 2000;
  Swapped<Whole> value(Make(1));
  const auto read = [&] {
    Swapped<Whole>::Reader reader(&value, [] {});
    std::uint64_t former = 1;
    while (former != kLast) {
      for (int i = 0; i < 10; ++i) {
        const std::uint64_t seen = reader.Get().Value();
        if (seen < former) return false;  // torn, freed, or an older one
        former = seen;
      }
      reader.Quiesce();
    }
    return true;
  };
  std::array<bool, 3> right{};
  std::vector<std::thread> readers;
  for (bool& result : right) readers.emplace_back([&] { result = read(); });
  for (std::uint64_t i = 2; i <= kLast; ++i) value.Replace(Make(i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_THAT(right, testing::Each(true));
  EXPECT_EQ(alive_, 1);
}

}  // namespace
}  // namespace heddle::node::forwarder
