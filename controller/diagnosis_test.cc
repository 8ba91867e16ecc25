#include "controller/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/convert_probe.h"
#include "controller/probe_reports.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PeerProbe Well(const std::string& peer) {
  PeerProbe probe;
  probe.node_id = peer;
  probe.backend_type = "vxlan";
  probe.underlay_small = probe.overlay_small = {100, true, absl::Microseconds(90), ""};
  probe.underlay_full = {1500, true, absl::Microseconds(90), ""};
  probe.overlay_full = {1450, true, absl::Microseconds(90), ""};
  return probe;
}

PeerProbe TunnelSilent(const std::string& peer) {
  PeerProbe probe = Well(peer);
  probe.overlay_small.answered = false;
  probe.overlay_full = Probe();
  return probe;
}

ProbeReport Last(std::vector<PeerProbe> peers) {
  ProbeReport report;
  report.peers = std::move(peers);
  report.last = true;
  return report;
}

// "h1>h2 ok", "h1 done", "h1 done: why", "h1 finds firewall".
std::vector<std::string> Told(Diagnosis* diagnosis) {
  std::vector<std::string> lines;
  for (const v1::DiagnoseEvent& event : diagnosis->TakeEvents()) {
    std::string line = event.node_id();
    if (event.has_probe()) line += ">" + event.probe().node_id() + " " + event.verdict();
    if (event.has_host()) line += " finds " + event.host().cause();
    if (event.node_done()) line += " done";
    if (!event.node_error().empty()) line += ": " + event.node_error();
    lines.push_back(line);
  }
  return lines;
}

TEST(Diagnosis, JudgesAPairWhenBothEndsHaveSpoken) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", true, true}}, 0);
  diagnosis.OnReport("h1", Last({TunnelSilent("h2")}));
  EXPECT_THAT(Told(&diagnosis), ElementsAre("h1 done"));
  EXPECT_FALSE(diagnosis.is_done());
  diagnosis.OnReport("h2", Last({Well("h1")}));
  // Only together they say that the tunnel works one way.
  EXPECT_THAT(Told(&diagnosis), ElementsAre("h2>h1 ok", "h1>h2 filtered", "h2 done"));
  EXPECT_TRUE(diagnosis.is_done());
}

TEST(Diagnosis, APeersFindingExplainsAPair) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", true, true}}, 0);
  ProbeReport report = Last({Well("h1")});
  report.host = {{"firewall", "FORWARD drops", std::nullopt}};
  diagnosis.OnReport("h2", report);
  diagnosis.OnReport("h1", Last({Well("h2")}));
  EXPECT_THAT(Told(&diagnosis), ElementsAre("h2 finds firewall", "h2 done", "h1>h2 firewall",
                                            "h2>h1 firewall", "h1 done"));
}

TEST(Diagnosis, DoesNotWaitForWhoCannotProbe) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", false, true}, {"h3", false, false}}, 0);
  diagnosis.Fail("h2", "not attached");
  diagnosis.OnReport("h1", Last({Well("h2"), TunnelSilent("h3")}));
  const auto told = Told(&diagnosis);
  EXPECT_THAT(told, ::testing::UnorderedElementsAre("h2 done: not attached", "h1>h2 ok",
                                                    "h1>h3 udp_blocked", "h1 done"));
}

TEST(Diagnosis, KeepsWhatCameBeforeTimeRanOut) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", true, true}}, 0);
  ProbeReport part = Last({Well("h2")});
  part.last = false;
  diagnosis.OnReport("h1", part);
  EXPECT_THAT(Told(&diagnosis), IsEmpty());
  diagnosis.FailRest("too late");
  EXPECT_THAT(Told(&diagnosis), ElementsAre("h1 done: too late", "h1>h2 ok", "h2 done: too late"));
  EXPECT_TRUE(diagnosis.is_done());
}

TEST(Diagnosis, TakesOnlyWhatWasAskedAndOnce) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", true, false}}, 0);
  diagnosis.OnReport("h9", Last({Well("h1")}));
  diagnosis.OnReport("h2", Last({Well("h1")}));
  EXPECT_THAT(Told(&diagnosis), IsEmpty());
  diagnosis.OnReport("h1", Last({Well("h1"), Well("h9"), Well("h2"), TunnelSilent("h2")}));
  diagnosis.OnReport("h1", Last({TunnelSilent("h2")}));
  EXPECT_THAT(Told(&diagnosis), ElementsAre("h1>h2 ok", "h1 done"));
}

TEST(Diagnosis, SaysThatANodeProbedAChoiceOnly) {
  Diagnosis diagnosis({}, {{"h1", true, true}, {"h2", true, false}, {"h3", true, false}}, 1);
  diagnosis.OnReport("h1", Last({Well("h2")}));
  const auto events = diagnosis.TakeEvents();
  EXPECT_EQ(events.back().max_peers(), 1u);
}

TEST(Diagnosis, NamesThePortOfTheNetwork) {
  Network network;
  network.backend = {"vxlan", {{"Port", std::int64_t{4790}}}};
  Diagnosis diagnosis(network, {{"h1", true, true}, {"h2", true, false}}, 0);
  diagnosis.OnReport("h1", Last({TunnelSilent("h2")}));
  EXPECT_THAT(diagnosis.TakeEvents().at(0).advice(), HasSubstr("UDP port 4790"));
}

TEST(ProbeReports, KeepOnlyWhatIsAwaited) {
  ProbeReports reports;
  reports.Add("h1", ProbeReport{1, {}, {}, true, ""});
  EXPECT_THAT(reports.Take(), IsEmpty());
  const std::uint64_t id = reports.Open();
  reports.Add("h1", ProbeReport{id, {}, {}, true, ""});
  reports.Add("h1", ProbeReport{id + 1, {}, {}, true, ""});
  reports.Add("h2", absl::UnavailableError("gone"));
  const auto taken = reports.Take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].report->request_id, id);
  EXPECT_EQ(taken[1].node_id, "h2");
  for (int i = 0; i < 100'000; ++i) reports.Add("h1", ProbeReport{id, {}, {}, true, ""});
  EXPECT_LT(reports.Take().size(), 20'000u);
  reports.Close(id);
  reports.Add("h2", absl::UnavailableError("gone"));
  EXPECT_THAT(reports.Take(), IsEmpty());
}

}  // namespace
}  // namespace heddle::controller
