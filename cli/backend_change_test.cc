// A change of the backend as heddlectl tells it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "cli/json.h"

namespace heddle::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BackendChange : public Commands {
 protected:
  static v1::Rollout Step(int step, std::uint64_t done) {
    v1::Rollout rollout;
    rollout.set_from_backend("vxlan");
    rollout.set_to_backend("host-gw");
    rollout.set_step(step);
    rollout.set_steps(3);
    rollout.set_nodes(4);
    rollout.set_done(done);
    if (done < 4) {
      v1::RolloutWait* wait = rollout.add_waiting_for();
      wait->set_node_id("host-3");
      wait->set_reason("it has not announced host-gw yet");
    }
    return rollout;
  }
  void Pass(const v1::Rollout& rollout) {
    v1::GetNetworkResponse answer = admin_.state().network;
    *answer.mutable_rollout() = rollout;
    admin_.state().networks_before.push_back(answer);
  }
};

TEST_F(BackendChange, WaitTellsEachStepAsItBegins) {
  Pass(Step(1, 2));
  Pass(Step(1, 2));
  Pass(Step(2, 3));
  const Result result = Run({"network", "set", "-", "--wait"}, "{}");
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("Step 1 of 3: every node builds host-gw beside vxlan: 2 of 4 nodes. "
                        "Waiting for host-3 (it has not announced host-gw yet), 1 more.\n"
                        "Step 2 of 3: every node sends through host-gw: 3 of 4 nodes. Waiting for "
                        "host-3 (it has not announced host-gw yet).\n"
                        "Step 3 of 3: every node removes vxlan.\n"
                        "Every node has applied revision 21.\n"));
}

TEST_F(BackendChange, WaitThatEndsTooEarlySaysWhoHoldsIt) {
  *admin_.state().network.mutable_rollout() = Step(1, 3);
  const Result result = Run({"network", "set", "-", "--wait", "--wait-timeout-seconds", "1"}, "{}");
  EXPECT_EQ(result.code, ExitCode::kLagging);
  EXPECT_THAT(result.err,
              HasSubstr("has not ended within 1 s. Step 1 of 3: every node builds host-gw beside "
                        "vxlan: 3 of 4 nodes. It waits for host-3 (it has not announced host-gw "
                        "yet). Mend what is named, or set vxlan again to take the change back."));
  const Result json =
      Run({"network", "set", "-", "--wait", "--wait-timeout-seconds", "1", "-o", "json"}, "{}");
  EXPECT_EQ(Json::parse(json.out)["wait"]["rollout"]["waitingFor"][0]["nodeId"], "host-3");
}

TEST_F(BackendChange, IsShownWhileItGoesOn) {
  *admin_.state().network.mutable_rollout() = Step(2, 3);
  for (const char* command : {"network", "status"}) {
    std::vector<std::string> words = {command};
    if (words[0] == "network") words.push_back("show");
    const Result result = Run(words);
    EXPECT_THAT(result.out, HasSubstr("The backend changes from vxlan to host-gw. Step 2 of 3: "
                                      "every node sends through host-gw: 3 of 4 nodes.\n"
                                      "It waits for host-3 (it has not announced host-gw yet).\n"))
        << command;
    words.insert(words.end(), {"-o", "json"});
    EXPECT_EQ(Json::parse(Run(words).out)["rollout"]["step"], 2) << command;
  }
}

TEST_F(BackendChange, PlanPrintsTheSteps) {
  v1::Step* first = admin_.state().set_network.add_steps();
  first->set_title("Every node builds host-gw beside vxlan.");
  first->add_effects("Packets keep going through vxlan.");
  v1::Step* second = admin_.state().set_network.add_steps();
  second->set_title("Pods move.");
  second->add_commands("heddlectl node renumber host-1");
  const Result result = Run({"network", "plan", "-"}, "{}");
  EXPECT_EQ(result.code, ExitCode::kOk);
  ExpectGolden("network_plan.txt", result.out);
  EXPECT_THAT(admin_.requests(), ElementsAre("SetNetwork{net_conf_json: \"{}\" dry_run: true}"));
  const Json json = Json::parse(Run({"network", "plan", "-", "-o", "json"}, "{}").out);
  EXPECT_EQ(json["steps"][1]["commands"][0], "heddlectl node renumber host-1");
}

}  // namespace
}  // namespace heddle::cli
