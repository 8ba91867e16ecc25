// Changes of the backend: what setting a network makes of each stage, and who is waited for.
#include "controller/rollout.h"

#include <string>

#include "controller/test_peers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Network Of(const std::string& type, const std::string& range = "10.244.0.0/16") {
  return TestNetwork(
      absl::StrCat(R"({"Network":")", range, R"(","Backend":{"Type":")", type, R"("}})"));
}

StagedNetwork Staged(const std::string& backend, const std::string& standby, RolloutStage stage) {
  StagedNetwork staged{Of(backend), stage, kNow - absl::Minutes(1)};
  if (!standby.empty()) staged.network.standby = Of(standby).backend;
  return staged;
}

// "backend+standby stage", as the tables below have it.
std::string Text(const StagedNetwork& staged) {
  const char* stage = staged.stage == RolloutStage::kSettled     ? "settled"
                      : staged.stage == RolloutStage::kPreparing ? "preparing"
                                                                 : "retiring";
  return absl::StrCat(staged.network.backend.type, staged.network.standby ? "+" : "",
                      staged.network.standby ? staged.network.standby->type : "", " ", stage,
                      staged.turned_round ? " again" : "");
}

TEST(RolloutTest, WhatSettingABackendMakesOfEachStage) {
  struct Case {
    const char *backend, *standby;
    RolloutStage stage;
    const char *asked, *result;  // "": refused
  };
  for (const Case& c : {
           Case{"vxlan", "", RolloutStage::kSettled, "vxlan", "vxlan settled"},
           Case{"vxlan", "", RolloutStage::kSettled, "host-gw", "vxlan+host-gw preparing"},
           Case{"vxlan", "host-gw", RolloutStage::kPreparing, "host-gw", "vxlan+host-gw preparing"},
           Case{"vxlan", "host-gw", RolloutStage::kPreparing, "vxlan", "vxlan settled"},
           Case{"vxlan", "host-gw", RolloutStage::kPreparing, "alloc", "vxlan+alloc preparing"},
           Case{"host-gw", "vxlan", RolloutStage::kRetiring, "host-gw", "host-gw+vxlan retiring"},
           Case{"host-gw", "vxlan", RolloutStage::kRetiring, "vxlan",
                "host-gw+vxlan preparing again"},
           Case{"host-gw", "vxlan", RolloutStage::kRetiring, "alloc", ""},
       }) {
    const auto result = Restage(Staged(c.backend, c.standby, c.stage), Of(c.asked), kNow);
    const std::string what = absl::StrCat(c.backend, "+", c.standby, ", asked for ", c.asked);
    if (*c.result == '\0') {
      EXPECT_TRUE(absl::IsFailedPrecondition(result.status())) << what;
      continue;
    }
    ASSERT_TRUE(result.ok()) << what << result.status();
    EXPECT_EQ(Text(*result), c.result) << what;
    EXPECT_EQ(TargetOf(*result), Of(c.asked)) << what;
  }
}

TEST(RolloutTest, AThirdBackendSaysWhatToWaitFor) {
  const auto result =
      Restage(Staged("host-gw", "vxlan", RolloutStage::kRetiring), Of("alloc"), kNow);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("the change from vxlan to host-gw is under way and packets go through "
                        "both. Wait until `heddlectl network show`"));
}

// Some nodes may send through vxlan still, and one that is away for a moment goes on doing so.
TEST(RolloutTest, OneThatWasTurnedRoundDropsNoPlaneAtOnce) {
  const StagedNetwork retiring = Staged("host-gw", "vxlan", RolloutStage::kRetiring);
  const auto back = Restage(retiring, Of("vxlan"), kNow);
  ASSERT_TRUE(back.ok());
  const absl::Time later = kNow + absl::Seconds(1);
  const auto same = Restage(*back, Of("vxlan"), later);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(*same, *back) << "says nothing new";
  const auto on = Restage(*back, Of("host-gw"), later);
  ASSERT_TRUE(on.ok());
  EXPECT_EQ(Text(*on), "host-gw+vxlan retiring");
  EXPECT_EQ(on->since, later);
  EXPECT_EQ(Text(*Restage(*on, Of("vxlan"), later)), "host-gw+vxlan preparing again");
  EXPECT_EQ(Text(Advance(*back, later)), "vxlan+host-gw retiring");
  const auto third = Restage(*back, Of("alloc"), later);
  EXPECT_THAT(std::string(third.status().message()),
              HasSubstr("the change from host-gw to vxlan is under way"));
}

TEST(RolloutTest, TheOtherSettingsAreSoAtOnce) {
  const Network wide = Of("host-gw", "10.0.0.0/8");
  const auto begun = Restage(Staged("vxlan", "", RolloutStage::kSettled), wide, kNow);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->network.ranges, wide.ranges);
  const auto grown = Restage(Staged("host-gw", "vxlan", RolloutStage::kRetiring), wide, kNow);
  ASSERT_TRUE(grown.ok());
  EXPECT_EQ(grown->network.ranges, wide.ranges);
  EXPECT_EQ(Text(*grown), "host-gw+vxlan retiring");
}

TEST(RolloutTest, OptionsOfOneTypeAreNotStaged) {
  Network other = Of("vxlan");
  other.backend.options["Port"] = std::int64_t{4789};
  const auto settled = Restage(Staged("vxlan", "", RolloutStage::kSettled), other, kNow);
  ASSERT_TRUE(settled.ok());
  EXPECT_EQ(settled->network, other);
  const auto prepared = Restage(Staged("host-gw", "vxlan", RolloutStage::kPreparing), other, kNow);
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(*prepared->network.standby, other.backend);
  EXPECT_EQ(prepared->since, kNow) << "the standby is another one: the step begins anew";
}

TEST(RolloutTest, AdvancesThroughTheStages) {
  const StagedNetwork preparing = Staged("vxlan", "host-gw", RolloutStage::kPreparing);
  const StagedNetwork retiring = Advance(preparing, kNow);
  EXPECT_EQ(Text(retiring), "host-gw+vxlan retiring");
  EXPECT_EQ(retiring.since, kNow);
  const StagedNetwork settled = Advance(retiring, kNow);
  EXPECT_EQ(settled.network, Of("host-gw"));
  EXPECT_EQ(settled.stage, RolloutStage::kSettled);
}

TEST(RolloutTest, ANodeHasDoneItsPartWhenItAnnouncesAndHasAppliedAll) {
  constexpr absl::Duration kGrace = absl::Seconds(15);
  struct Case {
    bool attached;
    int away_seconds;
    bool runs_target;
    storage::Revision applied;
    bool counts;
    const char* reason;  // "": done
  };
  for (const Case& c : {
           Case{true, 0, true, 9, true, ""},
           Case{true, 0, true, 12, true, ""},
           Case{true, 0, true, 8, true, "it has applied revision 8, not yet 9"},
           Case{true, 0, false, 9, true, "it has not announced host-gw yet"},
           // It may restart from what its disk has, which is older than what it had applied.
           Case{false, 5, true, 9, true,
                "it is not attached; it is left behind unless it comes back within 10s"},
           Case{false, 15, true, 9, false, ""},
           Case{false, 4000, false, 0, false, ""},
       }) {
    RolloutNode node{"a",           c.attached, kNow - absl::Seconds(c.away_seconds),
                     c.runs_target, c.applied,  ""};
    const RolloutProgress progress = Judge({node}, "host-gw", 9, kGrace, kNow);
    EXPECT_EQ(progress.nodes, c.counts ? 1u : 0u) << c.reason;
    EXPECT_EQ(progress.done, c.counts && *c.reason == '\0' ? 1u : 0u) << c.reason;
    const std::string reason =
        progress.waiting_for.empty() ? "" : progress.waiting_for.front().reason;
    EXPECT_EQ(reason, c.reason);
  }
}

TEST(RolloutTest, ANodeThatIsAwayIsLookedAtAgainWhenItsGraceEnds) {
  const RolloutNode away{"a", false, kNow - absl::Seconds(5), true, 9, ""};
  const RolloutNode here{"b", true, kNow, true, 3, ""};
  EXPECT_EQ(Judge({away, here}, "host-gw", 9, absl::Seconds(15), kNow).look_again,
            kNow + absl::Seconds(10));
  EXPECT_EQ(Judge({here}, "host-gw", 9, absl::Seconds(15), kNow).look_again,
            absl::InfiniteFuture());
}

TEST(RolloutTest, NamesTheNodesOwnProblem) {
  const RolloutNode node{"a", true, kNow, false, 9, "this host has no module for it"};
  const RolloutProgress progress = Judge({node}, "wireguard", 9, absl::Seconds(15), kNow);
  ASSERT_EQ(progress.waiting_for.size(), 1u);
  EXPECT_EQ(progress.waiting_for[0].node_id, "a");
  EXPECT_EQ(progress.waiting_for[0].reason,
            "it has not announced wireguard yet: this host has no module for it");
}

TEST(RolloutTest, NamesABoundedNumber) {
  std::vector<RolloutNode> nodes(1000);
  for (RolloutNode& node : nodes) node.attached = true;
  const RolloutProgress progress = Judge(nodes, "host-gw", 9, absl::Seconds(15), kNow);
  EXPECT_EQ(progress.nodes, 1000u);
  EXPECT_EQ(progress.waiting_for.size(), kWaitsNamed);
}

// Only a plane whose ends agree on keys first needs time before it is used.
TEST(RolloutTest, PausesForKeysBeforeAndForPacketsAfterTheRoutesMove) {
  StagedNetwork staged;
  staged.network.backend.type = "vxlan";
  staged.network.standby = BackendConfig{"wireguard", {}};
  staged.stage = RolloutStage::kPreparing;
  EXPECT_EQ(PauseAfter(staged), kKeyAgreement);
  std::swap(staged.network.backend, *staged.network.standby);
  EXPECT_EQ(PauseAfter(staged), absl::ZeroDuration()) << "back to vxlan";
  staged.stage = RolloutStage::kRetiring;
  EXPECT_EQ(PauseAfter(staged), kInFlight);
}

}  // namespace
}  // namespace heddle::controller
