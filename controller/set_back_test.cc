#include "controller/set_back.h"

#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

class SetBackTest : public ::testing::Test {
 protected:
  std::string History() { return store_.Describe().history.id; }
  storage::Position At(storage::Revision revision) { return {before_, revision}; }
  // Whether a new history is there once the claim was judged.
  bool Begins(const SetBack::Claim& claim, storage::Revision store, bool only_holder = false) {
    const std::string history = History();
    {
      SetBack set_back(&store_);
      for (const auto& earlier : earlier_) set_back.OnClaim(earlier, At(store), false, said_at_);
      set_back.OnClaim(claim, At(store), only_holder, now_);
    }  // waits
    return History() != history;
  }

  storage::MemoryStore store_;
  const std::string before_ = store_.Describe().history.id;
  std::vector<SetBack::Claim> earlier_;
  absl::Time now_ = absl::Now() + absl::Hours(1);
  absl::Time said_at_ = now_ - absl::Seconds(30);
};

TEST_F(SetBackTest, OneNodeMayBeWrongTwoAreBelieved) {
  EXPECT_FALSE(Begins({"a", 90}, 50));
  earlier_ = {{"a", 90}};
  EXPECT_FALSE(Begins({"a", 95}, 50)) << "the same one again";
  EXPECT_TRUE(Begins({"b", 51}, 50));
}

TEST_F(SetBackTest, TheOnlyHolderIsBelieved) { EXPECT_TRUE(Begins({"a", 90}, 50, true)); }

TEST_F(SetBackTest, AnOldClaimCountsNoMore) {
  earlier_ = {{"a", 90}};
  said_at_ = now_ - absl::Seconds(61);
  EXPECT_FALSE(Begins({"b", 90}, 50));
}

TEST_F(SetBackTest, AClaimThatTheStoreHasReachedCountsNoMore) {
  SetBack set_back(&store_);
  set_back.OnClaim({"a", 60}, At(50), false, now_);
  set_back.OnClaim({"b", 90}, At(60), false, now_);
  EXPECT_EQ(History(), before_);
}

TEST_F(SetBackTest, AYoungHistoryIsNotEndedByClaims) {
  ASSERT_TRUE(store_.StartNewHistory().ok());
  const std::string young = History();
  const absl::Time began = store_.Describe().history.began;
  SetBack set_back(&store_);
  for (const char* node : {"a", "b", "c"}) {
    set_back.OnClaim({node, 90}, {young, 5}, false, began + absl::Minutes(9));
  }
  EXPECT_EQ(History(), young);
}

TEST_F(SetBackTest, AClaimAboutAnotherHistoryThanTheStoreHasNowIsIdle) {
  SetBack set_back(&store_);
  set_back.OnClaim({"a", 60}, {"gone", 50}, false, now_);
  set_back.OnClaim({"b", 60}, {"gone", 50}, false, now_);
  EXPECT_EQ(History(), before_);
}

}  // namespace
}  // namespace heddle::controller
