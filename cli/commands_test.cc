// Every command against a controller's stand-in, through the same Run that main() calls.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "api/convert.h"
#include "cli/commands_fixture.h"
#include "cli/golden.h"

namespace heddle::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// ---- What is shown ----

struct Shown {
  std::vector<std::string> words;
  std::string golden;
};

class ShownCommands : public Commands, public ::testing::WithParamInterface<Shown> {};

TEST_P(ShownCommands, MatchTheirGoldenText) {
  const Result result = Run(GetParam().words);
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  // The port differs from run to run.
  ExpectGolden(GetParam().golden,
               absl::StrReplaceAll(result.out, {{admin_.address(), "CONTROLLER"}}));
}

INSTANTIATE_TEST_SUITE_P(
    All, ShownCommands,
    ::testing::Values(Shown{{"network", "show"}, "network_show.txt"},
                      Shown{{"network", "show", "-o", "json"}, "network_show.json"},
                      Shown{{"network", "show", "-o", "yaml"}, "network_show.yaml"},
                      Shown{{"network", "check", "cli/testdata/net-conf.json"},
                            "network_check.txt"},
                      Shown{{"network", "set", "cli/testdata/net-conf.json"}, "network_set.txt"},
                      Shown{{"lease", "list"}, "lease_list.txt"},
                      Shown{{"lease", "list", "--resting", "-o", "wide"}, "lease_list_wide.txt"},
                      Shown{{"lease", "list", "--resting", "-o", "name"}, "lease_list_name.txt"},
                      Shown{{"lease", "list", "-o", "json"}, "lease_list.json"},
                      Shown{{"lease", "show", "host-2"}, "lease_show.txt"},
                      Shown{{"lease", "reserve", "host-2"}, "lease_reserve.txt"},
                      Shown{{"lease", "release", "host-2", "-o", "json"}, "lease_release.json"},
                      Shown{{"node", "list"}, "node_list.txt"},
                      Shown{{"node", "list", "-o", "wide"}, "node_list_wide.txt"},
                      Shown{{"node", "list", "-o", "yaml"}, "node_list.yaml"},
                      Shown{{"-o", "name", "node", "list"}, "node_list_name.txt"},
                      Shown{{"node", "show", "host-2"}, "node_show.txt"},
                      Shown{{"doctor", "--help"}, "help_doctor.txt"},
                      Shown{{"status"}, "status.txt"}, Shown{{"--help"}, "help.txt"},
                      Shown{{"lease", "reserve", "--help"}, "help_lease_reserve.txt"}),
    [](const auto& info) {
      std::string name = info.param.golden;
      for (char& c : name) c = c == '.' ? '_' : c;
      return name;
    });

TEST_F(Commands, ListsSayWhenThereIsNothing) {
  admin_.state().nodes.clear_nodes();
  admin_.state().leases.clear_leases();
  EXPECT_EQ(Run({"node", "list"}).out, "No node has attached, and none holds a lease.\n");
  EXPECT_EQ(Run({"lease", "list"}).out, "No node holds a lease.\n");
  EXPECT_EQ(Run({"node", "list", "-o", "name"}).out, "");
}

TEST_F(Commands, NodeListTellsTheStates) {
  v1::ListNodesResponse& nodes = admin_.state().nodes;
  nodes.mutable_nodes(1)->add_problems("UDP port 8472 is taken by another program.");
  nodes.mutable_nodes(2)->set_applied_revision(19);
  EXPECT_THAT(Run({"node", "list"}).out, HasSubstr("host-2   held"));
  nodes.mutable_nodes(1)->set_held_removals(0);
  const std::string out = Run({"node", "list"}).out;
  EXPECT_THAT(out, HasSubstr("host-1   lagging"));
  EXPECT_THAT(out, HasSubstr("host-2   problem"));
  EXPECT_THAT(out, HasSubstr("host-10  detached"));
  EXPECT_THAT(out, HasSubstr("host-2: UDP port 8472 is taken by another program."));
}

// ---- What is asked ----

TEST_F(Commands, ReserveSendsTheSubnets) {
  Run({"lease", "reserve", "host-2", "10.3.2.0/24", "fd00:3:0:2::/64"});
  ASSERT_EQ(admin_.requests().size(), 1u);
  EXPECT_THAT(admin_.requests()[0], StartsWith("ReserveLease{node_id: \"host-2\" subnets { base:"));
  EXPECT_THAT(admin_.requests()[0], HasSubstr("length: 64"));
}

TEST_F(Commands, ReserveRefusesHostBitsBeforeAsking) {
  const Result result = Run({"lease", "reserve", "host-2", "10.3.2.7/24"});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.err, HasSubstr("do you mean 10.3.2.0/24?"));
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Commands, NetworkSetSendsTheTextAsItIs) {
  Run({"network", "set", "-"}, "{\"Network\": 1}");
  EXPECT_THAT(admin_.requests(),
              ElementsAre("SetNetwork{net_conf_json: \"{\\\"Network\\\": 1}\"}"));
}

TEST_F(Commands, NetworkCheckIsADryRun) {
  Run({"network", "check", "-"}, "{}");
  EXPECT_THAT(admin_.requests(), ElementsAre("SetNetwork{net_conf_json: \"{}\" dry_run: true}"));
}

TEST_F(Commands, NetworkSetAndCheckCanDrain) {
  Run({"network", "set", "--drain", "-"}, "{}");
  Run({"network", "check", "-", "--drain"}, "{}");
  EXPECT_THAT(admin_.requests(),
              ElementsAre("SetNetwork{net_conf_json: \"{}\" drain: true}",
                          "SetNetwork{net_conf_json: \"{}\" dry_run: true drain: true}"));
}

// A cluster that is on its way from 10.3.0.0/16 to 10.60.0.0/16; host-2 has both subnets.
class Moving : public Commands {
 protected:
  Moving() {
    Network network = *FromProto(admin_.state().network.network());
    network.draining = network.ranges;
    Range range = *network.ranges[Family::kV4];
    range.network = *Prefix::Parse("10.60.0.0/16");
    range.subnet_min = *Ip::Parse("10.60.1.0");
    range.subnet_max = *Ip::Parse("10.60.255.0");
    network.ranges[Family::kV4] = range;
    *admin_.state().network.mutable_network() = ToProto(network);
    admin_.state().network.set_leases_draining(3);
    v1::Lease* lease = admin_.state().leases.mutable_leases(1);
    *lease->mutable_draining_ipv4_subnet() = lease->ipv4_subnet();
    *lease->mutable_ipv4_subnet() = ToProto(*Prefix::Parse("10.60.9.0/24"));
    *admin_.state().nodes.mutable_nodes(1)->mutable_lease() = *lease;
  }
};

TEST_F(Moving, ShowsWhatIsBeingLeft) {
  const std::string network = Run({"network", "show"}).out;
  EXPECT_THAT(network, ContainsRegex("IPv4 leaves: +10.3.0.0/16\n"));
  EXPECT_THAT(network, ContainsRegex("Still to move: +3 leases"));
  const Json json = Json::parse(Run({"network", "show", "-o", "json"}).out);
  EXPECT_EQ(json["ipv4"]["draining"], "10.3.0.0/16");
  EXPECT_EQ(json["leasesDraining"], 3);
  for (const char* kind : {"lease", "node"}) {
    EXPECT_THAT(Run({kind, "list"}).out,
                HasSubstr("10.60.9.0/24,fd00:3:0:2::/64 leaving 10.3.2.0/24"));
    EXPECT_EQ(Json::parse(Run({kind, "show", "host-2", "-o", "json"}).out)["drainingIpv4Subnet"],
              "10.3.2.0/24");
  }
}

TEST_F(Moving, RenumberSaysWhatComesNext) {
  const Result result = Run({"node", "renumber", "host-2"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("Node host-2 has 10.60.9.0/24,fd00:3:0:2::/64 leaving "
                                    "10.3.2.0/24. Pods keep the addresses they have"));
  EXPECT_THAT(result.out, HasSubstr("heddlectl node renumber host-2 --finish"));
  EXPECT_THAT(Run({"node", "renumber", "host-1"}).out, HasSubstr("nothing has been changed"));
}

TEST_F(Moving, FinishAsksFirst) {
  EXPECT_EQ(Run({"node", "renumber", "host-2", "--finish"}, "n\n", true).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
  EXPECT_EQ(Run({"node", "renumber", "host-2", "--finish", "--yes"}, "", true).code, ExitCode::kOk);
  EXPECT_THAT(admin_.requests(), ElementsAre("RenumberNode{node_id: \"host-2\" finish: true}"));
}

TEST_F(Commands, NetworkSetRefusesUnreadableInput) {
  EXPECT_EQ(Run({"network", "set", "/nonexistent"}).code, ExitCode::kUsage);
  EXPECT_EQ(Run({"network", "set", "-"}, std::string((1 << 20) + 1, ' ')).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Commands, NodeCommandsNameTheNode) {
  EXPECT_EQ(Run({"node", "accept", "host-2"}).code, ExitCode::kOk);
  EXPECT_EQ(Run({"node", "remove", "host-2"}).code, ExitCode::kOk);
  EXPECT_THAT(admin_.requests(), ElementsAre("AcceptRemovals{node_id: \"host-2\"}",
                                             "RemoveNode{node_id: \"host-2\"}"));
}

TEST_F(Commands, AskBeforeWhatCannotBeTakenBack) {
  EXPECT_EQ(Run({"node", "remove", "host-2"}, "n\n", true).code, ExitCode::kUsage);
  EXPECT_EQ(Run({"lease", "release", "host-2"}, "", true).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
  EXPECT_EQ(Run({"node", "remove", "host-2"}, "y\n", true).code, ExitCode::kOk);
  const Result result = Run({"lease", "release", "host-2", "--yes"}, "", true);
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.err, IsEmpty());
  EXPECT_EQ(admin_.requests().size(), 2u);
}

// ---- The doctor ----

TEST_F(Commands, DoctorShowsWhatIsWrongAndSaysSoInItsExitCode) {
  const Result table = Run({"doctor", "host-1", "host-2", "--peer", "host-2", "--max-peers", "3"});
  EXPECT_EQ(table.code, ExitCode::kUnwell) << table.err;
  EXPECT_THAT(table.err, IsEmpty());
  ExpectGolden("doctor.txt", table.out);
  EXPECT_EQ(admin_.requests().at(0),
            "Diagnose{node_ids: \"host-1\" node_ids: \"host-2\" peer_ids: \"host-2\" "
            "timeout_seconds: 20 max_peers: 3}");
  ExpectGolden("doctor_verbose.txt", Run({"doctor", "--verbose"}).out);
  ExpectGolden("doctor.json", Run({"doctor", "-o", "json"}).out);
}

TEST_F(Commands, DoctorOfAWellClusterIsShort) {
  admin_.state().diagnosis = {admin_.state().diagnosis[1]};
  const Result result = Run({"doctor"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.out;
  EXPECT_EQ(result.out,
            "1 of 1 pairs ok. Round trips: underlay min 0.08 ms, median 0.08 ms, max 0.08 ms; "
            "overlay min 0.16 ms, median 0.16 ms, max 0.16 ms.\n");
}

TEST_F(Commands, DoctorShowsRefusalsAndRefusesMalformedEvents) {
  admin_.state().diagnosis[1].mutable_probe()->set_ip_version(5);
  EXPECT_THAT(Run({"doctor"}).err, HasSubstr("is malformed"));
  admin_.state().errors["Diagnose"] = absl::NotFoundError("there is no node 'host-9'");
  const Result result = Run({"doctor", "host-9"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_THAT(result.err, HasSubstr("cannot have the nodes probed: there is no node 'host-9'"));
}

// ---- Waiting ----

TEST_F(Commands, WaitEndsWhenAllHaveApplied) {
  const Result result = Run({"lease", "reserve", "host-2", "--wait"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("Every node has applied revision 21.\n"));
  EXPECT_EQ(admin_.requests().back(), "WaitApplied{revision: 21 timeout_seconds: 60}");
}

TEST_F(Commands, WaitNamesLaggards) {
  for (const char* id : {"host-10", "host-9"}) {
    v1::Laggard* laggard = admin_.state().wait.add_laggards();
    laggard->set_node_id(id);
    laggard->set_attached(std::string(id) == "host-9");
    laggard->set_applied_revision(12);
  }
  const Result result = Run({"network", "set", "-", "--wait", "--wait-timeout-seconds", "5"}, "{}");
  EXPECT_EQ(result.code, ExitCode::kLagging);
  EXPECT_THAT(result.out, HasSubstr("The network is set, at revision 21."));
  EXPECT_EQ(result.err,
            "heddlectl: the change is made, but not every node has applied revision 21 within 5 s: "
            "host-9 (at revision 12), host-10 (detached, at revision 12). See why with \"heddlectl "
            "node show NODE\".\n");
}

TEST_F(Commands, WaitGivesProgramsOneDocument) {
  admin_.state().wait.add_laggards()->set_node_id("host-9");
  const Result result = Run({"node", "remove", "host-2", "--wait", "-o", "json"});
  EXPECT_EQ(result.code, ExitCode::kLagging);
  const Json json = Json::parse(result.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << result.out;
  EXPECT_EQ(json["revision"], 21);
  EXPECT_EQ(json["wait"]["laggards"][0]["nodeId"], "host-9");
}

// ---- Errors ----

TEST_F(Commands, ShowTheControllersRefusal) {
  admin_.state().errors["ReserveLease"] =
      absl::AlreadyExistsError("node host-1 holds 10.3.1.0/24. Choose another subnet");
  const Result result = Run({"lease", "reserve", "host-2", "10.3.1.0/24"});
  EXPECT_EQ(result.code, ExitCode::kRefused);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err,
            "heddlectl: cannot reserve a subnet for node host-2: node host-1 holds 10.3.1.0/24. "
            "Choose another subnet.\n");
}

TEST_F(Commands, NotFoundSuggestsTheNearestNode) {
  const Result result = Run({"node", "show", "hots-2"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_EQ(result.err,
            "heddlectl: cannot show node hots-2: there is no node hots-2. Did you mean host-2?\n");
}

TEST_F(Commands, MalformedAnswerIsAnError) {
  admin_.state().leases.mutable_leases(0)->mutable_ipv4_subnet()->set_length(99);
  const Result result = Run({"lease", "list"});
  EXPECT_EQ(result.code, ExitCode::kFailure);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr("is malformed"));
}

TEST_F(Commands, TheFirstControllerThatAnswersIsUsed) {
  const Result result = RunWith("127.0.0.1:1," + admin_.address(), {"node", "list", "-o", "name"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.out, "host-1\nhost-2\nhost-10\n");
}

TEST(NoController, IsNamed) {
  const Result result = RunWith("127.0.0.1:1", {"status"});
  EXPECT_EQ(result.code, ExitCode::kUnreachable);
  EXPECT_THAT(result.err, HasSubstr("cannot connect to a controller at 127.0.0.1:1 (Connection "
                                    "refused). Check that heddle-controller runs there"));
  EXPECT_EQ(RunWith("127.0.0.1:1,127.0.0.1:2", {"status"}).code, ExitCode::kUnreachable);
}

TEST(Usage, ErrorsAskNobody) {
  struct Case {
    std::vector<std::string> words;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{}, "a command is missing"},
      {{"lese", "list"},
       "there is no command \"lese\"; did you mean lease? See \"heddlectl --help\""},
      {{"lease"}, "a command is missing"},
      {{"lease", "lsit"}, "did you mean list? See \"heddlectl lease --help\""},
      {{"lease", "show"}, "node is required"},
      {{"lease", "list", "extra"}, "extra"},
      {{"lease", "list", "-o", "xml"}, "xml not in {table,wide,json,yaml,name}"},
      {{"status", "-o", "name"}, "-o name is only for commands that list objects"},
      {{"status", "--timeout-seconds", "0"}, "not in range"},
      {{"lease", "reserve", "a", "10.0.0.0/24", "fd00::/64", "10.1.0.0/24"}, "At Most 2"}};
  for (const Case& c : cases) {
    const Result result = RunWith("127.0.0.1:1", c.words);
    EXPECT_EQ(result.code, ExitCode::kUsage) << result.err;
    EXPECT_THAT(result.err, StartsWith("heddlectl: "));
    EXPECT_THAT(result.err, HasSubstr(c.message));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

}  // namespace
}  // namespace heddle::cli
