#include "controller/leadership.h"

#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using Role = Leadership::Role;

const storage::Member kSelf{"a", "10.0.0.1:7411", "1"};
const storage::Member kOther{"b", "10.0.0.2:7411", "1"};
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(Leadership, RoleIsWhatTheStoreAndTheFenceSay) {
  Leadership leadership("a");
  EXPECT_EQ(leadership.state().role, Role::kUnknown);
  leadership.Set(false, kSelf);
  EXPECT_EQ(leadership.state().role, Role::kUnknown) << "named, and has no fence yet";
  leadership.Set(true, kSelf);
  EXPECT_EQ(leadership.state().role, Role::kLeader);
  EXPECT_EQ(leadership.state().leader, kSelf);
  leadership.Set(false, kOther);
  EXPECT_EQ(leadership.state().role, Role::kFollower);
  EXPECT_EQ(leadership.state().leader, kOther);
  leadership.Set(false, std::nullopt);
  EXPECT_EQ(leadership.state().role, Role::kUnknown);
  EXPECT_FALSE(leadership.state().leader);
}

TEST(Leadership, WaitersAreCalledOnceWhenTheRoleIsKnown) {
  Leadership leadership("a");
  std::vector<Role> seen;
  const auto note = [&](const Leadership::State& state) { seen.push_back(state.role); };
  leadership.WhenKnown(kNow, note);
  EXPECT_TRUE(seen.empty());
  leadership.Set(false, kOther);
  leadership.Set(true, kSelf);
  EXPECT_EQ(seen, std::vector<Role>{Role::kFollower});
  leadership.WhenKnown(kNow, note);
  EXPECT_EQ(seen, (std::vector<Role>{Role::kFollower, Role::kLeader})) << "at once";
  EXPECT_EQ(leadership.Check(kNow + absl::Seconds(1)), absl::InfiniteFuture());
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Leadership, WaitsEndAtTheirDeadline) {
  Leadership leadership("a");
  int over = 0, known = 0;
  leadership.WhenKnown(kNow + absl::Seconds(1), [&](const Leadership::State& state) {
    EXPECT_EQ(state.role, Role::kUnknown);
    ++over;
  });
  leadership.WhenKnown(kNow + absl::Seconds(2), [&](const Leadership::State&) { ++known; });
  EXPECT_EQ(leadership.Check(kNow), kNow + absl::Seconds(1));
  EXPECT_EQ(over, 0);
  EXPECT_EQ(leadership.Check(kNow + absl::Seconds(1)), kNow + absl::Seconds(2));
  EXPECT_EQ(over, 1);
  leadership.Set(false, kOther);
  EXPECT_EQ(over, 1);
  EXPECT_EQ(known, 1);
}

// An act may wait again, as one that found the leader gone does.
TEST(Leadership, AnActMayAskAgain) {
  Leadership leadership("a");
  int calls = 0;
  std::function<void(const Leadership::State&)> again = [&](const Leadership::State&) {
    if (++calls < 3) leadership.WhenKnown(kNow, again);
  };
  leadership.WhenKnown(kNow, again);
  leadership.Check(kNow);
  EXPECT_EQ(calls, 1);
  leadership.Set(true, kSelf);
  EXPECT_EQ(calls, 3);
}

TEST(Leadership, ChangesAreToldAndRepetitionsAreNot) {
  Leadership leadership("a");
  std::vector<Leadership::State> told;
  leadership.OnChange([&](const Leadership::State& state) { told.push_back(state); });
  leadership.Set(false, std::nullopt);
  EXPECT_TRUE(told.empty());
  leadership.Set(false, kOther);
  leadership.Set(false, kOther);
  ASSERT_EQ(told.size(), 1u);
  const storage::Member moved{"b", "10.0.0.9:7411", "1"};
  leadership.Set(false, moved);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told.back().leader, moved);
}

}  // namespace
}  // namespace heddle::controller
