// A change of the backend, driven by the writer: it goes on when every node has done its part.
#include <map>

#include "controller/writer_fixture.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

class WriterRolloutTest : public WriterTest {
 protected:
  static constexpr char kDirect[] = R"({"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}})";

  void Begin() {
    StartWithNetwork();
    for (int number : {1, 2}) {
      ASSERT_TRUE(Acquire(number).ok());
      Attach(number);
    }
    ASSERT_TRUE(SetNetwork(kDirect).ok());
  }
  void Attach(int number) {
    const auto attached =
        registry_.Attach({absl::StrCat("node-", number), "i", "", "", {}}, clock_.now);
    ASSERT_TRUE(attached.ok());
    attachments_[number] = attached->attachment;
  }
  void Announce(int number) {
    AcquireRequest request{absl::StrCat("node-", number), TestAdvertisement(number), {}};
    request.advertisement.standby_type = "host-gw";
    writer_->Acquire(request, [](const absl::StatusOr<LeaseGrant>&) {});
    Run();
  }
  // Has applied all there is, and says so.
  void Report(int number) {
    registry_.Report(absl::StrCat("node-", number), attachments_[number],
                     {hub_.head(), 1, 0, {}, {}}, clock_.now);
  }
  RolloutStage StageAfter(absl::Duration pause) {
    Pass(pause);
    return writer_->book().staged_network().stage;
  }

  std::map<int, std::uint64_t> attachments_;
};

TEST_F(WriterRolloutTest, EachStepWaitsForEveryNode) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  for (int number : {1, 2}) Report(number);
  EXPECT_EQ(StageAfter(absl::Milliseconds(50)), RolloutStage::kPreparing) << "none announces it";
  for (int number : {1, 2}) Announce(number);
  Report(1);
  EXPECT_EQ(StageAfter(absl::Milliseconds(50)), RolloutStage::kPreparing);
  EXPECT_EQ(writer_->JudgeRollout().done, 1u);
  EXPECT_LE(writer_->tick_at(), clock_.now + absl::Milliseconds(20)) << "looks again soon";
  Report(2);
  EXPECT_EQ(StageAfter(absl::Milliseconds(50)), RolloutStage::kRetiring);
  Report(1);
  EXPECT_EQ(StageAfter(absl::Seconds(5)), RolloutStage::kRetiring);
  Report(2);
  EXPECT_EQ(StageAfter(absl::Milliseconds(50)), RolloutStage::kRetiring) << "packets are under way";
  EXPECT_EQ(StageAfter(absl::Seconds(1)), RolloutStage::kSettled);
  EXPECT_EQ(*writer_->book().network(), TestNetwork(kDirect));
}

TEST_F(WriterRolloutTest, ANodeThatIsAwayIsLeftAfterItsGrace) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  Announce(1);
  Report(1);
  registry_.Detach("node-2", attachments_[2]);
  EXPECT_EQ(StageAfter(absl::Seconds(10)), RolloutStage::kPreparing);
  EXPECT_EQ(StageAfter(absl::Seconds(6)), RolloutStage::kRetiring);
}

TEST_F(WriterRolloutTest, GoesOnAfterARestart) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  for (int number : {1, 2}) Announce(number);
  Restart();
  EXPECT_TRUE(writer_->book().changes_backend());
  for (int number : {1, 2}) Report(number);
  EXPECT_EQ(StageAfter(absl::Milliseconds(50)), RolloutStage::kRetiring);
}

// It was attached here long ago, and may be to another controller by now, which has yet to say so.
TEST_F(WriterRolloutTest, ANewLeaderWaitsForANodeThatItHasNotSeenForLong) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  for (int number : {1, 2}) Announce(number);
  registry_.Detach("node-2", attachments_[2]);
  EXPECT_EQ(StageAfter(absl::Seconds(10)), RolloutStage::kPreparing);
  Restart();
  Report(1);
  EXPECT_EQ(StageAfter(absl::Seconds(10)), RolloutStage::kPreparing);
  EXPECT_EQ(StageAfter(absl::Seconds(6)), RolloutStage::kRetiring);
}

}  // namespace
}  // namespace heddle::controller
