// Encode, then decode. On a real kernel the same is checked by wireguard_kernel_test.cc.

#include "node/dataplane/codec/wireguard.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

constexpr std::uint16_t kFamily = 31;
constexpr char kLink[] = "heddle.wg";
const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

WireguardKey KeyOf(int number) {
  WireguardKey key;
  key.bytes.fill(static_cast<std::uint8_t>(number));
  return key;
}

WireguardPeer WholePeer(Family family) {
  WireguardPeer peer;
  peer.endpoint = family == Family::kV4 ? *Ip::Parse("192.0.2.7") : *Ip::Parse("2001:db8::7");
  peer.endpoint_port = 51820;
  peer.allowed = {*Prefix::Parse("10.3.7.0/24"), *Prefix::Parse("fd00:3:0:7::/64")};
  peer.keepalive_seconds = 25;
  peer.preshared_key = KeyOf(9);
  return peer;
}

Message MessageOf(const MessageBuilder& builder) {
  absl::string_view bytes = builder.bytes();
  const auto message = TakeMessage(&bytes);
  EXPECT_TRUE(message && bytes.empty());
  return *message;
}

// What the messages tell of kLink, as a state.
NetworkState Decoded(const std::vector<const MessageBuilder*>& messages) {
  WireguardDump dump;
  for (const MessageBuilder* builder : messages) {
    DecodeWireguard(MessageOf(*builder), kFamily, kNow, &dump);
  }
  NetworkState state;
  dump.MoveTo(kLink, &state);
  return state;
}

MessageBuilder Encoded(int key, const WireguardPeer& peer) {
  MessageBuilder builder;
  Encode(kFamily, Kind::kAdd, WireguardPeerKey{kLink, KeyOf(key)}, peer, &builder);
  return builder;
}

// A peer as the kernel tells it, `add` having put in what only the kernel says.
template <typename Add>
MessageBuilder Told(int key, Add add) {
  MessageBuilder builder;
  builder.Begin(kFamily, 0, genlmsghdr{});
  MessageBuilder::Nest peers(&builder, WGDEVICE_A_PEERS);
  MessageBuilder::Nest element(&builder, 0);
  builder.AttributeNumber(WGPEER_A_PUBLIC_KEY, KeyOf(key).bytes);
  add(&builder);
  return builder;
}

class WireguardCodecTest : public testing::TestWithParam<Family> {};
INSTANTIATE_TEST_SUITE_P(Families, WireguardCodecTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

TEST_P(WireguardCodecTest, EncodeThenDecodeIsTheIdentity) {
  const WireguardPeer whole = WholePeer(GetParam());
  WireguardPeer bare;
  bare.allowed = {*Prefix::Parse("0.0.0.0/0"), *Prefix::Parse("::/0")};
  for (const WireguardPeer& peer : {whole, bare, WireguardPeer{}}) {
    const MessageBuilder builder = Encoded(1, peer);
    const NetworkState state = Decoded({&builder});
    ASSERT_EQ(state.wireguard_peers.size(), 1u);
    EXPECT_TRUE((state.wireguard_peers.begin()->first == WireguardPeerKey{kLink, KeyOf(1)}));
    EXPECT_TRUE(state.wireguard_peers.begin()->second == peer) << state.ToString();
    EXPECT_TRUE(state.wireguard_devices.empty());
  }
}

// The kernel answers a private key with the public one that belongs to it.
TEST(WireguardCodec, ADeviceSurvivesTheRoundTrip) {
  const WireguardDevice device{KeyOf(2), 51820};
  MessageBuilder builder;
  Encode(kFamily, Kind::kAdd, kLink, device, KeyOf(3).bytes, &builder);
  EXPECT_TRUE(Decoded({&builder}).empty());  // without a key it is none
  builder.AttributeNumber(WGDEVICE_A_PUBLIC_KEY, device.public_key.bytes);
  const NetworkState state = Decoded({&builder});
  ASSERT_EQ(state.wireguard_devices.size(), 1u);
  EXPECT_TRUE(state.wireguard_devices.at(kLink) == device);
}

TEST(WireguardCodec, ADeviceThatMarksItsPacketsIsDrift) {
  MessageBuilder builder;
  builder.Begin(kFamily, 0, genlmsghdr{});
  builder.AttributeNumber(WGDEVICE_A_LISTEN_PORT, std::uint16_t{51820});
  builder.AttributeNumber(WGDEVICE_A_FWMARK, std::uint32_t{1});
  builder.AttributeNumber(WGDEVICE_A_PUBLIC_KEY, KeyOf(1).bytes);
  EXPECT_EQ(Decoded({&builder}).wireguard_devices.at(kLink).listen_port, 0);
}

TEST(WireguardCodec, APeerGoesOnInTheNextMessage) {
  WireguardPeer first = WholePeer(Family::kV4), second = WholePeer(Family::kV6);
  const MessageBuilder one = Encoded(5, first), two = Encoded(3, second);
  const MessageBuilder rest = Told(3, [](MessageBuilder* out) {
    MessageBuilder::Nest allowed(out, WGPEER_A_ALLOWEDIPS);
    MessageBuilder::Nest element(out, 0);
    out->AttributeNumber(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_INET});
    out->AttributeIp(WGALLOWEDIP_A_IPADDR, *Ip::Parse("10.3.6.0"));
    out->AttributeNumber(WGALLOWEDIP_A_CIDR_MASK, std::uint8_t{24});
  });
  NetworkState state = Decoded({&one, &two, &rest});
  second.allowed.insert(second.allowed.begin(), *Prefix::Parse("10.3.6.0/24"));
  EXPECT_EQ(state.wireguard_peers.size(), 2u);
  EXPECT_TRUE((state.wireguard_peers[{kLink, KeyOf(5)}] == first));
  EXPECT_TRUE((state.wireguard_peers[{kLink, KeyOf(3)}] == second)) << state.ToString();
}

TEST(WireguardCodec, ASessionIsAliveForThreeMinutes) {
  const auto is_alive = [](std::int64_t age_seconds) {
    const MessageBuilder told = Told(1, [&](MessageBuilder* out) {
      const std::int64_t at[2] = {absl::ToUnixSeconds(kNow) - age_seconds, 0};
      out->Attribute(WGPEER_A_LAST_HANDSHAKE_TIME, {reinterpret_cast<const char*>(at), sizeof(at)});
    });
    return Decoded({&told}).wireguard_peers.begin()->second.is_alive;
  };
  EXPECT_TRUE(is_alive(0));
  EXPECT_TRUE(is_alive(179));
  EXPECT_FALSE(is_alive(180));
  EXPECT_FALSE(is_alive(absl::ToUnixSeconds(kNow)));  // there never was one
  EXPECT_FALSE(is_alive(-100'000));
}

TEST(WireguardCodec, HostilePrefixesAndPeersDecodeToNothing) {
  struct Row {
    std::uint16_t family;
    std::string address;
    std::uint8_t length;
  };
  const Row rows[] = {{AF_INET, "1234", 33},
                      {AF_INET6, "1234", 24},
                      {AF_INET, std::string(16, '1'), 24},
                      {AF_INET6, std::string(16, '1'), 129},
                      {AF_INET, "123", 24}};
  for (const Row& row : rows) {
    const MessageBuilder told = Told(1, [&](MessageBuilder* out) {
      out->Attribute(WGPEER_A_ENDPOINT, "short");
      MessageBuilder::Nest allowed(out, WGPEER_A_ALLOWEDIPS);
      MessageBuilder::Nest element(out, 0);
      out->AttributeNumber(WGALLOWEDIP_A_FAMILY, row.family);
      out->Attribute(WGALLOWEDIP_A_IPADDR, row.address);
      out->AttributeNumber(WGALLOWEDIP_A_CIDR_MASK, row.length);
    });
    EXPECT_TRUE(Decoded({&told}).wireguard_peers.begin()->second == WireguardPeer{});
  }
  MessageBuilder nameless;
  nameless.Begin(kFamily, 0, genlmsghdr{});
  nameless.Attribute(WGDEVICE_A_PEERS, std::string("\x08\x00\x00\x00zzzz", 8));
  EXPECT_TRUE(Decoded({&nameless}).empty());
}

TEST_P(WireguardCodecTest, EveryCutDoesNoHarm) {
  const MessageBuilder builder = Encoded(1, WholePeer(GetParam()));
  const Message message = MessageOf(builder);
  for (std::size_t end = 0; end < message.payload.size(); ++end) {
    const std::string cut(message.payload.substr(0, end));  // on the heap, for the sanitizer
    Message shorter = message;
    shorter.payload = cut;
    WireguardDump dump;
    DecodeWireguard(shorter, kFamily, kNow, &dump);
  }
}

TEST(WireguardCodec, AnotherFamilysMessageIsNone) {
  const MessageBuilder builder = Encoded(1, WholePeer(Family::kV4));
  WireguardDump dump;
  DecodeWireguard(MessageOf(builder), kFamily + 1, kNow, &dump);
  EXPECT_TRUE(dump.peers.empty());
}

TEST(WireguardCodec, ReadsTheFamilysNumber) {
  MessageBuilder answer;
  answer.Begin(GENL_ID_CTRL, 0, genlmsghdr{});
  EXPECT_FALSE(DecodeFamily(MessageOf(answer)));
  answer.AttributeNumber(CTRL_ATTR_FAMILY_ID, kFamily);
  EXPECT_EQ(DecodeFamily(MessageOf(answer)), kFamily);
}

TEST(WireguardCodec, TheMostPrefixesFitOneMessage) {
  WireguardPeer peer = WholePeer(Family::kV6);
  peer.allowed.clear();
  for (std::size_t n = 0; n < kMaxAllowedPrefixes; ++n) {
    peer.allowed.push_back(Prefix(Ip(Family::kV6, absl::uint128{n} << 64), 64));
  }
  const MessageBuilder builder = Encoded(1, peer);
  EXPECT_TRUE(Decoded({&builder}).wireguard_peers.begin()->second == peer);
}

}  // namespace
}  // namespace heddle::node
