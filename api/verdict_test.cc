#include "api/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace heddle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Probe Answered(std::uint32_t bytes) { return {bytes, true, absl::Microseconds(200), ""}; }
Probe Lost(std::uint32_t bytes) { return {bytes, false, absl::ZeroDuration(), ""}; }
Probe Unsent(std::uint32_t bytes, std::string error) {
  return {bytes, false, absl::ZeroDuration(), std::move(error)};
}

// h1's way to h2, in perfect order.
PeerProbe Well() {
  PeerProbe probe;
  probe.node_id = "h2";
  probe.backend_type = "vxlan";
  probe.underlay_address = *Ip::Parse("192.0.2.2");
  probe.overlay_address = *Ip::Parse("10.244.2.0");
  probe.underlay_small = probe.overlay_small = Answered(100);
  probe.underlay_full = Answered(1500);
  probe.overlay_full = Answered(1450);
  return probe;
}

PeerProbe WellBack() {
  PeerProbe probe = Well();
  probe.node_id = "h1";
  return probe;
}

void SilenceOverlay(PeerProbe* probe) {
  probe->overlay_small = Lost(100);
  probe->overlay_full = Probe();
  probe->overlay_any_mac = Lost(100);
}

void SilenceAll(PeerProbe* probe) {
  SilenceOverlay(probe);
  probe->underlay_small = Lost(100);
  probe->underlay_full = Probe();
}

// What is known, as values that a case changes.
struct Known {
  PeerProbe probe = Well();
  std::optional<PeerProbe> reverse;
  std::vector<HostFinding> own, theirs;
  Evidence::Attached peer = Evidence::Attached::kUnknown;
  std::optional<BackendConfig> backend;
};

struct Case {
  std::string name;
  std::function<void(Known*)> change;
  absl::string_view cause;
  std::vector<std::string> says;  // parts of the advice
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class VerdictTest : public ::testing::TestWithParam<Case> {};

TEST_P(VerdictTest, NamesTheCauseAndWhatToDo) {
  Known known;
  GetParam().change(&known);
  Evidence evidence{"h1", known.probe};
  evidence.reverse = known.reverse ? &*known.reverse : nullptr;
  evidence.from_findings = known.own;
  evidence.to_findings = known.theirs;
  evidence.peer = known.peer;
  evidence.backend = known.backend ? &*known.backend : nullptr;
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.cause, GetParam().cause) << verdict.advice;
  EXPECT_EQ(verdict.ok(), verdict.advice.empty()) << verdict.advice;
  for (const std::string& part : GetParam().says) EXPECT_THAT(verdict.advice, HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    All, VerdictTest,
    ::testing::Values(Case{"AllWell", [](Known*) {}, kOk, {}},
                      Case{"OverlayNotProbed",
                           [](Known* k) {
                             k->probe.backend_type = "host-gw";
                             k->probe.overlay_small = k->probe.overlay_full = Probe();
                           },
                           kOk,
                           {}},
                      Case{"OnlyIcmpFilteredOnTheUnderlay",
                           [](Known* k) {
                             k->probe.underlay_small = Lost(100);
                             k->probe.underlay_full = Probe();
                           },
                           kOk,
                           {}},
                      Case{"HostDown",
                           [](Known* k) {
                             SilenceAll(&k->probe);
                             k->peer = Evidence::Attached::kNo;
                           },
                           kUnreachable,
                           {"h2 (192.0.2.2)", "most likely down", "heddlectl node remove h2"}},
                      Case{"SilentButAttached",
                           [](Known* k) {
                             SilenceAll(&k->probe);
                             k->peer = Evidence::Attached::kYes;
                           },
                           kUnreachable,
                           {"attached, so the host is up", "firewall"}},
                      Case{"SilentAndAloneToJudge",
                           [](Known* k) { SilenceAll(&k->probe); },
                           kUnreachable,
                           {"down or cut off, or a firewall"}},
                      Case{"SilentOneWayOnly",
                           [](Known* k) {
                             SilenceAll(&k->probe);
                             k->reverse = WellBack();
                           },
                           kUnreachable,
                           {"answered when it asks h1", "firewall on h2"}},
                      Case{"NoRoute",
                           [](Known* k) {
                             SilenceAll(&k->probe);
                             k->probe.underlay_small = Unsent(100, "Network is unreachable");
                           },
                           kNotSent,
                           {"h1 cannot send to h2 on the underlay", "Network is unreachable"}},
                      Case{"UdpBlocked",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->reverse = WellBack();
                             SilenceOverlay(&*k->reverse);
                             k->peer = Evidence::Attached::kYes;
                             k->backend = BackendConfig{"vxlan", {{"Port", std::int64_t{0}}}};
                           },
                           kUdpBlocked,
                           {"UDP port 8472 is blocked by a firewall", "vxlan"}},
                      Case{"UdpBlockedOnAnotherPort",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->backend = BackendConfig{"vxlan", {{"Port", std::int64_t{4789}}}};
                           },
                           kUdpBlocked,
                           {"UDP port 4789"}},
                      Case{"TunnelSilentAndPeerDetached",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->peer = Evidence::Attached::kNo;
                           },
                           kUdpBlocked,
                           {"blocked", "or the device is gone there"}},
                      Case{"TunnelSilentAndMacNotTried",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Probe();
                           },
                           kUdpBlocked,
                           {"blocked", "or its device has another MAC"}},
                      Case{"WireguardBlockedOrKeyless",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Probe();
                             k->probe.backend_type = "wireguard";
                             k->backend = BackendConfig{"wireguard",
                                                        {{"ListenPort", std::int64_t{51820}},
                                                         {"ListenPortV6", std::int64_t{51821}},
                                                         {"Mode", std::string("separate")}}};
                           },
                           kUdpBlocked,
                           {"UDP port 51820", "key"}},
                      Case{"UdpBackendBlockedOrWithoutItsForwarder",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Probe();
                             k->probe.backend_type = "udp";
                             k->backend = BackendConfig{"udp", {{"Port", std::int64_t{7890}}}};
                           },
                           kUdpBlocked,
                           {"UDP port 7890", "heddle-forwarder does not run there"}},
                      Case{"IpipBlocked",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Probe();
                             k->probe.backend_type = "ipip";
                           },
                           kProtocolBlocked,
                           {"IP protocol 4"}},
                      Case{"WrongMacProvedByBroadcast",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Answered(100);
                             k->peer = Evidence::Attached::kNo;
                           },
                           kWrongVtep,
                           {"tunnel device of h2", "another one", "Start heddle-node there"}},
                      Case{"WrongMacFoundByThePeer",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->theirs = {{"wrong_vtep", "heddle.1 has MAC x", std::nullopt}};
                           },
                           kWrongVtep,
                           {"h2: heddle.1 has MAC x"}},
                      Case{"DeviceGone",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_any_mac = Unsent(100, "Connection refused");
                           },
                           kNoTunnel,
                           {"h2 says of its UDP port: Connection refused", "device is missing",
                            "firewall"}},
                      Case{"KernelModuleMissingHere",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->own = {{"kernel_module", "no ipip", std::nullopt}};
                           },
                           kKernelModule,
                           {"h1: no ipip"}},
                      Case{"KernelModuleMissingThereWinsOverSendErrors",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_small.error = "Invalid argument";
                             k->theirs = {{"kernel_module", "no ipip", std::nullopt}};
                           },
                           kKernelModule,
                           {"h2: no ipip"}},
                      Case{"OverlayNotSent",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->probe.overlay_small.error = "Invalid argument";
                           },
                           kNotSent,
                           {"on the overlay", "Invalid argument"}},
                      Case{"OneWayThroughTheTunnel",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->reverse = WellBack();
                             k->peer = Evidence::Attached::kYes;
                           },
                           kFiltered,
                           {"firewall on h2", "comes out of the tunnel"}},
                      Case{"RpFilterExplainsASilentTunnel",
                           [](Known* k) {
                             SilenceOverlay(&k->probe);
                             k->theirs = {{"rp_filter", "strict on heddle.1", Family::kV4}};
                           },
                           kRpFilter,
                           {"h2: strict on heddle.1"}},
                      Case{"BlackHoleBothWays",
                           [](Known* k) {
                             k->probe.underlay_full = Lost(1500);
                             k->probe.overlay_full = Lost(1450);
                             k->probe.underlay_largest_bytes = 1400;
                             k->probe.overlay_largest_bytes = 1350;
                           },
                           kMtuBlackHole,
                           {"1500 bytes are lost and 1400 pass",
                            "1450 bytes are lost and 1350 pass", "carries 1400 bytes"}},
                      Case{"BlackHoleThatFragmentsSurvive",
                           [](Known* k) {
                             k->probe.underlay_full = Lost(1500);
                             k->probe.underlay_largest_bytes = 1400;
                           },
                           kMtuBlackHole,
                           {"1400 pass", "in fragments"}},
                      Case{"BlackHoleWithUnderlayFiltered",
                           [](Known* k) {
                             k->probe.underlay_small = Lost(100);
                             k->probe.underlay_full = Probe();
                             k->probe.overlay_full = Lost(1450);
                           },
                           kMtuBlackHole,
                           {"on the overlay 1450 bytes are lost"}},
                      Case{"ForwardingOffHere",
                           [](Known* k) {
                             k->own = {{"ip_forward", "off", Family::kV4}};
                           },
                           kIpForward,
                           {"h1: off"}},
                      Case{"ForwardingOffThere",
                           [](Known* k) {
                             k->theirs = {{"ip_forward", "off", Family::kV4}};
                           },
                           kIpForward,
                           {"h2: off"}},
                      Case{"FindingOfTheOtherFamily",
                           [](Known* k) {
                             k->theirs = {{"ip_forward", "off", Family::kV6}};
                           },
                           kOk,
                           {}},
                      Case{"FirewallDropsForward",
                           [](Known* k) {
                             k->theirs = {{"firewall", "FORWARD drops", std::nullopt}};
                           },
                           kFirewall,
                           {"h2: FORWARD drops"}},
                      Case{"WhatIsLostNowComesBeforeWhatWouldBe",
                           [](Known* k) {
                             SilenceAll(&k->probe);
                             k->own = {{"ip_forward", "off", Family::kV4}};
                           },
                           kUnreachable,
                           {}}),
    [](const ::testing::TestParamInfo<Case>& param) { return param.param.name; });

TEST(IsHostCause, TellsHostsFromPaths) {
  EXPECT_TRUE(IsHostCause(kIpForward));
  EXPECT_TRUE(IsHostCause(kWrongVtep));
  EXPECT_FALSE(IsHostCause(kUdpBlocked));
  EXPECT_FALSE(IsHostCause(kOk));
}

}  // namespace
}  // namespace heddle
