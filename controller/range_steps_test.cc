#include "controller/range_steps.h"

#include "controller/lease_book_test_bench.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Range Old() { return RangeOf("10.3.0.0/20", 24, "10.3.1.0", "10.3.15.0"); }
Range New() { return RangeOf("10.60.0.0/20", 24, "10.60.1.0", "10.60.15.0"); }

class RangeStepsTest : public ::testing::Test {
 protected:
  RangeStepsTest() {
    bench_.SetNetwork(NetworkOf({Old()}));
    bench_.Acquire("a");
    bench_.Acquire("b");
  }
  std::vector<NetworkStep> StepsTo(const Range& range) {
    const auto next = bench_.book.Settle(NetworkOf({range}), /*drain=*/true);
    EXPECT_TRUE(next.ok()) << next.status();
    std::vector<NetworkStep> steps;
    AddRangeSteps(bench_.book, *next, &steps);
    return steps;
  }
  BookBench bench_;
};

TEST_F(RangeStepsTest, NothingForWhatIsSo) { EXPECT_THAT(StepsTo(Old()), IsEmpty()); }

TEST_F(RangeStepsTest, GrowingIsOneStepThatHappensByItself) {
  const auto steps = StepsTo(RangeOf("10.3.0.0/16", 24, "10.3.1.0", "10.3.255.0"));
  ASSERT_THAT(steps, SizeIs(1));
  EXPECT_THAT(steps[0].commands, IsEmpty());
}

TEST_F(RangeStepsTest, MovingNamesEachNodeAndThenWhatIsLeft) {
  auto steps = StepsTo(New());
  ASSERT_THAT(steps, SizeIs(4));
  EXPECT_THAT(steps[0].title, HasSubstr("10.60.0.0/20"));
  EXPECT_THAT(steps[0].commands,
              ElementsAre("heddlectl node renumber a --wait", "heddlectl node renumber b --wait"));
  EXPECT_THAT(steps[2].commands, ElementsAre("heddlectl node renumber a --finish --wait",
                                             "heddlectl node renumber b --finish --wait"));
  EXPECT_THAT(steps[3].title, HasSubstr("10.3.0.0/20"));

  bench_.Run(
      bench_.book.DecideSetNetwork(NetworkOf({New()}), "{}", bench_.now, std::nullopt, true));
  bench_.Run(bench_.book.DecideRenumber("a", bench_.now));
  steps = StepsTo(New());
  EXPECT_THAT(steps[0].commands, ElementsAre("heddlectl node renumber b --wait"));
  EXPECT_THAT(steps[2].commands, SizeIs(2));
  bench_.Run(bench_.book.DecideFinishRenumber("a", bench_.now));
  bench_.Run(bench_.book.DecideRenumber("b", bench_.now));
  steps = StepsTo(New());
  ASSERT_THAT(steps, SizeIs(3));
  EXPECT_THAT(steps[1].commands, ElementsAre("heddlectl node renumber b --finish --wait"));
  bench_.Run(bench_.book.DecideFinishRenumber("b", bench_.now));
  EXPECT_THAT(StepsTo(New()), IsEmpty());
}

}  // namespace
}  // namespace heddle::controller
