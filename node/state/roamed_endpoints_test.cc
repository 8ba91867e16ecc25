#include "node/state/roamed_endpoints.h"

#include "gtest/gtest.h"
#include "node/state/diff.h"

namespace heddle::node {
namespace {

WireguardPeerKey KeyOf(int number) {
  WireguardKey key;
  key.bytes.fill(static_cast<std::uint8_t>(number));
  return {"heddle.wg", key};
}

WireguardPeer At(const char* address, bool is_alive = false) {
  WireguardPeer peer;
  peer.endpoint = *Ip::Parse(address);
  peer.endpoint_port = 51820;
  peer.allowed = {*Prefix::Parse("10.3.7.0/24")};
  peer.is_alive = is_alive;
  return peer;
}

NetworkState With(const WireguardPeer& peer) {
  NetworkState state;
  state.wireguard_peers[KeyOf(1)] = peer;
  return state;
}

TEST(RoamedEndpoints, ALiveSessionKeepsWhatTheKernelLearned) {
  NetworkState desired = With(At("192.0.2.1"));
  const NetworkState actual = With(At("198.51.100.9", true));
  KeepRoamedEndpoints(actual, {}, &desired);
  EXPECT_TRUE(Diff(actual, desired).empty());
  desired.wireguard_peers[KeyOf(1)].keepalive_seconds = 5;  // nothing but the endpoint is kept
  KeepRoamedEndpoints(actual, {}, &desired);
  EXPECT_EQ(Diff(actual, desired).size(), 1u);
}

TEST(RoamedEndpoints, ADeadSessionGetsTheAnnouncedOne) {
  NetworkState desired = With(At("192.0.2.1"));
  KeepRoamedEndpoints(With(At("198.51.100.9")), {}, &desired);
  EXPECT_TRUE(desired == With(At("192.0.2.1")));
}

TEST(RoamedEndpoints, APeerThatMovedGetsTheAnnouncedOne) {
  NetworkState desired = With(At("192.0.2.1"));
  KeepRoamedEndpoints(With(At("198.51.100.9", true)), {KeyOf(1)}, &desired);
  EXPECT_TRUE(desired == With(At("192.0.2.1")));
}

TEST(RoamedEndpoints, PeersThatOneSideLacksAreLeftAlone) {
  NetworkState desired = With(At("192.0.2.1"));
  NetworkState actual;
  actual.wireguard_peers[KeyOf(2)] = At("198.51.100.9", true);
  KeepRoamedEndpoints(actual, {}, &desired);
  EXPECT_TRUE(desired == With(At("192.0.2.1")));
}

TEST(RoamedEndpoints, MovedAreThoseWithAnotherEndpointOrPort) {
  EXPECT_TRUE(MovedPeers(With(At("192.0.2.1")), With(At("192.0.2.1"))).empty());
  EXPECT_TRUE(MovedPeers({}, With(At("192.0.2.1"))).empty());
  EXPECT_TRUE(MovedPeers(With(At("192.0.2.1")), {}).empty());
  EXPECT_TRUE(MovedPeers(With(At("192.0.2.1")), With(At("192.0.2.2"))).contains(KeyOf(1)));
  WireguardPeer other_port = At("192.0.2.1");
  other_port.endpoint_port = 1;
  EXPECT_TRUE(MovedPeers(With(At("192.0.2.1")), With(other_port)).contains(KeyOf(1)));
}

TEST(RoamedEndpoints, ADeltaThatMovesNobodySetsNoEndpoint) {
  NetworkState before = With(At("192.0.2.1")), after = before;
  after.wireguard_peers[KeyOf(1)].allowed.push_back(*Prefix::Parse("10.4.7.0/24"));
  LeaveEndpoints(&before, &after);
  ASSERT_EQ(Diff(before, after).size(), 1u);
  EXPECT_FALSE(after.wireguard_peers[KeyOf(1)].endpoint);
}

TEST(RoamedEndpoints, ADeltaThatMovesAPeerSetsItsEndpoint) {
  NetworkState before = With(At("192.0.2.1")), after = With(At("192.0.2.2"));
  LeaveEndpoints(&before, &after);
  EXPECT_TRUE(after == With(At("192.0.2.2")));
  EXPECT_EQ(Diff(before, after).size(), 1u);
}

}  // namespace
}  // namespace heddle::node
