#include "node/dataplane/forwarder/trains.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAre;

class TrainsTest : public testing::Test {
 protected:
  void Add(const Endpoint& to, std::size_t bytes) {
    const absl::Span<const std::uint8_t> all(bytes_);
    trains_.Add(&to, {all.subspan(0, std::min<std::size_t>(bytes, 40)),
                      all.subspan(40, bytes > 40 ? bytes - 40 : 0)});
  }
  std::vector<std::size_t> Datagrams() const {
    std::vector<std::size_t> counts;
    for (const Train& train : trains_.all()) counts.push_back(train.datagrams);
    return counts;
  }

  const std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(1 << 16);
  const Endpoint a_{*Ip::Parse("192.0.2.1"), 8285}, b_{*Ip::Parse("2001:db8::1"), 8285};
  Trains trains_;
};

TEST_F(TrainsTest, EqualOnesGoTogether) {
  for (int i = 0; i < 5; ++i) Add(a_, 1400);
  ASSERT_THAT(Datagrams(), ElementsAre(5));
  const Train& train = trains_.all()[0];
  EXPECT_EQ(train.datagram_bytes, 1400u);
  EXPECT_EQ(train.bytes, 7000u);
  EXPECT_EQ(train.pieces.size(), 10u);
  EXPECT_EQ(ToIp(train.address), a_.address);
}

TEST_F(TrainsTest, AShorterOneIsTheLast) {
  for (std::size_t bytes : {1400, 1400, 900, 900, 1400}) Add(a_, bytes);
  EXPECT_THAT(Datagrams(), ElementsAre(3, 1, 1));
}

TEST_F(TrainsTest, ALongerOneStartsANewTrain) {
  for (std::size_t bytes : {900, 1400, 1400}) Add(a_, bytes);
  EXPECT_THAT(Datagrams(), ElementsAre(1, 2));
}

TEST_F(TrainsTest, EndpointsDoNotMixAndDoNotPartEachOther) {
  for (int i = 0; i < 3; ++i) {
    Add(a_, 100);
    Add(b_, 100);
  }
  EXPECT_THAT(Datagrams(), ElementsAre(3, 3));
  EXPECT_EQ(trains_.all()[0].to, &a_);
  EXPECT_EQ(trains_.all()[1].to, &b_);
}

TEST_F(TrainsTest, NoMoreThanTheKernelTakes) {
  for (int i = 0; i < 65; ++i) Add(a_, 64);
  EXPECT_THAT(Datagrams(), ElementsAre(64, 1));
  trains_.Clear();
  EXPECT_TRUE(trains_.empty());
  for (int i = 0; i < 45; ++i) Add(a_, 1472);
  EXPECT_THAT(Datagrams(), ElementsAre(44, 1));
}

TEST_F(TrainsTest, WithoutAHeaderApartThereIsOnePiece) {
  Add(a_, 40);
  EXPECT_EQ(trains_.all()[0].pieces.size(), 1u);
}

TEST_F(TrainsTest, WhateverComesEachEndpointGetsItAllInOrder) {
  std::mt19937 random(3);
  constexpr std::size_t kSizes[] = {20, 40, 1400, 1472, 9000, 65507};
  for (int round = 0; round < 100; ++round) {
    trains_.Clear();
    std::vector<std::size_t> to_a, to_b, got_a, got_b;
    for (int i = 0; i < 200; ++i) {
      const std::size_t bytes = kSizes[random() % 6];
      const bool is_a = random() % 2 == 0;
      Add(is_a ? a_ : b_, bytes);
      (is_a ? to_a : to_b).push_back(bytes);
    }
    for (const Train& train : trains_.all()) {
      ASSERT_LE(train.bytes, Trains::kMaxBytes);
      ASSERT_LE(train.datagrams, Trains::kMaxDatagrams);
      auto& got = train.to == &a_ ? got_a : got_b;
      std::size_t left = train.bytes;
      for (std::size_t i = 0; i < train.datagrams; ++i) {
        got.push_back(std::min(left, train.datagram_bytes));
        left -= got.back();
      }
      ASSERT_EQ(left, 0u);
    }
    ASSERT_EQ(got_a, to_a);
    ASSERT_EQ(got_b, to_b);
  }
}

}  // namespace
}  // namespace heddle::node::forwarder
