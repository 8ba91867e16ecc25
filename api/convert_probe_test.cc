#include "api/convert_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heddle {
namespace {

using ::testing::HasSubstr;

ProbeReport Sample() {
  PeerProbe probe;
  probe.node_id = "h2";
  probe.family = Family::kV6;
  probe.backend_type = "vxlan";
  probe.underlay_address = *Ip::Parse("2001:db8::2");
  probe.overlay_address = *Ip::Parse("fd00:244::");
  probe.underlay_small = {100, true, absl::Microseconds(250), ""};
  probe.underlay_full = {1500, true, absl::Microseconds(350), ""};
  probe.overlay_small = {100, false, absl::ZeroDuration(), "Network is unreachable"};
  probe.overlay_any_mac = {100, false, absl::ZeroDuration(), ""};
  probe.underlay_largest_bytes = 1400;
  ProbeReport report;
  report.request_id = 7;
  report.peers = {probe};
  report.host = {{"firewall", "FORWARD drops", std::nullopt}, {"ip_forward", "off", Family::kV4}};
  report.last = true;
  report.error = "half of it";
  return report;
}

TEST(ConvertProbe, ReportSurvivesTheWire) {
  const ProbeReport report = Sample();
  const auto again = FromProto(ToProto(report));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, report);
}

TEST(ConvertProbe, RequestSurvivesTheWire) {
  const ProbeRequest request{9, {"h1", "h2"}, 3};
  const auto again = FromProto(ToProto(request));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, request);
}

struct Hostile {
  std::string field;
  void (*change)(v1::ProbeReport*);
};

TEST(ConvertProbe, RefusesHostileReportsByField) {
  const Hostile cases[] = {
      {"node_id", [](v1::ProbeReport* r) { r->mutable_peers(0)->set_node_id("../x"); }},
      {"ip_version", [](v1::ProbeReport* r) { r->mutable_peers(0)->set_ip_version(5); }},
      {"backend_type",
       [](v1::ProbeReport* r) { r->mutable_peers(0)->set_backend_type(std::string(33, 'x')); }},
      {"underlay_small.size_bytes",
       [](v1::ProbeReport* r) {
         r->mutable_peers(0)->mutable_underlay_small()->set_size_bytes(65536);
       }},
      {"underlay_small.rtt_ns",
       [](v1::ProbeReport* r) {
         r->mutable_peers(0)->mutable_underlay_small()->set_rtt_ns(~0ull);
       }},
      {"overlay_full: answered, but not probed",
       [](v1::ProbeReport* r) { r->mutable_peers(0)->mutable_overlay_full()->set_answered(true); }},
      {"overlay_small.error",
       [](v1::ProbeReport* r) {
         r->mutable_peers(0)->mutable_overlay_small()->set_error(std::string(513, 'x'));
       }},
      {"underlay_address",
       [](v1::ProbeReport* r) {
         r->mutable_peers(0)->mutable_underlay_address()->set_value("abc");
       }},
      {"overlay_largest_bytes",
       [](v1::ProbeReport* r) { r->mutable_peers(0)->set_overlay_largest_bytes(70000); }},
      {"cause", [](v1::ProbeReport* r) { r->mutable_host(0)->set_cause("rm -rf"); }},
      {"message",
       [](v1::ProbeReport* r) { r->mutable_host(0)->set_message(std::string(9999, 'x')); }},
      {"peers",
       [](v1::ProbeReport* r) {
         while (r->peers_size() <= kMaxProbesPerReport) *r->add_peers() = r->peers(0);
       }},
      {"host", [](v1::ProbeReport* r) {
         while (r->host_size() <= kMaxFindings) *r->add_host() = r->host(0);
       }}};
  for (const Hostile& hostile : cases) {
    v1::ProbeReport message = ToProto(Sample());
    hostile.change(&message);
    const auto report = FromProto(message);
    EXPECT_TRUE(absl::IsInvalidArgument(report.status())) << hostile.field;
    EXPECT_THAT(std::string(report.status().message()), HasSubstr(hostile.field));
  }
}

TEST(ConvertProbe, RefusesHostileRequests) {
  v1::ProbeRequest message;
  message.add_node_ids("A B");
  EXPECT_FALSE(FromProto(message).ok());
  message.clear_node_ids();
  for (int i = 0; i <= kMaxProbeNodes; ++i) message.add_node_ids("a");
  EXPECT_FALSE(FromProto(message).ok());
}

TEST(ConvertProbe, CutsLongTextBetweenCharacters) {
  ProbeReport report = Sample();
  report.host[0].message = std::string(kMaxProbeTextBytes - 1, 'x') + "\xc3\xa4";
  const v1::ProbeReport message = ToProto(report);
  EXPECT_EQ(message.host(0).message(), std::string(kMaxProbeTextBytes - 1, 'x'));
}

TEST(ConvertProbe, BoundsReachabilityWithoutRefusingIt) {
  v1::Reachability message;
  message.set_probed(3);
  message.set_reachable(9);
  for (int i = 0; i < 1000; ++i) message.add_failures(std::string(2000, 'x'));
  const Reachability reachability = FromProto(message);
  EXPECT_EQ(reachability.reachable, 3u);
  EXPECT_EQ(reachability.failures.size(), 16u);
  EXPECT_EQ(reachability.failures[0].size(), kMaxProbeTextBytes);
}

}  // namespace
}  // namespace heddle
