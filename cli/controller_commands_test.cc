// controller list|status|step-down, and what status says when something is wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "cli/json.h"

namespace heddle::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Commands, ControllersMatchTheirGoldenText) {
  ExpectGolden("controller_list.txt", Run({"controller", "list"}).out);
  ExpectGolden("controller_list_wide.txt", Run({"controller", "list", "-o", "wide"}).out);
  ExpectGolden("controller_list.json", Run({"controller", "list", "-o", "json"}).out);
  ExpectGolden("controller_status.txt", Run({"controller", "status", "c-2"}).out);
  ExpectGolden("controller_status.yaml", Run({"controller", "status", "c-10", "-o", "yaml"}).out);
  EXPECT_EQ(Run({"controller", "list", "-o", "name"}).out, "c-1\nc-2\nc-10\n");
}

TEST_F(Commands, ControllerStatusIsOfTheOneAskedUnlessAnotherIsNamed) {
  EXPECT_THAT(Run({"controller", "status"}).out, ContainsRegex("Controller: +c-1\nState: +leader"));
  admin_.state().controllers.set_answered_by("c-2");
  EXPECT_THAT(Run({"controller", "status"}).out, ContainsRegex("Controller: +c-2\nState: +stale"));
  const Result result = Run({"controller", "status", "c-3"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_THAT(result.err, HasSubstr("there is no controller c-3. Did you mean"));
}

TEST_F(Commands, StepDownNamesTheNextLeader) {
  const Result result = Run({"controller", "step-down"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_EQ(result.out, "c-1 has stepped down; c-2 leads now.\n");
  const Json json = Json::parse(Run({"controller", "step-down", "-o", "json"}).out);
  EXPECT_EQ(json["formerLeader"], "c-1");
  EXPECT_EQ(json["leader"], "c-2");
  admin_.state().errors["StepDown"] =
      absl::FailedPreconditionError("there is no other controller; start another first");
  EXPECT_EQ(Run({"controller", "step-down"}).code, ExitCode::kRefused);
  EXPECT_THAT(admin_.requests(), ElementsAre("StepDown{}", "StepDown{}", "StepDown{}"));
}

TEST_F(Commands, StatusIsLoudWithoutAStoreOrALeader) {
  v1::GetStatusResponse& status = admin_.state().status;
  status.clear_leader_id();
  status.set_writable(false);
  status.set_store_unreachable_since_unix_ms(absl::ToUnixMillis(FakeNow() - absl::Minutes(3)));
  const Result result = Run({"status"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, AllOf(ContainsRegex("Leader: +NONE\n"), HasSubstr("NOT REACHED"),
                                HasSubstr("THE STORE IS NOT REACHED, for 3m now"),
                                HasSubstr("NO LEADER IS KNOWN")));
  EXPECT_THAT(admin_.requests(), ElementsAre("GetStatus{}")) << "what would wait for a leader";
  const Json json = Json::parse(Run({"status", "-o", "json"}).out);
  EXPECT_TRUE(json["leader"].is_null());
  EXPECT_EQ(json["storeUnreachableSince"], "2023-11-14T22:10:20Z");
}

TEST_F(Commands, StatusTellsOfSettling) {
  v1::GetStatusResponse& status = admin_.state().status;
  EXPECT_THAT(Run({"status"}).out, Not(HasSubstr("settles")));
  status.set_settling_until_unix_ms(absl::ToUnixMillis(FakeNow() + absl::Seconds(90)));
  status.set_known_nodes_missing(4);
  EXPECT_THAT(Run({"status"}).out,
              HasSubstr("settles for another 1m30s at most; 4 nodes that had a lease are still "
                        "away. Until then no fresh subnet is given."));
}

}  // namespace
}  // namespace heddle::cli
