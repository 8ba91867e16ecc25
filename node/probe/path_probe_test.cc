#include "node/probe/path_probe.h"

#include <gtest/gtest.h>

#include <functional>

#include "node/probe/echo_packet.h"

namespace heddle::node {
namespace {

using Way = PathProbe::Way;

ProbeTarget Target() {
  ProbeTarget target;
  target.node_id = "h2";
  target.backend_type = "vxlan";
  target.underlay = {*Ip::Parse("192.0.2.1"), *Ip::Parse("192.0.2.2"), 1500};
  target.overlay = ProbeTarget::Way{*Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.2.0"), 1450};
  target.vxlan = ProbeTarget::Vxlan{};
  return target;
}

// Answers what `passes` lets through after a millisecond; counts what was sent.
struct Network {
  std::function<bool(const PathProbe::Packet&)> passes;
  int sent = 0;
  absl::Duration took = {};

  PeerProbe Run(PathProbe* probe) {
    const absl::Time start = absl::UnixEpoch();
    absl::Time now = start;
    while (!probe->is_done()) {
      if (now - start > absl::Seconds(60) || sent > 1000) {
        ADD_FAILURE() << "it does not end";
        break;
      }
      while (const auto packet = probe->Next(now)) {
        ++sent;
        if (passes(*packet)) probe->Answered(*packet, absl::Milliseconds(1), now);
      }
      took = now - start;
      now = std::max(now + absl::Milliseconds(1), probe->due());
    }
    return probe->Result();
  }
};

TEST(PathProbe, FourPacketsWhenAllIsWell) {
  PathProbe probe(Target());
  Network network{[](const PathProbe::Packet&) { return true; }};
  const PeerProbe result = network.Run(&probe);
  EXPECT_EQ(network.sent, 4);
  EXPECT_TRUE(result.underlay_full.answered);
  EXPECT_TRUE(result.overlay_full.answered);
  EXPECT_EQ(result.underlay_full.size_bytes, 1500u);
  EXPECT_EQ(result.overlay_full.size_bytes, 1450u);
  EXPECT_FALSE(result.overlay_any_mac.was_probed());
  EXPECT_EQ(result.underlay_largest_bytes, 0u);
}

TEST(PathProbe, FindsTheLargestSizeToTheByte) {
  for (int limit : {kSmallPacketBytes, 101, 576, 1279, 1400, 1449, 1499}) {
    PathProbe probe(Target());
    Network network{[limit](const PathProbe::Packet& p) { return p.bytes <= limit; }};
    const PeerProbe result = network.Run(&probe);
    EXPECT_TRUE(result.underlay_full.failed());
    EXPECT_EQ(result.underlay_largest_bytes, static_cast<std::uint32_t>(limit));
    EXPECT_EQ(result.overlay_largest_bytes, limit >= 1450 ? 0u : static_cast<unsigned>(limit));
    EXPECT_LT(network.sent, 80);
    EXPECT_LT(network.took, absl::Seconds(8));
  }
}

TEST(PathProbe, OnePacketLostByChanceIsNoFault) {
  int number = 0;
  PathProbe probe(Target());
  Network network{[&](const PathProbe::Packet&) { return ++number > 2; }};
  const PeerProbe result = network.Run(&probe);
  EXPECT_TRUE(result.underlay_small.answered);
  EXPECT_TRUE(result.overlay_full.answered);
}

TEST(PathProbe, TriesEveryMacOnlyWhenTheTunnelIsSilent) {
  PathProbe probe(Target());
  Network network{[](const PathProbe::Packet& p) { return p.way != Way::kOverlay; }};
  const PeerProbe result = network.Run(&probe);
  EXPECT_FALSE(result.overlay_small.answered);
  EXPECT_TRUE(result.overlay_any_mac.answered);
  ProbeTarget plain = Target();
  plain.vxlan.reset();
  PathProbe without(plain);
  EXPECT_FALSE(network.Run(&without).overlay_any_mac.was_probed());
}

TEST(PathProbe, ASilentPeerIsGivenUpInSeconds) {
  PathProbe probe(Target());
  Network network{[](const PathProbe::Packet&) { return false; }};
  const PeerProbe result = network.Run(&probe);
  EXPECT_TRUE(result.underlay_small.failed());
  EXPECT_TRUE(result.overlay_any_mac.failed());
  EXPECT_FALSE(result.underlay_full.was_probed());
  EXPECT_LE(network.sent, 9);
  EXPECT_LT(network.took, absl::Seconds(6));
}

TEST(PathProbe, WhatCannotBeSentIsNotTriedAgain) {
  PathProbe probe(Target());
  const absl::Time now = absl::UnixEpoch();
  while (const auto packet = probe.Next(now)) probe.Refused(*packet, "no route", now);
  EXPECT_TRUE(probe.is_done());
  EXPECT_EQ(probe.Result().underlay_small.error, "no route");
  EXPECT_EQ(probe.Result().overlay_small.error, "no route");
  EXPECT_FALSE(probe.Result().overlay_any_mac.was_probed());
}

TEST(PathProbe, WithoutAnOverlayOnlyTheUnderlayIsProbed) {
  ProbeTarget target = Target();
  target.overlay.reset();
  target.vxlan.reset();
  PathProbe probe(target);
  Network network{[](const PathProbe::Packet&) { return true; }};
  const PeerProbe result = network.Run(&probe);
  EXPECT_EQ(network.sent, 2);
  EXPECT_FALSE(result.overlay_small.was_probed());
  EXPECT_FALSE(result.overlay_address);
}

TEST(PathProbe, OnlyThePeerMayAnswer) {
  PathProbe probe(Target());
  EXPECT_TRUE(probe.MayAnswer(Way::kUnderlay, *Ip::Parse("192.0.2.2")));
  EXPECT_FALSE(probe.MayAnswer(Way::kUnderlay, *Ip::Parse("10.0.2.0")));
  EXPECT_TRUE(probe.MayAnswer(Way::kAnyMac, *Ip::Parse("10.0.2.0")));
  EXPECT_FALSE(probe.MayAnswer(Way::kOverlay, *Ip::Parse("192.0.2.2")));
}

}  // namespace
}  // namespace heddle::node
